--- The plugin and the server in a real Neovim, from opening a manifest to closing it. `run-nvim` starts this file.
---
--- Nothing here sleeps: a check waits for the condition that it is about, for a bounded time. Neovim's own functions do
--- what a user's keys do. Edits are compared as whole texts.

local PATIENCE = 10000 -- milliseconds; reached only by a check that fails

local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))
local since_0_11 = vim.fn.has('nvim-0.11') == 1
local version = ('%d.%d.%d'):format(vim.version().major, vim.version().minor, vim.version().patch)

---------------------------------------------------------------------------------------------------------------------------
-- Checks

local failures = 0

local function say(line)
  io.stdout:write(line, '\n')
end

local function show(value)
  return type(value) == 'string' and value or vim.inspect(value)
end

--- One check; a failing one says what was expected and what there was, and lets the others run.
local function equal(what, got, expected)
  if vim.deep_equal(got, expected) then
    say(('ok - %s: %s'):format(version, what))
    return
  end
  failures = failures + 1
  say(('not ok - %s: %s'):format(version, what))
  local function part(name, value)
    say('  ' .. name .. ':')
    for _, line in ipairs(vim.split(show(value), '\n')) do
      say('    ' .. line)
    end
  end
  part('expected', expected)
  part('got', got)
end

--- The same for a state that is on its way: the last one seen is compared.
local function becomes(what, probe, expected)
  local got
  vim.wait(PATIENCE, function()
    got = probe()
    return vim.deep_equal(got, expected)
  end, 5)
  equal(what, got, expected)
end

--- Waits for something that later checks need; without it they are not run.
local function need(what, probe)
  local value
  vim.wait(PATIENCE, function()
    value = probe()
    return value
  end, 5)
  return value or error(('waited %d s for %s'):format(PATIENCE / 1000, what), 0)
end

---------------------------------------------------------------------------------------------------------------------------
-- What the checks look at

--- Everything that the server published, by document: `{ version, diagnostics }`, the newest last.
---@type table<string, lsp.PublishDiagnosticsParams[]>
local published = vim.defaulttable()

local method = 'textDocument/publishDiagnostics'
local original = vim.lsp.handlers[method]
vim.lsp.handlers[method] = function(err, result, ...)
  table.insert(published[result.uri], result)
  return original(err, result, ...)
end

-- Where Neovim asks for diagnostics, nothing is published. An answer is about the text that was there when it asked.
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

-- Neovim does not ask for the version of the text that diagnostics are about. The test does, to know which text that is.
local make_client_capabilities = vim.lsp.protocol.make_client_capabilities
vim.lsp.protocol.make_client_capabilities = function()
  local capabilities = make_client_capabilities()
  capabilities.textDocument.publishDiagnostics.versionSupport = true
  return capabilities
end

local function clients(buf)
  return vim.lsp.get_clients({ name = 'kubeharden', bufnr = buf })
end

--- A workspace of its own for a test: copies of fixtures beside a `.git`.
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

--- The bytes that a `:write` would write.
local function text(buf)
  local eol = vim.bo[buf].fileformat == 'dos' and '\r\n' or '\n'
  local bytes = table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, true), eol)
  return vim.bo[buf].endofline and bytes .. eol or bytes
end

--- Where a diagnostic begins, as `nvim_win_set_cursor` counts, and the text that it covers.
local function where(buf, d)
  local covered = vim.api.nvim_buf_get_text(buf, d.lnum, d.col, d.end_lnum, d.end_col, {})
  return { { d.lnum + 1, d.col }, table.concat(covered, '\n') }
end

--- Diagnostics as text, sorted; from line `first` on.
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

--- The diagnostic that tells of a rule, by itself or with others of its container, at or below a line.
local function finding(buf, rule, first)
  for _, d in ipairs(vim.diagnostic.get(buf)) do
    if d.lnum + 1 >= (first or 1) and vim.list_contains(d.user_data.lsp.data.rules, rule) then
      return d
    end
  end
end

--- Waits for the diagnostics of the text as it is now: those with the version that Neovim has given to it.
local function settle(buf)
  local all = published[vim.uri_from_bufnr(buf)]
  need('the diagnostics of version ' .. tostring(vim.lsp.util.buf_versions[buf]), function()
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

--- The number of the line that holds a text, and the column where it begins, as `nvim_win_set_cursor` counts.
local function place(buf, needle)
  for n, line in ipairs(vim.api.nvim_buf_get_lines(buf, 0, -1, true)) do
    local column = line:find(needle, 1, true)
    if column then
      return { n, column - 1 }
    end
  end
  error('no line with ' .. needle, 0)
end

--- The place of the name of a container.
local function container(buf, name)
  local n, column = unpack(place(buf, '- name: ' .. name))
  return { n, column + #'- name: ' }
end

local function replace_line(buf, old, new)
  local n = place(buf, old)[1]
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

--- Ends every server and forgets every buffer, so that a test begins as an editor does.
local function start_over()
  stop(clients())
  need('the servers to end', function()
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
    equal('enabled: the finding of container web', finding(buf, 'privilege-escalation').lnum + 1, container(buf, 'web')[1])
    equal('enabled: the root is the repository', clients(buf)[1].root_dir, folder)
    vim.lsp.enable('kubeharden', false)
  end)
end

--- Everything that a plugin could leave behind in an editor.
local function world()
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

test('what the plugin leaves behind', function()
  vim.api.nvim_get_autocmds({})
  require('vim.lsp') -- its own autocommands are none of ours
  local before = world()
  require('kubeharden')
  require('kubeharden.status')
  require('kubeharden.health')
  equal('to load it changes nothing', world(), before)
  require('kubeharden').setup()
  local after = world()
  local ours = vim.tbl_filter(function(event)
    return not vim.list_contains(before.events, event) and not event:find('nvim.', 1, true)
  end, after.events)
  equal('setup() adds autocommands of its own group', vim.tbl_filter(function(event)
    return not event:find(' kubeharden$')
  end, ours), {})
  after.events, before.events = nil, nil
  equal('setup() sets no option, key, command or variable', after, before)
end)

test('setup()', function()
  equal('setup: an unknown option is an error', { pcall(require('kubeharden').setup, { fix_onsave = true }) }, {
    false,
    "kubeharden.setup: unknown option 'fix_onsave'",
  })
  vim.cmd.edit(workspace('shop.yaml') .. '/shop.yaml')
  equal('setup: nothing runs before it', #clients(), 0)
  require('kubeharden').setup()
  becomes('setup: a buffer that is open already is served', function()
    return #clients(vim.api.nvim_get_current_buf())
  end, 1)
end)

test('diagnostics', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  equal('filetype', vim.bo[buf].filetype, 'yaml')

  local web = finding(buf, 'privilege-escalation')
  equal('privilege-escalation is a warning of kubeharden', web and { web.source, web.severity }, {
    'kubeharden',
    vim.diagnostic.severity.WARN,
  })
  equal('privilege-escalation covers the name of the container', web and where(buf, web), { container(buf, 'web'), 'web' })
  local pod = finding(buf, 'missing-seccomp-profile')
  local spec = place(buf, '    spec:')[1]
  equal('missing-seccomp-profile covers the spec of the pod', pod and where(buf, pod), { { spec, 4 }, 'spec' })
  local queue = finding(buf, 'privilege-escalation', place(buf, '---')[1])
  equal('the second document has findings too', queue and { queue.lnum + 1, queue.col }, container(buf, 'queue'))
  equal('run-as-root-allowed is among them', finding(buf, 'run-as-root-allowed') ~= nil, true)
  equal('what the container lacks is one diagnostic', { #vim.diagnostic.get(buf, { lnum = web.lnum }), web.code }, {
    1,
    'missing-hardening',
  })
end)

test('a diagnostic for each rule', function()
  require('kubeharden').setup({ settings = { grouping = 'rule' } })
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  local web = finding(buf, 'privilege-escalation')
  equal('grouping by rule: the code is the rule', web.code, 'privilege-escalation')
  equal('grouping by rule: others stand beside it', #vim.diagnostic.get(buf, { lnum = web.lnum }) > 3, true)
  require('kubeharden').setup({ settings = { grouping = 'container' } })
end)

test('a broken line', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  local second = place(buf, '---')[1] + 1
  local first_state, of_second = findings(buf), findings(buf, second)

  replace_line(buf, '  replicas: 2', '  replicas 2')
  settle(buf)
  local mark = finding(buf, 'syntax-error')
  equal('a line without its colon is a syntax error', mark and mark.severity, vim.diagnostic.severity.ERROR)
  equal('the syntax error is in its own document', mark and mark.lnum + 1 < second, true)
  equal('the other document keeps its findings', findings(buf, second), of_second)

  replace_line(buf, '  replicas 2', '  replicas: 2')
  settle(buf)
  equal('mended: everything as before', findings(buf), first_state)
end)

test('a line more above', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  local queue = container(buf, 'queue')
  vim.api.nvim_buf_set_lines(buf, 0, 0, true, { '# one more line' })
  settle(buf)
  local d = finding(buf, 'privilege-escalation', queue[1])
  equal('a finding moves with its line', d and { d.lnum + 1, d.col }, { queue[1] + 1, queue[2] })
end)

--- Takes the action whose title begins so for what is under the cursor, as a user's key does.
local function take(title)
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
  take('Set allowPrivilegeEscalation: false')
  becomes('the fix of privilege-escalation, byte for byte', function()
    return text(buf)
  end, fixed)
  settle(buf)
  local left = finding(buf, 'privilege-escalation')
  equal('the finding is gone, the one of the other container stays', left and left.lnum + 1, container(buf, 'queue')[1])

  vim.cmd('silent undo')
  equal('undo restores the bytes', text(buf), original_text)
  settle(buf)
  equal('undo brings the finding back', finding(buf, 'privilege-escalation').lnum + 1, container(buf, 'web')[1])
end)

test('all that a container lacks', function()
  local path = workspace('shop.yaml') .. '/shop.yaml'
  local buf = open(path)
  local original_text = read(path)
  vim.api.nvim_win_set_cursor(0, container(buf, 'web'))
  take('Add 3 missing settings to container web')
  local image = '          image: registry.example.com/shop/web:2.14.0\n'
  local added = [[
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop:
                - ALL
            readOnlyRootFilesystem: true
]]
  becomes('one action adds all of it', function()
    return text(buf)
  end, (original_text:gsub(vim.pesc(image), image .. added)))
  vim.cmd('silent undo')
  equal('one undo takes all of it back', text(buf), original_text)
end)

test('a whole object', function()
  local path = workspace('shop.yaml') .. '/shop.yaml'
  local buf = open(path)
  local original_text = read(path)
  vim.api.nvim_win_set_cursor(0, place(buf, 'revisionHistoryLimit'))
  take('Harden Deployment shop')
  need('the Deployment to be hardened', function()
    return text(buf) ~= original_text
  end)
  settle(buf)
  local second = place(buf, '---')[1]
  local left = vim.tbl_filter(function(rule)
    local d = finding(buf, rule)
    return d ~= nil and d.lnum + 1 < second
  end, { 'privilege-escalation', 'undropped-capabilities', 'run-as-root-allowed', 'missing-seccomp-profile' })
  equal('from anywhere inside, a Deployment is hardened', left, {})
  equal('the other Deployment is as it was', finding(buf, 'run-as-root-allowed') ~= nil, true)
  vim.cmd('silent undo')
  equal('one undo takes the hardening back', text(buf), original_text)
end)

--- What the server answers to a request about the text under the cursor.
local function ask(buf, what, params)
  local answer = clients(buf)[1]
  local request = since_0_11 and function(...)
    return answer:request_sync(...)
  end or answer.request_sync
  return request(what, params, PATIENCE, buf)
end

test('an outdated action', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  -- Neovim gives the text that it opens version 0, and takes edits for that version whatever the text is by then.
  vim.api.nvim_buf_set_lines(buf, 0, 0, true, { '# a line more' })
  settle(buf)
  vim.api.nvim_win_set_cursor(0, container(buf, 'web'))
  local params = vim.lsp.util.make_range_params(0, 'utf-16')
  params.context = { diagnostics = {} }
  local actions = ask(buf, 'textDocument/codeAction', params).result
  local function titled(title)
    return vim.tbl_filter(function(action)
      return vim.startswith(action.title, title)
    end, actions)[1]
  end
  local quick, whole = titled('Set allowPrivilegeEscalation'), titled('Harden Deployment')
  vim.api.nvim_buf_set_lines(buf, 0, 0, true, { '# one more line' })
  settle(buf)
  local changed = text(buf)
  vim.lsp.util.apply_workspace_edit(quick.edit, 'utf-16')
  equal('edits for an outdated text are not made', text(buf), changed)
  local refused = ask(buf, 'codeAction/resolve', whole)
  equal('an outdated action gets no edits', { refused.result, refused.err.code }, { nil, -32801 })
end)

test('every safe fix', function()
  local folder = workspace('shop.yaml')
  local buf = open(folder .. '/shop.yaml')
  equal('fix_all() reports a change', require('kubeharden').fix_all(), true)
  settle(buf)
  local left = vim.tbl_filter(function(code)
    return finding(buf, code) ~= nil
  end, { 'privilege-escalation', 'missing-seccomp-profile' })
  equal('fix_all() leaves no finding with a safe fix', left, {})
  equal('fix_all() leaves what needs a person', finding(buf, 'run-as-root-allowed') ~= nil, true)
  local once = text(buf)
  equal('fix_all() has nothing to do then', { require('kubeharden').fix_all(), text(buf) }, { false, once })

  vim.cmd('silent undo')
  settle(buf)
  vim.lsp.buf.code_action({ context = { only = { 'source.fixAll.kubeharden' }, diagnostics = {} }, apply = true })
  becomes('source.fixAll.kubeharden is one action and does the same', function()
    return text(buf)
  end, once)
end)

test('fix on save', function()
  local path = workspace('shop.yaml') .. '/shop.yaml'
  write(path, (read(path):gsub('\n', '\r\n')))
  local before = read(path)
  local buf = open(path)
  vim.cmd('silent write')
  equal('a write without fix_on_save writes what was there', read(path), before)

  require('kubeharden').setup({ fix_on_save = true })
  vim.cmd('silent write')
  local written = read(path)
  require('kubeharden').setup({ fix_on_save = false })
  equal('the fixes are in the file', select(2, written:gsub('allowPrivilegeEscalation: false', '')), 2)
  equal('the file is what the buffer holds', { written, vim.bo[buf].modified }, { text(buf), false })
  equal('every line still ends in CRLF', select(2, written:gsub('\n', '')), select(2, written:gsub('\r\n', '')))
end)

test('hover', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  vim.api.nvim_win_set_cursor(0, container(buf, 'web'))
  vim.lsp.buf.hover()
  local shown = need('the hover window', function()
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then
        return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, true), '\n')
      end
    end
  end)
  equal('hover names the rule: ' .. vim.split(shown, '\n')[1], shown:find('privilege-escalation', 1, true) ~= nil, true)
  equal('hover explains it', #vim.split(shown, '\n') >= 2, true)
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
  local line, column = unpack(place(buf, 'till-data'))
  vim.api.nvim_win_set_cursor(0, { line, column + 5 })
  -- The other file is known once the folder was searched.
  need('the claim', function()
    local encoding = clients(buf)[1].offset_encoding
    local found = ask(buf, 'textDocument/definition', vim.lsp.util.make_position_params(0, encoding)).result
    return found and #found == 1
  end)
  vim.lsp.buf.definition()
  becomes('definition: from the name of a claim to the claim', function()
    return { vim.fs.basename(vim.api.nvim_buf_get_name(0)), unpack(vim.api.nvim_win_get_cursor(0)) }
  end, { 'till.yaml', 4, 8 })
end)

test('other YAML', function()
  local buf = open(workspace('compose.yaml') .. '/compose.yaml')
  equal('other YAML is served', #clients(buf), 1)
  equal('other YAML has no diagnostics', findings(buf), {})
end)

test('closing', function()
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  local uri = vim.uri_from_bufnr(buf)
  equal('before closing there are diagnostics', #vim.diagnostic.get(buf) > 0, true)
  local pulls = clients(buf)[1].server_capabilities.diagnosticProvider ~= nil
  vim.cmd.bdelete()
  -- What Neovim asked for it clears away by itself.
  if not pulls then
    becomes('closing: the server takes its diagnostics back', function()
      return published[uri][#published[uri]].diagnostics
    end, {})
  end
  equal('closing: Neovim shows none', vim.diagnostic.get(buf), {})
end)

--- The lines of a health report that match a pattern.
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
  equal(':checkhealth kubeharden names the version', #checkhealth('kubeharden', 'OK .*/kubeharden: kubeharden %d'), 1)
  equal(':checkhealth kubeharden names the file', #checkhealth('kubeharden', 'OK client %d+ serves .*shop%.yaml'), 1)

  local cmd = require('kubeharden').config().cmd
  require('kubeharden').setup({ cmd = { 'no-such-program', 'server' } })
  local errors = checkhealth('kubeharden', 'ERROR')
  require('kubeharden').setup({ cmd = cmd })
  equal(":checkhealth kubeharden misses a binary that isn't there", { #errors, (errors[1] or ''):match("'.*") }, {
    1,
    "'no-such-program' is not an executable that Neovim finds",
  })
end)

test('the status line', function()
  local status = require('kubeharden').status
  local folder = workspace('shop.yaml', 'compose.yaml')
  local shown = 0
  vim.api.nvim_create_autocmd('User', {
    pattern = 'KubehardenStatus',
    callback = function()
      shown = shown + 1
    end,
  })
  local buf = open(folder .. '/shop.yaml')
  becomes('status: what the manifest is held to', status, 'kubeharden: hardened')
  equal('status: it is said that it changed', shown > 0, true)
  vim.o.statusline = "%{v:lua.require'kubeharden'.status()}"
  equal('status: as the manual puts it into the status line', vim.api.nvim_eval_statusline(vim.o.statusline, {}).str, status(buf))

  write(folder .. '/.kubeharden.yaml', 'profile: restricted\nkubernetesVersion: "1.33"\n')
  vim.cmd('silent edit!')
  becomes('status: with a configuration file', status, 'kubeharden: restricted (.kubeharden.yaml)')
  equal(':checkhealth names it', #checkhealth('kubeharden', 'OK .*%.kubeharden%.yaml counts'), 1)
  equal(':checkhealth names the profile', #checkhealth('kubeharden', 'shop%.yaml: restricted %(%.kubeharden%.yaml%)'), 1)
  write(folder .. '/.kubeharden.yaml', 'profile: restrictive\n')
  vim.cmd('silent edit!')
  becomes('status: with a mistake in it', status, 'kubeharden: restricted (.kubeharden.yaml), 1 mistake in it')
  local errors = checkhealth('kubeharden', 'ERROR')
  equal(':checkhealth names the mistake', { #errors, errors[1]:find('.kubeharden.yaml:1: ', 1, true) ~= nil }, { 1, true })

  write(folder .. '/.kubeharden.yaml', '{}\n')
  write(folder .. '/namespaced.yaml', 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: till}\n---\n'
    .. 'apiVersion: v1\nkind: Namespace\nmetadata: {name: till, labels: {pod-security.kubernetes.io/enforce: restricted}}\n')
  open(folder .. '/namespaced.yaml')
  becomes('status: by a Namespace', status, 'kubeharden: hardened (restricted in Namespace till, .kubeharden.yaml)')

  open(folder .. '/compose.yaml')
  need('what the server says of it, after its diagnostics', require('kubeharden.status').of)
  equal('status: nothing for other YAML', status(), '')
  equal(':checkhealth says why', #checkhealth('kubeharden', 'compose%.yaml: no Kubernetes manifest'), 1)
  equal('status: of another buffer', status(buf) ~= '', true)

  vim.fn.mkdir(folder .. '/chart/templates', 'p')
  write(folder .. '/chart/Chart.yaml', 'apiVersion: v2\nname: shop\nversion: 1.0.0\n')
  write(folder .. '/chart/.kubeharden.yaml', 'profile: hardened\n')
  write(folder .. '/chart/templates/pod.yaml', 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n')
  vim.cmd.edit(folder .. '/chart/templates/pod.yaml')
  vim.bo.filetype = 'yaml'
  becomes('status: a template', status, 'kubeharden: hardened (.kubeharden.yaml), Helm template: modest')
  vim.cmd.enew()
  equal('status: nothing where no server is', status(), '')
  vim.o.statusline = ''
end)

test(':checkhealth of what is wrong', function()
  local cmd = require('kubeharden').config().cmd
  local buf = open(workspace('shop.yaml') .. '/shop.yaml')
  vim.lsp.start({ name = 'hardening', cmd = cmd, root_dir = '/' }, { bufnr = buf })
  local function named(name)
    return vim.lsp.get_clients({ name = name, bufnr = buf })
  end
  need('another client', function()
    return #named('hardening') == 1 and named('hardening')[1].initialized
  end)
  equal(':checkhealth tells of a client of another name', #checkhealth('kubeharden', "WARNING the client 'hardening' runs"), 1)
  vim.lsp.start({ name = 'kubeharden', cmd = cmd, root_dir = '/' }, { bufnr = buf, reuse_client = function() return false end })
  need('two clients', function()
    return #named('kubeharden') == 2
  end)
  equal(':checkhealth tells of two clients', #checkhealth('kubeharden', 'WARNING 2 clients of kubeharden serve'), 1)
  stop(named('hardening'))

  local script = vim.fn.tempname()
  write(script, '#!/bin/sh\necho kubeharden 0.0.9\n')
  vim.uv.fs_chmod(script, 493) -- 0755
  require('kubeharden').setup({ cmd = { script, 'server' } })
  equal(':checkhealth tells of an old server', #checkhealth('kubeharden', 'ERROR .*kubeharden 0%.0%.9 is older'), 1)
  if since_0_11 then
    equal(':checkhealth tells of one that was replaced', #checkhealth('kubeharden', 'WARNING client %d+ is kubeharden .*0%.0%.9 is') > 0, true)
  end
  write(script, '#!/bin/sh\necho something else\n')
  equal(':checkhealth tells of another program', #checkhealth('kubeharden', 'ERROR .*this is not kubeharden'), 1)
  require('kubeharden').setup({ cmd = cmd })

  stop(vim.lsp.get_clients({ bufnr = buf }))
  need('no client', function()
    return #vim.lsp.get_clients({ bufnr = buf }) == 0
  end)
  equal(':checkhealth tells of a manifest without a server', #checkhealth('kubeharden', 'WARNING .*no kubeharden serves it'), 1)
end)

test('the manual', function()
  local folder = vim.fn.tempname()
  vim.fn.mkdir(folder .. '/doc', 'p')
  local manual = vim.api.nvim_get_runtime_file('doc/kubeharden.txt', false)[1]
  assert(vim.uv.fs_copyfile(manual, folder .. '/doc/kubeharden.txt'))
  local ok, err = pcall(vim.cmd.helptags, folder .. '/doc')
  equal(':helptags finds nothing wrong', { ok, err }, { true, vim.NIL ~= err and err or nil })
  vim.opt.runtimepath:append(folder)
  for _, tag in ipairs({ 'kubeharden', 'kubeharden.txt', 'kubeharden.setup()', 'kubeharden.fix_all()', 'kubeharden.status()', 'kubeharden-health' }) do
    equal(':help ' .. tag, vim.fn.getcompletion(tag, 'help')[1], tag)
  end
  if not since_0_11 then
    return -- the manual of 0.10 has no tag for what came later
  end
  local dead = {}
  for tag in read(manual):gmatch('|(%S-)|') do
    if not vim.list_contains(vim.fn.getcompletion(tag, 'help'), tag) then
      table.insert(dead, tag)
    end
  end
  equal('every reference in the manual leads somewhere', dead, {})
end)

if since_0_11 then
  test('deprecated functions', function()
    -- Runs after the others, so that what they called is noted.
    equal('the plugin calls nothing deprecated', checkhealth('vim.deprecated', 'WARNING'), {})
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
  equal('.kubeharden.yaml outranks .git', clients(buf)[1].config.root_dir, folder)
end)

test('the end', function()
  open(workspace('shop.yaml') .. '/shop.yaml')
  local client = clients()[1]
  start_over()
  equal('the server ends when it is told to', since_0_11 and client:is_stopped() or client.is_stopped(), true)
end)

---------------------------------------------------------------------------------------------------------------------------

for _, t in ipairs(tests) do
  local ok, err = xpcall(function()
    start_over()
    t.run()
  end, function(e)
    return type(e) == 'string' and e or debug.traceback(show(e))
  end)
  if not ok then
    equal(t.what .. ' runs to its end', err, '')
  end
end
vim.cmd(failures == 0 and 'qall!' or 'cquit 1')
