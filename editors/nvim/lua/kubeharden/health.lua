--- `:checkhealth kubeharden`: checks Neovim, the binary, and the clients, and gives advice.

local M = {}

local health = vim.health

--- The oldest server version that works with this plugin.
local MIN_VERSION = '0.1.0'

---@return boolean ok
local function check_neovim()
  health.start('Neovim')
  local version = tostring(vim.version())
  if vim.fn.has('nvim-0.11') == 1 then
    health.ok(version .. ": vim.lsp.enable('kubeharden') starts the server")
  elseif vim.fn.has('nvim-0.10') == 1 then
    health.ok(version .. ": require('kubeharden').setup() starts the server")
  else
    health.error(version .. ' is too old', 'Install Neovim 0.10 or later.')
    return false
  end
  return true
end

--- Runs `PATH --version` and returns its output, or nil and the reason for a failure.
---@param path string
---@return string? output
---@return string? reason
local function run_version(path)
  local started, result = pcall(function()
    return vim.system({ path, '--version' }, { text = true }):wait(5000)
  end)
  if not started then
    return nil, tostring(result)
  elseif result.code ~= 0 then
    return nil, result.stderr ~= '' and result.stderr or 'exit status ' .. result.code
  end
  return vim.trim(result.stdout)
end

--- Checks the configured program.
---@param cmd string[]
---@return string? version of the installed binary
local function check_binary(cmd)
  health.start('Server')
  local program = cmd[1]
  local path = vim.fn.exepath(program)
  if path == '' then
    health.error(("'%s' is not executable or not on the PATH"):format(program), {
      'Add the directory of the kubeharden binary to the PATH of Neovim, or',
      "set its path: require('kubeharden').setup({ cmd = { '/path/to/kubeharden', 'server' } }).",
    })
    return
  end

  local output, reason = run_version(path)
  if not output then
    health.error(("'%s --version' fails: %s"):format(path, vim.trim(reason or '')), {
      'The binary may be built for another platform. Build it on this machine with `cargo build --release`.',
    })
    return
  end
  local version = output:match('^kubeharden (%d+%.%d+%.%d+%S*)')
  if not version then
    health.error(("%s is not a kubeharden binary: `--version` printed '%s'"):format(path, vim.split(output, '\n')[1]))
    return
  end
  if vim.version.lt(version, MIN_VERSION) then
    health.error(('%s is kubeharden %s, but this plugin requires %s or later'):format(path, version, MIN_VERSION), {
      'Install the same version of the server and the plugin.',
    })
  else
    health.ok(('%s: kubeharden %s'):format(path, version))
  end
  health.info('command: ' .. table.concat(cmd, ' '))
  return version
end

---@param buf integer
---@return string
local function name_of(buf)
  local name = vim.api.nvim_buf_get_name(buf)
  return name == '' and ('buffer %d'):format(buf) or vim.fn.fnamemodify(name, ':~:.')
end

---@param filetypes string[]
---@return integer[] matching loaded buffers with one of the filetypes
---@return table<string, integer> others other YAML filetypes, each with one of its buffers
local function yaml_buffers(filetypes)
  local matching, others = {}, {}
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buf) and vim.bo[buf].buftype == '' then
      local filetype = vim.bo[buf].filetype
      if vim.list_contains(filetypes, filetype) then
        table.insert(matching, buf)
      elseif filetype == 'helm' or vim.startswith(filetype, 'yaml') then
        others[filetype] = buf
      end
    end
  end
  return matching, others
end

---@param buf integer
---@param status kubeharden.Status?
local function report_status(buf, status)
  if not status then
    return
  end
  if status.failure then
    health.error(('%s: the analysis failed: %s'):format(name_of(buf), status.failure), {
      'This is a bug in kubeharden. Please report it.',
    })
    return
  end
  local text = require('kubeharden.status').format(status)
  if text ~= '' then
    health.info(('%s: %s'):format(name_of(buf), (text:gsub('^kubeharden: ', ''))))
  elseif status.objects == 0 then
    health.info(name_of(buf) .. ': not a Kubernetes manifest')
  end
end

---@param file string path
local function check_configuration(file)
  local name = vim.fn.fnamemodify(file, ':~:.')
  local errors = require('kubeharden.status').configuration_errors(file)
  if #errors == 0 then
    health.ok(name .. ' is valid')
  end
  for _, diagnostic in ipairs(errors) do
    health.error(('%s:%d: %s'):format(name, diagnostic.lnum + 1, diagnostic.message), {
      'The last valid configuration applies until you fix this error.',
    })
  end
end

--- Reports the status of each buffer, and checks each configuration file once.
---@param buffers integer[] loaded YAML buffers
local function check_status(buffers)
  local checked = {}
  for _, buf in ipairs(buffers) do
    local status = require('kubeharden.status').of(buf)
    report_status(buf, status)
    local file = status and not status.failure and status.configurationFile
    if file and not checked[file] then
      checked[file] = true
      check_configuration(file)
    end
  end
end

---@param client vim.lsp.Client
---@param buffers integer[] loaded YAML buffers
---@param installed string? version of the installed binary
local function report_client(client, buffers, installed)
  local attached = vim.tbl_filter(function(buf)
    return vim.lsp.buf_is_attached(buf, client.id)
  end, buffers)
  health.ok(('client %d is attached to %s'):format(client.id, table.concat(vim.tbl_map(name_of, attached), ', ')))
  health.info('root: ' .. (client.root_dir or client.config.root_dir or 'none (single file)'))
  health.info('settings: ' .. vim.inspect(client.config.settings or {}, { newline = ' ', indent = '' }))
  local running = client.server_info and client.server_info.version
  if installed and running and running ~= installed then
    health.warn(('client %d runs kubeharden %s, but %s is installed'):format(client.id, running, installed), {
      'The binary was replaced after the server had started. Restart Neovim.',
    })
  end
end

--- Checks that exactly one client is attached to a buffer.
---@param buf integer
local function check_attached(buf)
  local attached = vim.lsp.get_clients({ name = 'kubeharden', bufnr = buf })
  if #attached > 1 then
    health.warn(('%d kubeharden clients are attached to %s: findings are repeated'):format(#attached, name_of(buf)), {
      "Start the server in one way only: vim.lsp.enable('kubeharden'), setup(), or another plugin.",
    })
  elseif #attached == 0 then
    health.warn(name_of(buf) .. ' is YAML, but no kubeharden client is attached', {
      vim.lsp.config and "Call vim.lsp.enable('kubeharden') in your init.lua."
        or "Call require('kubeharden').setup() in your init.lua.",
      'If you already do, the server exited. See ' .. require('vim.lsp.log').get_filename() .. '.',
    })
  end
end

---@param buffers integer[] loaded YAML buffers
---@param installed string? version of the installed binary
local function check_clients(buffers, installed)
  health.start('Clients')
  local clients = vim.lsp.get_clients({ name = 'kubeharden' })
  for _, client in ipairs(clients) do
    report_client(client, buffers, installed)
  end
  check_status(buffers)
  for _, buf in ipairs(buffers) do
    check_attached(buf)
  end
  if #clients == 0 and #buffers == 0 then
    health.info('none: the server starts with the first YAML buffer')
  end
end

---@param client vim.lsp.Client
local function check_other_client(client)
  local cmd = client.config.cmd
  if type(cmd) == 'table' and vim.fs.basename(cmd[1]) == 'kubeharden' then
    health.warn(("the client '%s' also runs kubeharden: findings are shown twice"):format(client.name), {
      'Start the server in one way only, under the name kubeharden.',
    })
  else
    health.info(client.name .. ' is attached too: Neovim shows the hovers and code actions of both servers')
  end
end

---@param buffers integer[] loaded YAML buffers
---@param others table<string, integer>
local function check_others(buffers, others)
  health.start('Other servers and filetypes')
  local checked = {}
  for _, buf in ipairs(buffers) do
    for _, client in ipairs(vim.lsp.get_clients({ bufnr = buf })) do
      if client.name ~= 'kubeharden' and not checked[client.name] then
        checked[client.name] = true
        check_other_client(client)
      end
    end
  end
  for filetype, buf in pairs(others) do
    health.info(("%s has the filetype '%s': kubeharden does not attach to it"):format(name_of(buf), filetype))
  end
  if next(checked) == nil and next(others) == nil then
    health.ok('none')
  end
end

function M.check()
  if not check_neovim() then
    return
  end
  local config = require('kubeharden').config()
  local cmd = config.cmd
  local installed = type(cmd) == 'table' and check_binary(cmd --[[@as string[] ]]) or nil
  local buffers, others = yaml_buffers(config.filetypes)
  check_clients(buffers, installed)
  check_others(buffers, others)
end

return M
