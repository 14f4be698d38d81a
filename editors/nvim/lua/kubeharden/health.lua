--- `:checkhealth kubeharden`: what is there, what is wrong, and what to do about it.

local M = {}

local health = vim.health

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

--- The oldest server whose messages this plugin understands.
local NEEDED = '0.1.0'

--- Runs `kubeharden --version` with the program that is configured.
---@param cmd string[]
---@return string? version of the program on the disk
local function check_binary(cmd)
  health.start('Server')
  local program = cmd[1]
  local path = vim.fn.exepath(program)
  if path == '' then
    health.error(("'%s' is not an executable that Neovim finds"):format(program), {
      'Put the folder of the kubeharden binary on the PATH that Neovim is started with, or',
      "name the binary: require('kubeharden').setup({ cmd = { '/path/to/kubeharden', 'server' } }).",
    })
    return
  end

  local ran, result = pcall(function()
    return vim.system({ path, '--version' }, { text = true }):wait(5000)
  end)
  if not ran or result.code ~= 0 then
    local why = ran and (result.stderr ~= '' and result.stderr or 'exit status ' .. result.code) or result
    health.error(("'%s --version' fails: %s"):format(path, vim.trim(tostring(why))), {
      'The file may be for another system, or not kubeharden: build it here with `cargo build --release`.',
    })
    return
  end
  local said = vim.trim(result.stdout)
  local version = said:match('^kubeharden (%d+%.%d+%.%d+%S*)')
  if not version then
    health.error(("'%s --version' says '%s': this is not kubeharden"):format(path, vim.split(said, '\n')[1]))
    return
  end
  if vim.version.lt(version, NEEDED) then
    health.error(('%s: kubeharden %s is older than this plugin, which wants %s'):format(path, version, NEEDED), {
      'Install the server and the plugin from the same version.',
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
---@return integer[] served loaded buffers of a filetype that the server is for
---@return table<string, integer> others filetypes of other YAML, each with one of its buffers
local function yaml_buffers(filetypes)
  local served, others = {}, {}
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buf) and vim.bo[buf].buftype == '' then
      local filetype = vim.bo[buf].filetype
      if vim.list_contains(filetypes, filetype) then
        table.insert(served, buf)
      elseif filetype == 'helm' or vim.startswith(filetype, 'yaml') then
        others[filetype] = buf
      end
    end
  end
  return served, others
end

--- What the configuration files that count have in them that is wrong.
---@param buffers integer[] loaded YAML buffers
local function check_files(buffers)
  local status = require('kubeharden.status')
  local seen = {}
  for _, buf in ipairs(buffers) do
    local of = status.of(buf) or {}
    local file = of.configurationFile
    local words = status.words(status.of(buf))
    if words ~= '' then
      health.info(('%s: %s'):format(name_of(buf), (words:gsub('^kubeharden: ', ''))))
    elseif of.objects == 0 then
      health.info(name_of(buf) .. ': no Kubernetes manifest, nothing to check')
    end
    if of.failure then
      health.error(('%s cannot be read: %s'):format(name_of(buf), of.failure), 'This is a mistake of the server: please report it.')
    elseif file and not seen[file] then
      seen[file] = true
      local mistakes = status.mistakes(file)
      if #mistakes == 0 then
        health.ok(('%s counts, and nothing is wrong in it'):format(vim.fn.fnamemodify(file, ':~:.')))
      end
      for _, mistake in ipairs(mistakes) do
        health.error(('%s:%d: %s'):format(vim.fn.fnamemodify(file, ':~:.'), mistake.lnum + 1, mistake.message), {
          'What the file said before counts until this is mended.',
        })
      end
    end
  end
end

---@param buffers integer[] loaded YAML buffers
---@param version string? of the program on the disk
local function check_clients(buffers, version)
  health.start('Clients')
  local clients = vim.lsp.get_clients({ name = 'kubeharden' })
  for _, client in ipairs(clients) do
    local attached = vim.tbl_filter(function(buf)
      return vim.lsp.buf_is_attached(buf, client.id)
    end, buffers)
    health.ok(('client %d serves %s'):format(client.id, table.concat(vim.tbl_map(name_of, attached), ', ')))
    health.info('root: ' .. (client.root_dir or client.config.root_dir or 'none (a single file)'))
    health.info('settings: ' .. vim.inspect(client.config.settings or {}, { newline = ' ', indent = '' }))
    local runs = client.server_info and client.server_info.version
    if version and runs and runs ~= version then
      health.warn(('client %d is kubeharden %s, and %s is installed'):format(client.id, runs, version), {
        'The server was replaced since it was started: start Neovim anew.',
      })
    end
  end
  check_files(buffers)

  for _, buf in ipairs(buffers) do
    local attached = vim.lsp.get_clients({ name = 'kubeharden', bufnr = buf })
    if #attached > 1 then
      health.warn(('%d clients of kubeharden serve %s: every finding is shown more than once'):format(#attached, name_of(buf)), {
        "Start it in one way only: vim.lsp.enable('kubeharden'), or setup(), or another plugin.",
      })
    elseif #attached == 0 then
      health.warn(name_of(buf) .. ' is YAML, but no kubeharden serves it', {
        vim.lsp.config and "Call vim.lsp.enable('kubeharden') in your init.lua."
          or "Call require('kubeharden').setup() in your init.lua.",
        'If it is called already, the server ended: the reason is in ' .. require('vim.lsp.log').get_filename() .. '.',
      })
    end
  end
  if #clients == 0 and #buffers == 0 then
    health.info('none yet: the server starts with the first YAML buffer')
  end
end

--- One of another name, beside the one that is ours.
---@param client vim.lsp.Client
local function check_neighbour(client)
  local cmd = client.config.cmd
  if type(cmd) == 'table' and vim.fs.basename(cmd[1]) == 'kubeharden' then
    health.warn(("the client '%s' runs kubeharden too: every finding is shown twice"):format(client.name), {
      'Start it in one way only, under the name kubeharden.',
    })
  else
    health.info(client.name .. ' serves YAML too: both answer, hovers and code actions are shown together')
  end
end

---@param buffers integer[] loaded YAML buffers
---@param others table<string, integer>
local function check_neighbours(buffers, others)
  health.start('Beside kubeharden')
  local seen = {}
  for _, buf in ipairs(buffers) do
    for _, client in ipairs(vim.lsp.get_clients({ bufnr = buf })) do
      if client.name ~= 'kubeharden' and not seen[client.name] then
        seen[client.name] = true
        check_neighbour(client)
      end
    end
  end
  for filetype, buf in pairs(others) do
    health.info(("%s has the filetype '%s', which kubeharden is not started for"):format(name_of(buf), filetype))
  end
  if next(seen) == nil and next(others) == nil then
    health.ok('no other server and no other kind of YAML is open')
  end
end

function M.check()
  if not check_neovim() then
    return
  end
  local config = require('kubeharden').config()
  local cmd = config.cmd
  local version = type(cmd) == 'table' and check_binary(cmd --[[@as string[] ]]) or nil
  local buffers, others = yaml_buffers(config.filetypes)
  check_clients(buffers, version)
  check_neighbours(buffers, others)
end

return M
