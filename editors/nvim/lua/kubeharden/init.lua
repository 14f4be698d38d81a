--- Starts the kubeharden server for YAML buffers and, if enabled, applies safe fixes on save.
---
--- Loading this module has no side effects. It is optional on Neovim 0.11 and later: `vim.lsp.enable('kubeharden')` is enough.

local M = {}

local NAME = 'kubeharden'
local FIX_ALL = 'source.fixAll.kubeharden'

---@class kubeharden.Settings
---@field profile? 'baseline'|'restricted'|'hardened' which rules run; the server's default is `hardened`
---@field kubernetesVersion? string the cluster's version, such as `1.33`; the server's default is the newest it supports
---@field grouping? 'container'|'rule' how findings are shown; the server's default is `container`
---@field fieldHelp? boolean complete and explain the fields of `securityContext`; the server's default is true
---@field codeLens? boolean show the Pod Security level above each workload; the server's default is false
---@field inlayHints? boolean show what each container inherits from its pod; the server's default is false
---@field documentSymbols? boolean list objects and containers as the outline; the server's default is false
---@field logLevel? 'off'|'error'|'warn'|'info'|'debug'|'trace' how much the server logs; the server's default is `off`

---@class kubeharden.Opts
---@field cmd? string[] command that starts the server; default `{ 'kubeharden', 'server' }`
---@field settings? kubeharden.Settings
---@field fix_on_save? boolean apply all safe fixes before a buffer is written; default false

--- The merged options of all calls to `setup()`.
---@type kubeharden.Opts
M.opts = {}

local option_types = { cmd = 'table', settings = 'table', fix_on_save = 'boolean' }

---@param opts table<string, any>
local function validate(opts)
  for key, value in pairs(opts) do
    local expected = option_types[key]
    if not expected then
      error(("kubeharden.setup: unknown option '%s'"):format(key), 3)
    elseif type(value) ~= expected then
      error(("kubeharden.setup: option '%s' is a %s, expected a %s"):format(key, type(value), expected), 3)
    end
  end
end

--- Returns the table in `lsp/kubeharden.lua`. Both ways to start the server use it.
---@return table
local function base_config()
  local here = debug.getinfo(1, 'S').source:sub(2)
  return dofile(vim.fs.joinpath(vim.fs.dirname(here), '..', '..', 'lsp', NAME .. '.lua'))
end

--- Returns the configuration that starts the server: the base configuration with the options of `setup()`, or of the user's own
--- `vim.lsp.config()`, on top.
---@return table
function M.config()
  if vim.lsp.config then
    return vim.lsp.config[NAME]
  end
  local opts = M.opts
  local config = base_config()
  config.cmd = opts.cmd or config.cmd
  config.settings = opts.settings and { [NAME] = opts.settings } or nil
  config.init_options = config.settings
  return config
end

--- Attaches a buffer to the server of its root and starts that server if needed. Neovim 0.10 only.
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

---@param group integer
local function fix_on_save(group)
  vim.api.nvim_create_autocmd('BufWritePre', {
    group = group,
    desc = 'kubeharden: apply all safe fixes',
    callback = function(event)
      M.fix_all(event.buf)
    end,
  })
end

--- Starts the server for YAML buffers, including those that are already open. Neovim 0.10 only.
---@param group integer
local function start_for_filetypes(group)
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

--- Configures the server and starts it for YAML buffers. Later calls keep the options that they do not set.
---@param opts? kubeharden.Opts
function M.setup(opts)
  validate(opts or {})
  opts = vim.tbl_deep_extend('force', M.opts, opts or {})
  M.opts = opts
  local group = vim.api.nvim_create_augroup(NAME, { clear = true })
  if opts.fix_on_save then
    fix_on_save(group)
  end
  if not vim.lsp.config then
    start_for_filetypes(group)
    return
  end
  local settings = opts.settings and { [NAME] = opts.settings } or nil
  -- Neovim does not support dynamic registration of every feature, so `init_options` enables the optional ones at startup.
  vim.lsp.config(NAME, { cmd = opts.cmd, settings = settings, init_options = settings })
  vim.lsp.enable(NAME)
end

--- Sends a request and waits for the response. `request_sync` is a method since Neovim 0.11.
---@param client vim.lsp.Client
---@return table? response with `result` or `err`
local function request(client, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    return (client:request_sync(...))
  end
  return (client.request_sync(...))
end

--- Applies all safe fixes to a buffer. Blocks until they are applied, so it can be called before a write;
--- `vim.lsp.buf.code_action()` returns too early for that.
---@param buf? integer default: the current buffer
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
  local response = request(client, 'textDocument/codeAction', {
    textDocument = vim.lsp.util.make_text_document_params(buf),
    range = { start = { line = 0, character = 0 }, ['end'] = { line = last, character = 0 } },
    context = { only = { FIX_ALL }, diagnostics = {} },
  }, timeout, buf)
  local action = response and response.result and response.result[1]
  if action and not action.edit and action.data then
    response = request(client, 'codeAction/resolve', action, timeout, buf)
    action = response and response.result
  end
  if not action or not action.edit then
    return false
  end

  local before = vim.api.nvim_buf_get_changedtick(buf)
  vim.lsp.util.apply_workspace_edit(action.edit, client.offset_encoding)
  return vim.api.nvim_buf_get_changedtick(buf) ~= before
end

--- Returns the status of a buffer for a status line: the profile, where it comes from, and configuration errors. Empty if the
--- buffer is not a manifest. The `User KubehardenStatus` autocommand runs when the text may have changed.
---@param buf? integer default: the current buffer
---@return string
function M.status(buf)
  local status = require('kubeharden.status')
  return status.format(status.of(buf))
end

return M
