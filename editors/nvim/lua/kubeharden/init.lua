--- kubeharden in Neovim: starts the server for YAML buffers, and fixes on save where that is asked for.
---
--- Loading this module changes nothing. On Neovim 0.11 and later it is optional: `vim.lsp.enable('kubeharden')` is enough.

local M = {}

local NAME = 'kubeharden'
local FIX_ALL = 'source.fixAll.kubeharden'

---@class kubeharden.Settings
---@field profile? 'baseline'|'restricted'|'hardened' how strict to be; the server's default is `hardened`
---@field kubernetesVersion? string the cluster's version, such as `1.33`; the server's default is the newest it knows
---@field grouping? 'container'|'rule' how findings are shown; the server's default is `container`
---@field fieldHelp? boolean complete and explain the fields inside `securityContext`; the server's default is true
---@field codeLens? boolean a line above each workload, with what its pods meet; the server's default is false
---@field inlayHints? boolean what a container has from its pod; the server's default is false
---@field documentSymbols? boolean objects and containers as the outline; the server's default is false

---@class kubeharden.Opts
---@field cmd? string[] how to start the server; default `{ 'kubeharden', 'server' }`
---@field settings? kubeharden.Settings what `.kubeharden.yaml` leaves open
---@field fix_on_save? boolean apply every safe fix before a buffer is written; default false

--- What `setup()` was told so far.
---@type kubeharden.Opts
M.opts = {}

local option_types = { cmd = 'table', settings = 'table', fix_on_save = 'boolean' }

---@param opts table<string, any>
local function check(opts)
  for key, value in pairs(opts) do
    local want = option_types[key]
    if not want then
      error(("kubeharden.setup: unknown option '%s'"):format(key), 3)
    elseif type(value) ~= want then
      error(("kubeharden.setup: option '%s' is a %s, want a %s"):format(key, type(value), want), 3)
    end
  end
end

--- The table of `lsp/kubeharden.lua`, so that both ways to start the server share one description of it.
---@return table
local function described()
  local here = debug.getinfo(1, 'S').source:sub(2)
  return dofile(vim.fs.joinpath(vim.fs.dirname(here), '..', '..', 'lsp', NAME .. '.lua'))
end

--- What starts the server: the description, and over it what `setup()` or the user's own `vim.lsp.config()` says.
---@return table
function M.config()
  if vim.lsp.config then
    return vim.lsp.config[NAME]
  end
  local opts = M.opts
  local config = described()
  config.cmd = opts.cmd or config.cmd
  config.settings = opts.settings and { [NAME] = opts.settings } or nil
  config.init_options = config.settings
  return config
end

--- Starts the server for a buffer, or attaches the one that serves its root already. Neovim 0.10 only.
---@param buf integer
local function start(buf)
  if vim.bo[buf].buftype ~= '' then
    return
  end
  local config = M.config()
  local root ---@type string?
  for _, marker in ipairs(config.root_markers) do
    root = root or vim.fs.root(buf, marker)
  end
  vim.lsp.start({
    name = NAME,
    cmd = config.cmd,
    settings = config.settings,
    handlers = config.handlers,
    init_options = config.init_options,
    capabilities = vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), config.capabilities),
    root_dir = root,
  }, { bufnr = buf })
end

--- Configures and starts the server for YAML buffers. May be called again: what a later call does not name stays as it is.
---@param opts? kubeharden.Opts
function M.setup(opts)
  check(opts or {})
  opts = vim.tbl_deep_extend('force', M.opts, opts or {})
  M.opts = opts
  local group = vim.api.nvim_create_augroup(NAME, { clear = true })

  if opts.fix_on_save then
    vim.api.nvim_create_autocmd('BufWritePre', {
      group = group,
      desc = 'kubeharden: apply every safe fix',
      callback = function(event)
        M.fix_all(event.buf)
      end,
    })
  end

  if vim.lsp.config then
    local settings = opts.settings and { [NAME] = opts.settings } or nil
    -- What is off by default is offered in the greeting alone, since Neovim cannot be told of all of it later.
    vim.lsp.config(NAME, { cmd = opts.cmd, settings = settings, init_options = settings })
    vim.lsp.enable(NAME)
    return
  end

  local filetypes = M.config().filetypes
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    pattern = filetypes,
    desc = 'kubeharden: start the server',
    callback = function(event)
      start(event.buf)
    end,
  })
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buf) and vim.list_contains(filetypes, vim.bo[buf].filetype) then
      start(buf)
    end
  end
end

--- Asks a client and waits for the answer. The methods of a client take it as their first argument from 0.11 on.
---@param client vim.lsp.Client
---@return table? response with `result` or `err`
local function ask(client, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    return (client:request_sync(...))
  end
  return (client.request_sync(...))
end

--- Applies every safe fix to a buffer and waits for it, so that it may stand before a write. `vim.lsp.buf.code_action()`
--- with the same kind does so too, but answers when the write is over.
---@param buf? integer default: the current one
---@param timeout? integer milliseconds; default 1000
---@return boolean changed
function M.fix_all(buf, timeout)
  buf = (buf and buf ~= 0) and buf or vim.api.nvim_get_current_buf()
  timeout = timeout or 1000
  local client = vim.lsp.get_clients({ bufnr = buf, name = NAME })[1]
  if not client or not client.initialized then
    return false
  end

  local last = vim.api.nvim_buf_line_count(buf)
  local response = ask(client, 'textDocument/codeAction', {
    textDocument = vim.lsp.util.make_text_document_params(buf),
    range = { start = { line = 0, character = 0 }, ['end'] = { line = last, character = 0 } },
    context = { only = { FIX_ALL }, diagnostics = {} },
  }, timeout, buf)
  local action = response and response.result and response.result[1]
  if action and not action.edit and action.data then
    response = ask(client, 'codeAction/resolve', action, timeout, buf)
    action = response and response.result
  end
  if not action or not action.edit then
    return false
  end

  local before = vim.api.nvim_buf_get_changedtick(buf)
  vim.lsp.util.apply_workspace_edit(action.edit, client.offset_encoding)
  return vim.api.nvim_buf_get_changedtick(buf) ~= before
end

--- A few words for a status line: the profile that a buffer is held to, the configuration file that counts, and what is wrong.
--- Empty where no manifest is served. `User KubehardenStatus` is triggered when the words may have changed.
---@param buf? integer default: the current one
---@return string
function M.status(buf)
  local status = require('kubeharden.status')
  return status.words(status.of(buf))
end

return M
