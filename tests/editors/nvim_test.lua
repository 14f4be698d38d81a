--- Tests the plugin and the server in a real Neovim. `run-nvim` starts this file.
---
--- Nothing sleeps: each check waits for its condition until a timeout. The tests call the functions behind a user's keys and compare
--- whole texts.

local TIMEOUT_MS = 10000 -- only failing checks wait this long

local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))
local since_0_11 = vim.fn.has('nvim-0.11') == 1
local version = ('%d.%d.%d'):format(vim.version().major, vim.version().minor, vim.version().patch)

---------------------------------------------------------------------------------------------------------------------------
-- Checks

local failures = 0

local function print_line(line)
  io.stdout:write(line, '\n')
end

local function show(value)
  return type(value) == 'string' and value or vim.inspect(value)
end

--- Compares two values and reports the result. A failure does not stop the test.
local function equal(what, got, expected)
  if vim.deep_equal(got, expected) then
    print_line(('ok - %s: %s'):format(version, what))
    return
  end
  failures = failures + 1
  print_line(('not ok - %s: %s'):format(version, what))
  local function part(name, value)
    print_line('  ' .. name .. ':')
    for _, line in ipairs(vim.split(show(value), '\n')) do
      print_line('    ' .. line)
    end
  end
  part('expected', expected)
  part('got', got)
end

--- Waits until a probe returns the expected value. On timeout, reports the last value.
local function eventually(what, probe, expected)
  local got
  vim.wait(TIMEOUT_MS, function()
    got = probe()
    return vim.deep_equal(got, expected)
  end, 5)
  equal(what, got, expected)
end

--- Waits until a probe returns a truthy value and returns it. On timeout, ends the test.
local function wait_for(what, probe)
  local value
  vim.wait(TIMEOUT_MS, function()
    value = probe()
    return value
  end, 5)
  return value or error(('waited %d s for %s'):format(TIMEOUT_MS / 1000, what), 0)
end

---------------------------------------------------------------------------------------------------------------------------
-- Helpers

--- All diagnostics that the server sent, by document: `{ version, diagnostics }`, the newest last.
---@type table<string, lsp.PublishDiagnosticsParams[]>
local published = vim.defaulttable()

local method = 'textDocument/publishDiagnostics'
local original = vim.lsp.handlers[method]
vim.lsp.handlers[method] = function(err, result, ...)
  table.insert(published[result.uri], result)
  return original(err, result, ...)
end

-- Neovim 0.12 pulls diagnostics instead. Each response is for the version of the text at the time of the request.
local pull = 'textDocument/diagnostic'
local answered = vim.lsp.handlers[pull]
vim.lsp.handlers[pull] = function(err, result, ctx)
  if result then
    local all = published[ctx.params.textDocument.uri]
    local diagnostics = result.items or (all[#all] or {}).diagnostics
    table.insert(all, { version = ctx.version, diagnostics = diagnostics })
  end
  return answered(err, result, ctx)
end

-- Neovim does not ask the server for the version in published diagnostics. The tests need it.
local make_client_capabilities = vim.lsp.protocol.make_client_capabilities
vim.lsp.protocol.make_client_capabilities = function()
  local capabilities = make_client_capabilities()
  capabilities.textDocument.publishDiagnostics.versionSupport = true
  return capabilities
end

local function clients(buf)
  return vim.lsp.get_clients({ name = 'kubeharden', bufnr = buf })
end

--- Creates a workspace with a `.git` and copies of the named fixtures. Returns its path.
local function workspace(...)
  local folder = vim.fn.tempname()
  vim.fn.mkdir(folder .. '/.git', 'p')
  for _, name in ipairs({ ... }) do
    assert(vim.uv.fs_copyfile(vim.fs.joinpath(here, name), vim.fs.joinpath(folder, name)))
  end
  return vim.uv.fs_realpath(folder)
end

local function read(path)
  local file = assert(io.open(path, 'rb'))
  local bytes = file:read('*a')
  file:close()
  return bytes
end

local function write(path, bytes)
  local file = assert(io.open(path, 'wb'))
  file:write(bytes)
  file:close()
end

--- Returns the bytes that `:write` would write.
local function text(buf)
  local eol = vim.bo[buf].fileformat == 'dos' and '\r\n' or '\n'
  local bytes = table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, true), eol)
  return vim.bo[buf].endofline and bytes .. eol or bytes
end

--- Returns the start of a diagnostic, in the units of `nvim_win_set_cursor`, and the text that it covers.
local function where(buf, d)
  local covered = vim.api.nvim_buf_get_text(buf, d.lnum, d.col, d.end_lnum, d.end_col, {})
  return { { d.lnum + 1, d.col }, table.concat(covered, '\n') }
end

--- Returns the diagnostics from line `first` on, formatted and sorted.
local function findings(buf, first)
  local lines = {}
  for _, d in ipairs(vim.diagnostic.get(buf)) do
    if d.lnum + 1 >= (first or 1) then
      local begin, covered = unpack(where(buf, d))
      table.insert(lines, ('%d:%d %s on "%s": %s'):format(begin[1], begin[2], d.code, covered, d.message))
    end
  end
  table.sort(lines)
  return lines
end

--- Returns the first diagnostic at or below a line that contains a finding of a rule, alone or in a group.
local function finding(buf, rule, first)
  for _, d in ipairs(vim.diagnostic.get(buf)) do
    if d.lnum + 1 >= (first or 1) and vim.list_contains(d.user_data.lsp.data.rules, rule) then
      return d
    end
  end
end

--- Waits for the diagnostics of the current version of the text.
local function settle(buf)
  local all = published[vim.uri_from_bufnr(buf)]
  wait_for('the diagnostics of version ' .. tostring(vim.lsp.util.buf_versions[buf]), function()
    local newest = all[#all]
    return newest and newest.version == vim.lsp.util.buf_versions[buf]
  end)
end

local function open(path)
  vim.cmd.edit(vim.fn.fnameescape(path))
  local buf = vim.api.nvim_get_current_buf()
  settle(buf)
  return buf
end

--- Returns the position of a text, in the units of `nvim_win_set_cursor`.
local function position(buf, needle)
  for n, line in ipairs(vim.api.nvim_buf_get_lines(buf, 0, -1, true)) do
    local column = line:find(needle, 1, true)
    if column then
      return { n, column - 1 }
    end
  end
  error('no line with ' .. needle, 0)
end

--- Returns the position of the name of a container.
local function container(buf, name)
  local n, column = unpack(position(buf, '- name: ' .. name))
  return { n, column + #'- name: ' }
end

local function replace_line(buf, old, new)
  local n = position(buf, old)[1]
  vim.api.nvim_buf_set_lines(buf, n - 1, n, true, { new })
end

local function stop(running)
  for _, client in ipairs(running) do
    if since_0_11 then
      client:stop()
    else
      client.stop()
    end
  end
end

--- Stops all servers and wipes all buffers.
local function reset()
  stop(clients())
  wait_for('the servers to end', function()
    return #clients() == 0
  end)
  vim.cmd('silent %bwipeout!')
end

---------------------------------------------------------------------------------------------------------------------------
-- Tests

local tests = {}
local function test(what, run)
  table.insert(tests, { what = what, run = run })
end

if since_0_11 then
  test('vim.lsp.enable() without setup()', function()
    vim.lsp.enable('kubeharden')
    local folder = workspace('shop.yaml')
    local buf = open(folder .. '/shop.yaml')
    equal('enable(): container web has a finding', finding(buf, 'privilege-escalation').lnum + 1, container(buf, 'web')[1])
    equal('enable(): the root is the repository', clients(buf)[1].root_dir, folder)
    vim.lsp.enable('kubeharden', false)
  end)
end

--- Returns all global state that a plugin could change.
local function global_state()
  local globals = vim.tbl_keys(_G)
  local variables = vim.fn.getcompletion('g:', 'var')
  local options = vim.tbl_map(function(option)
    local readable, value = pcall(vim.api.nvim_get_option_value, option.name, {})
    return option.name .. '=' .. tostring(readable and value)
  end, vim.tbl_values(vim.api.nvim_get_all_options_info()))
  local events = vim.tbl_map(function(event)
    return ('%s %s %s'):format(event.event, event.pattern, event.group_name)
  end, vim.api.nvim_get_autocmds({}))
  local commands, keys = vim.tbl_keys(vim.api.nvim_get_commands({})), {}
  for _, mode in ipairs({ 'n', 'i', 'x', 'o', 'c' }) do
    for _, map in ipairs(vim.api.nvim_get_keymap(mode)) do
      table.insert(keys, mode .. map.lhs)
    end
  end
  for _, list in ipairs({ globals, variables, options, events, commands, keys }) do
    table.sort(list)
  end
  return { globals = globals, variables = variables, options = options, events = events, commands = commands, keys = keys }
end

test('global state', function()
  vim.api.nvim_get_autocmds({})
  require('vim.lsp') -- loads its own autocommands
  local before = global_state()
  require('kubeharden')
  require('kubeharden.status')
  require('kubeharden.health')
  equal('loading the modules changes nothing', global_state(), before)
  require('kubeharden').setup()
  local after = global_state()
  local ours = vim.tbl_filter(function(event)
    return not vim.list_contains(before.events, event) and not event:find('nvim.', 1, true)
  end, after.events)
  equal('setup() adds autocommands to its own group only', vim.tbl_filter(function(event)
    return not event:find(' kubeharden$')
  end, ours), {})
  after.events, before.events = nil, nil
  equal('setup() sets no option, key, command or variable', after, before)
end)

test('setup()', function()
  equal('setup() rejects an unknown option', { pcall(require('kubeharden').setup, { fix_onsave = true }) }, {
    false,
    "kubeharden.setup: unknown option 'fix_onsave'",
  })
  vim.cmd.edit(workspace('shop.yaml') .. '/shop.yaml')
  equal('no server runs before setup()', #clients(), 0)
  require('kubeharden').setup()
  eventually('setup() attaches to open buffers', function()
    return #clients(vim.api.nvim_get_current_buf())
  end, 1)
end)

test('diagnostics', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  equal('filetype', vim.bo[buf].filetype, 'yaml')

  local web = finding(buf, 'privilege-escalation')
  equal('privilege-escalation is a warning from kubeharden', web and { web.source, web.severity }, {
    'kubeharden',
    vim.diagnostic.severity.WARN,
  })
  equal('privilege-escalation covers the name of the container', web and where(buf, web), { container(buf, 'web'), 'web' })
  local pod = finding(buf, 'missing-seccomp-profile')
  local spec = position(buf, '    spec:')[1]
  equal('missing-seccomp-profile covers the spec of the pod', pod and where(buf, pod), { { spec, 4 }, 'spec' })
  local queue = finding(buf, 'privilege-escalation', position(buf, '---')[1])
  equal('the second document has findings too', queue and { queue.lnum + 1, queue.col }, container(buf, 'queue'))
  equal('run-as-root-allowed is reported', finding(buf, 'run-as-root-allowed') ~= nil, true)
  equal('missing settings of a container are one diagnostic', { #vim.diagnostic.get(buf, { lnum = web.lnum }), web.code }, {
    1,
    'missing-hardening',
  })
end)

test('grouping by rule', function()
  require('kubeharden').setup({ settings = { grouping = 'rule' } })
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  local web = finding(buf, 'privilege-escalation')
  equal('grouping by rule: the code is the rule', web.code, 'privilege-escalation')
  equal('grouping by rule: the line has several diagnostics', #vim.diagnostic.get(buf, { lnum = web.lnum }) > 3, true)
  require('kubeharden').setup({ settings = { grouping = 'container' } })
end)

test('a syntax error', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  local second = position(buf, '---')[1] + 1
  local first_state, of_second = findings(buf), findings(buf, second)

  replace_line(buf, '  replicas: 2', '  replicas 2')
  settle(buf)
  local mark = finding(buf, 'syntax-error')
  equal('a line without a colon is a syntax error', mark and mark.severity, vim.diagnostic.severity.ERROR)
  equal('the syntax error is in the first document', mark and mark.lnum + 1 < second, true)
  equal('the second document keeps its findings', findings(buf, second), of_second)

  replace_line(buf, '  replicas 2', '  replicas: 2')
  settle(buf)
  equal('fixing the syntax error restores all findings', findings(buf), first_state)
end)

test('a line inserted above', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  local queue = container(buf, 'queue')
  vim.api.nvim_buf_set_lines(buf, 0, 0, true, { '# one more line' })
  settle(buf)
  local d = finding(buf, 'privilege-escalation', queue[1])
  equal('a finding moves with its line', d and { d.lnum + 1, d.col }, { queue[1] + 1, queue[2] })
end)

--- Applies the code action under the cursor whose title has a prefix.
local function apply_action(title)
  vim.lsp.buf.code_action({
    apply = true,
    filter = function(action)
      return vim.startswith(action.title, title) and not action.disabled
    end,
  })
end

test('a quick fix', function()
  local path = workspace('shop.yaml') .. '/shop.yaml'
  local buf = open(path)
  local original_text = read(path)
  equal('the buffer holds the bytes of the file', text(buf), original_text)

  local image = '          image: registry.example.com/shop/web:2.14.0\n'
  local fixed = original_text:gsub(
    vim.pesc(image),
    image .. '          securityContext:\n            allowPrivilegeEscalation: false\n'
  )
  vim.api.nvim_win_set_cursor(0, container(buf, 'web'))
  apply_action('Set allowPrivilegeEscalation: false')
  eventually('the fix of privilege-escalation changes only its bytes', function()
    return text(buf)
  end, fixed)
  settle(buf)
  local left = finding(buf, 'privilege-escalation')
  equal('only the finding of the other container is left', left and left.lnum + 1, container(buf, 'queue')[1])

  vim.cmd('silent undo')
  equal('undo restores the bytes', text(buf), original_text)
  settle(buf)
  equal('undo restores the finding', finding(buf, 'privilege-escalation').lnum + 1, container(buf, 'web')[1])
end)

test('all missing settings of a container', function()
  local path = workspace('shop.yaml') .. '/shop.yaml'
  local buf = open(path)
  local original_text = read(path)
  vim.api.nvim_win_set_cursor(0, container(buf, 'web'))
  apply_action('Add 3 missing settings to container web')
  local image = '          image: registry.example.com/shop/web:2.14.0\n'
  local added = [[
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop:
                - ALL
            readOnlyRootFilesystem: true
]]
  eventually('one action adds all settings', function()
    return text(buf)
  end, (original_text:gsub(vim.pesc(image), image .. added)))
  vim.cmd('silent undo')
  equal('one undo reverts all settings', text(buf), original_text)
end)

test('harden a workload', function()
  local path = workspace('shop.yaml') .. '/shop.yaml'
  local buf = open(path)
  local original_text = read(path)
  vim.api.nvim_win_set_cursor(0, position(buf, 'revisionHistoryLimit'))
  apply_action('Harden Deployment shop')
  wait_for('the Deployment to be hardened', function()
    return text(buf) ~= original_text
  end)
  settle(buf)
  local second = position(buf, '---')[1]
  local left = vim.tbl_filter(function(rule)
    local d = finding(buf, rule)
    return d ~= nil and d.lnum + 1 < second
  end, { 'privilege-escalation', 'undropped-capabilities', 'run-as-root-allowed', 'missing-seccomp-profile' })
  equal('Harden Deployment works anywhere in the Deployment', left, {})
  equal('the other Deployment does not change', finding(buf, 'run-as-root-allowed') ~= nil, true)
  vim.cmd('silent undo')
  equal('one undo reverts the hardening', text(buf), original_text)
end)

--- Sends a request and returns the response.
local function request_sync(buf, method_name, params)
  local client = clients(buf)[1]
  if since_0_11 then
    return client:request_sync(method_name, params, TIMEOUT_MS, buf)
  end
  return client.request_sync(method_name, params, TIMEOUT_MS, buf)
end

test('an outdated action', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  -- Neovim opens a text with version 0 and accepts outdated edits for version 0. This edit raises the version.
  vim.api.nvim_buf_set_lines(buf, 0, 0, true, { '# another line' })
  settle(buf)
  vim.api.nvim_win_set_cursor(0, container(buf, 'web'))
  local params = vim.lsp.util.make_range_params(0, 'utf-16')
  params.context = { diagnostics = {} }
  local actions = request_sync(buf, 'textDocument/codeAction', params).result
  local function titled(title)
    return vim.tbl_filter(function(action)
      return vim.startswith(action.title, title)
    end, actions)[1]
  end
  local fix, harden = titled('Set allowPrivilegeEscalation'), titled('Harden Deployment')
  vim.api.nvim_buf_set_lines(buf, 0, 0, true, { '# one more line' })
  settle(buf)
  local changed = text(buf)
  vim.lsp.util.apply_workspace_edit(fix.edit, 'utf-16')
  equal('Neovim rejects edits for an outdated text', text(buf), changed)
  local response = request_sync(buf, 'codeAction/resolve', harden)
  equal('the server rejects an outdated action', { response.result, response.err.code }, { nil, -32801 })
end)

test('all safe fixes', function()
  local folder = workspace('shop.yaml')
  local buf = open(folder .. '/shop.yaml')
  equal('fix_all() reports a change', require('kubeharden').fix_all(), true)
  settle(buf)
  local left = vim.tbl_filter(function(code)
    return finding(buf, code) ~= nil
  end, { 'privilege-escalation', 'missing-seccomp-profile' })
  equal('fix_all() resolves all findings with a safe fix', left, {})
  equal('fix_all() keeps findings without a safe fix', finding(buf, 'run-as-root-allowed') ~= nil, true)
  local once = text(buf)
  equal('a second fix_all() changes nothing', { require('kubeharden').fix_all(), text(buf) }, { false, once })

  vim.cmd('silent undo')
  settle(buf)
  vim.lsp.buf.code_action({ context = { only = { 'source.fixAll.kubeharden' }, diagnostics = {} }, apply = true })
  eventually('source.fixAll.kubeharden is one action with the same result', function()
    return text(buf)
  end, once)
end)

test('fix on save', function()
  local path = workspace('shop.yaml') .. '/shop.yaml'
  write(path, (read(path):gsub('\n', '\r\n')))
  local before = read(path)
  local buf = open(path)
  vim.cmd('silent write')
  equal('without fix_on_save, :write does not change the text', read(path), before)

  require('kubeharden').setup({ fix_on_save = true })
  vim.cmd('silent write')
  local written = read(path)
  require('kubeharden').setup({ fix_on_save = false })
  equal('fix_on_save writes the fixes', select(2, written:gsub('allowPrivilegeEscalation: false', '')), 2)
  equal('the file and the buffer are equal', { written, vim.bo[buf].modified }, { text(buf), false })
  equal('every line still ends with CRLF', select(2, written:gsub('\n', '')), select(2, written:gsub('\r\n', '')))
end)

test('hover', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  vim.api.nvim_win_set_cursor(0, container(buf, 'web'))
  vim.lsp.buf.hover()
  local shown = wait_for('the hover window', function()
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then
        return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, true), '\n')
      end
    end
  end)
  equal('hover names the rule: ' .. vim.split(shown, '\n')[1], shown:find('privilege-escalation', 1, true) ~= nil, true)
  equal('hover explains the rule', #vim.split(shown, '\n') >= 2, true)
  vim.cmd('silent fclose!')
end)

test('definition', function()
  local folder = workspace()
  local claim = 'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: till-data\nspec:\n  accessModes: [ReadWriteOnce]\n'
  vim.fn.mkdir(folder .. '/claims')
  write(folder .. '/claims/till.yaml', claim)
  local volume = '{name: data, persistentVolumeClaim: {claimName: till-data}}'
  write(folder .. '/pod.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: till}\nspec:\n  containers: [{name: till, image: till:1.0}]\n'
    .. '  volumes:\n    - ' .. volume .. '\n')
  local buf = open(folder .. '/pod.yaml')
  local line, column = unpack(position(buf, 'till-data'))
  vim.api.nvim_win_set_cursor(0, { line, column + 5 })
  -- The server finds the other file after it has searched the workspace.
  wait_for('the claim', function()
    local encoding = clients(buf)[1].offset_encoding
    local found = request_sync(buf, 'textDocument/definition', vim.lsp.util.make_position_params(0, encoding)).result
    return found and #found == 1
  end)
  vim.lsp.buf.definition()
  eventually('the definition of the name of a claim is the claim', function()
    return { vim.fs.basename(vim.api.nvim_buf_get_name(0)), unpack(vim.api.nvim_win_get_cursor(0)) }
  end, { 'till.yaml', 4, 8 })
end)

test('other YAML', function()
  local buf = open(workspace('compose.yaml') .. '/compose.yaml')
  equal('the server attaches to other YAML', #clients(buf), 1)
  equal('other YAML has no diagnostics', findings(buf), {})
end)

test('closing', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  local uri = vim.uri_from_bufnr(buf)
  equal('an open buffer has diagnostics', #vim.diagnostic.get(buf) > 0, true)
  local pulls = clients(buf)[1].server_capabilities.diagnosticProvider ~= nil
  vim.cmd.bdelete()
  -- Neovim clears pulled diagnostics itself.
  if not pulls then
    eventually('closing a buffer: the server clears its diagnostics', function()
      return published[uri][#published[uri]].diagnostics
    end, {})
  end
  equal('closing a buffer: Neovim shows no diagnostics', vim.diagnostic.get(buf), {})
end)

--- Runs a health check and returns the lines that match a pattern.
local function checkhealth(name, pattern)
  vim.cmd('silent checkhealth ' .. name)
  local lines = vim.api.nvim_buf_get_lines(0, 0, -1, true)
  vim.cmd('silent bwipeout!')
  return vim.tbl_filter(function(line)
    return line:find(pattern) ~= nil
  end, lines)
end

test(':checkhealth', function()
  open(workspace('shop.yaml') .. '/shop.yaml')
  equal(':checkhealth kubeharden has no ERROR', checkhealth('kubeharden', 'ERROR'), {})
  equal(':checkhealth kubeharden has no WARNING', checkhealth('kubeharden', 'WARNING'), {})
  equal(':checkhealth kubeharden shows the version', #checkhealth('kubeharden', 'OK .*/kubeharden: kubeharden %d'), 1)
  equal(':checkhealth kubeharden shows the file', #checkhealth('kubeharden', 'OK client %d+ is attached to .*shop%.yaml'), 1)

  local cmd = require('kubeharden').config().cmd
  require('kubeharden').setup({ cmd = { 'no-such-program', 'server' } })
  local errors = checkhealth('kubeharden', 'ERROR')
  require('kubeharden').setup({ cmd = cmd })
  equal(':checkhealth kubeharden reports a missing binary', { #errors, (errors[1] or ''):match("'.*") }, {
    1,
    "'no-such-program' is not executable or not on the PATH",
  })
end)

test('the status line', function()
  local status = require('kubeharden').status
  local folder = workspace('shop.yaml', 'compose.yaml')
  local events = 0
  vim.api.nvim_create_autocmd('User', {
    pattern = 'KubehardenStatus',
    callback = function()
      events = events + 1
    end,
  })
  local buf = open(folder .. '/shop.yaml')
  eventually('status: the default profile', status, 'kubeharden: hardened')
  equal('status: KubehardenStatus is triggered', events > 0, true)
  vim.o.statusline = "%{v:lua.require'kubeharden'.status()}"
  equal('status: the status line of the manual', vim.api.nvim_eval_statusline(vim.o.statusline, {}).str, status(buf))

  write(folder .. '/.kubeharden.yaml', 'profile: restricted\nkubernetesVersion: "1.33"\n')
  vim.cmd('silent edit!')
  eventually('status: with a configuration file', status, 'kubeharden: restricted (.kubeharden.yaml)')
  equal(':checkhealth shows the configuration file', #checkhealth('kubeharden', 'OK .*%.kubeharden%.yaml is valid'), 1)
  equal(':checkhealth shows the profile', #checkhealth('kubeharden', 'shop%.yaml: restricted %(%.kubeharden%.yaml%)'), 1)
  write(folder .. '/.kubeharden.yaml', 'profile: restrictive\n')
  vim.cmd('silent edit!')
  eventually('status: with a configuration error', status, 'kubeharden: restricted (.kubeharden.yaml), 1 configuration error')
  local errors = checkhealth('kubeharden', 'ERROR')
  equal(':checkhealth shows the configuration error', { #errors, errors[1]:find('.kubeharden.yaml:1: ', 1, true) ~= nil }, { 1, true })

  write(folder .. '/.kubeharden.yaml', '{}\n')
  write(folder .. '/namespaced.yaml', 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: till}\n---\n'
    .. 'apiVersion: v1\nkind: Namespace\nmetadata: {name: till, labels: {pod-security.kubernetes.io/enforce: restricted}}\n')
  open(folder .. '/namespaced.yaml')
  eventually('status: a profile from a Namespace', status, 'kubeharden: hardened (restricted in Namespace till, .kubeharden.yaml)')

  open(folder .. '/compose.yaml')
  wait_for('the status of the other YAML', require('kubeharden.status').of)
  equal('status: empty for other YAML', status(), '')
  equal(':checkhealth reports other YAML', #checkhealth('kubeharden', 'compose%.yaml: not a Kubernetes manifest'), 1)
  equal('status: for another buffer', status(buf) ~= '', true)

  vim.fn.mkdir(folder .. '/chart/templates', 'p')
  write(folder .. '/chart/Chart.yaml', 'apiVersion: v2\nname: shop\nversion: 1.0.0\n')
  write(folder .. '/chart/.kubeharden.yaml', 'profile: hardened\n')
  write(folder .. '/chart/templates/pod.yaml', 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n')
  vim.cmd.edit(folder .. '/chart/templates/pod.yaml')
  vim.bo.filetype = 'yaml'
  eventually('status: a Helm template', status, 'kubeharden: hardened (.kubeharden.yaml), Helm template: literal values only')
  vim.cmd.enew()
  equal('status: empty without a server', status(), '')
  vim.o.statusline = ''
end)

test(':checkhealth warnings', function()
  local cmd = require('kubeharden').config().cmd
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  vim.lsp.start({ name = 'hardening', cmd = cmd, root_dir = '/' }, { bufnr = buf })
  local function clients_named(name)
    return vim.lsp.get_clients({ name = name, bufnr = buf })
  end
  wait_for('another client', function()
    return #clients_named('hardening') == 1 and clients_named('hardening')[1].initialized
  end)
  equal(':checkhealth reports a client with another name', #checkhealth('kubeharden', "WARNING the client 'hardening' also runs kubeharden"), 1)
  vim.lsp.start({ name = 'kubeharden', cmd = cmd, root_dir = '/' }, { bufnr = buf, reuse_client = function() return false end })
  wait_for('two clients', function()
    return #clients_named('kubeharden') == 2
  end)
  equal(':checkhealth reports two clients', #checkhealth('kubeharden', 'WARNING 2 kubeharden clients are attached to'), 1)
  stop(clients_named('hardening'))

  local script = vim.fn.tempname()
  write(script, '#!/bin/sh\necho kubeharden 0.0.9\n')
  vim.uv.fs_chmod(script, 493) -- 0755
  require('kubeharden').setup({ cmd = { script, 'server' } })
  equal(':checkhealth reports an old server', #checkhealth('kubeharden', 'ERROR .*kubeharden 0%.0%.9, but this plugin requires'), 1)
  if since_0_11 then
    equal(':checkhealth reports a replaced binary', #checkhealth('kubeharden', 'WARNING client %d+ runs kubeharden .*0%.0%.9 is installed') > 0, true)
  end
  write(script, '#!/bin/sh\necho something else\n')
  equal(':checkhealth reports another program', #checkhealth('kubeharden', 'ERROR .*is not a kubeharden binary'), 1)
  require('kubeharden').setup({ cmd = cmd })

  stop(vim.lsp.get_clients({ bufnr = buf }))
  wait_for('no client', function()
    return #vim.lsp.get_clients({ bufnr = buf }) == 0
  end)
  equal(':checkhealth reports a manifest without a client', #checkhealth('kubeharden', 'WARNING .*no kubeharden client is attached'), 1)
end)

test('the manual', function()
  local folder = vim.fn.tempname()
  vim.fn.mkdir(folder .. '/doc', 'p')
  local manual = vim.api.nvim_get_runtime_file('doc/kubeharden.txt', false)[1]
  assert(vim.uv.fs_copyfile(manual, folder .. '/doc/kubeharden.txt'))
  local ok, err = pcall(vim.cmd.helptags, folder .. '/doc')
  equal(':helptags reports no error', { ok, err }, { true, vim.NIL ~= err and err or nil })
  vim.opt.runtimepath:append(folder)
  for _, tag in ipairs({ 'kubeharden', 'kubeharden.txt', 'kubeharden.setup()', 'kubeharden.fix_all()', 'kubeharden.status()', 'kubeharden-health' }) do
    equal(':help ' .. tag, vim.fn.getcompletion(tag, 'help')[1], tag)
  end
  if not since_0_11 then
    return -- Neovim 0.10 lacks tags of later features
  end
  local broken = {}
  for tag in read(manual):gmatch('|(%S-)|') do
    if not vim.list_contains(vim.fn.getcompletion(tag, 'help'), tag) then
      table.insert(broken, tag)
    end
  end
  equal('the manual has no broken references', broken, {})
end)

if since_0_11 then
  test('deprecated functions', function()
    -- Runs late, so that the other tests have called every function of the plugin.
    equal('the plugin calls no deprecated function', checkhealth('vim.deprecated', 'WARNING'), {})
  end)
end

test('settings', function()
  local settings = { profile = 'restricted', kubernetesVersion = '1.33', grouping = 'rule' }
  require('kubeharden').setup({ settings = settings })
  local folder = workspace('shop.yaml')
  write(folder .. '/.kubeharden.yaml', '')
  vim.fn.mkdir(folder .. '/deep/.git', 'p')
  vim.uv.fs_rename(folder .. '/shop.yaml', folder .. '/deep/shop.yaml')
  local buf = open(folder .. '/deep/shop.yaml')
  equal('settings reach the client', clients(buf)[1].config.settings, { kubeharden = settings })
  equal('.kubeharden.yaml takes precedence over .git', clients(buf)[1].config.root_dir, folder)
end)

test('shutdown', function()
  open(workspace('shop.yaml') .. '/shop.yaml')
  local client = clients()[1]
  reset()
  equal('the server stops on shutdown', since_0_11 and client:is_stopped() or client.is_stopped(), true)
end)

---------------------------------------------------------------------------------------------------------------------------

for _, t in ipairs(tests) do
  local ok, err = xpcall(function()
    reset()
    t.run()
  end, function(e)
    return type(e) == 'string' and e or debug.traceback(show(e))
  end)
  if not ok then
    equal(t.what .. ' runs to the end', err, '')
  end
end
vim.cmd(failures == 0 and 'qall!' or 'cquit 1')
