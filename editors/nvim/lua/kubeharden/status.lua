--- The latest `kubeharden/status` notification of each buffer. This module only stores what arrives; it sends no requests.

local M = {}

---@class kubeharden.Status
---@field profile string
---@field namespaces? { name: string, profile: string }[] Namespaces whose Pod Security labels set the profile of objects in the buffer
---@field kubernetesVersion string
---@field configurationFile string? path of the `.kubeharden.yaml` that applies
---@field objects integer number of Kubernetes objects; 0 if the buffer is not a manifest
---@field template boolean whether the buffer is a Helm template: only literal values are checked
---@field patch boolean whether the buffer is a Kustomize patch: only literal values are checked
---@field failure string? why the analysis failed; the fields above are then missing
---@field errors integer number of errors in the configuration file

---@type table<integer, { client: integer, status: kubeharden.Status }>
local latest = {}

---@param path string
---@return integer? buf
local function buffer_of(path)
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_get_name(buf) == path then
      return buf
    end
  end
end

local function forget_deleted_buffers()
  for buf in pairs(latest) do
    if not vim.api.nvim_buf_is_valid(buf) then
      latest[buf] = nil
    end
  end
end

--- Handles `kubeharden/status`; registered in `lsp/kubeharden.lua`.
---@param status table
---@param client integer
function M.on_status(status, client)
  forget_deleted_buffers()
  local buf = buffer_of(vim.uri_to_fname(status.uri))
  if not buf then
    return
  end
  local uri = status.configurationFile
  status.configurationFile = type(uri) == 'string' and vim.uri_to_fname(uri) or nil
  latest[buf] = { client = client, status = status }
  vim.api.nvim_exec_autocmds('User', { pattern = 'KubehardenStatus', modeline = false, data = { buf = buf } })
  vim.cmd.redrawstatus()
end

--- Returns the diagnostics of a configuration file.
---@param path string
---@return vim.Diagnostic[]
function M.configuration_errors(path)
  local buf = buffer_of(path)
  return vim.tbl_filter(function(diagnostic)
    return diagnostic.source == 'kubeharden'
  end, buf and vim.diagnostic.get(buf) or {})
end

--- Returns the latest status of a buffer, or nil if no server is attached or none has arrived yet.
---@param buf? integer default: the current buffer
---@return kubeharden.Status?
function M.of(buf)
  buf = (type(buf) == 'number' and buf ~= 0) and buf or vim.api.nvim_get_current_buf()
  local last = latest[buf]
  if not last or not vim.lsp.buf_is_attached(buf, last.client) then
    return nil
  end
  local file = last.status.configurationFile
  return vim.tbl_extend('force', last.status, { errors = file and #M.configuration_errors(file) or 0 })
end

--- Returns where the profile comes from: Namespaces, and the configuration file.
---@param status kubeharden.Status
---@return string[]
local function sources(status)
  local found = {}
  for _, namespace in ipairs(status.namespaces or {}) do
    local prefix = namespace.profile == status.profile and '' or namespace.profile .. ' in '
    table.insert(found, prefix .. 'Namespace ' .. namespace.name)
  end
  if status.configurationFile then
    table.insert(found, vim.fs.basename(status.configurationFile))
  end
  return found
end

--- Formats a status for a status line. Returns an empty string if the buffer is not a manifest.
---@param status kubeharden.Status?
---@return string
function M.format(status)
  if not status then
    return ''
  elseif status.failure then
    return 'kubeharden: analysis failed'
  elseif status.objects == 0 and not (status.template or status.patch) then
    return ''
  end
  local text = 'kubeharden: ' .. status.profile
  local from = sources(status)
  if #from > 0 then
    text = text .. (' (%s)'):format(table.concat(from, ', '))
  end
  if status.errors > 0 then
    text = text .. (', %d configuration error%s'):format(status.errors, status.errors == 1 and '' or 's')
  end
  if status.template then
    text = text .. ', Helm template: literal values only'
  elseif status.patch then
    text = text .. ', Kustomize patch: literal values only'
  end
  return text
end

return M
