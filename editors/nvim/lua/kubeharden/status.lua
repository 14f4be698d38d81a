--- What the server told of each buffer: what it is held to, and whether that could be done. Nothing here asks the server.

local M = {}

---@class kubeharden.Status
---@field profile string
---@field namespaces? { name: string, profile: string }[] those whose Pod Security labels say what objects in it are held to
---@field kubernetesVersion string
---@field configurationFile string? path of the `.kubeharden.yaml` that counts
---@field objects integer how many Kubernetes objects are in it; 0 where it is no manifest
---@field template boolean whether template syntax leaves only values that stand there to be judged
---@field patch boolean whether it is a patch, of which only values that stand there are judged
---@field failure string? why the analysis failed; then the fields above are absent
---@field mistakes integer how many mistakes the configuration file has

--- The newest for each buffer, with the client that said it.
---@type table<integer, { client: integer, status: kubeharden.Status }>
local told = {}

---@param path string
---@return integer? buf
local function buffer_of(path)
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_get_name(buf) == path then
      return buf
    end
  end
end

--- The handler of `kubeharden/status`, which `lsp/kubeharden.lua` names.
---@param message table
---@param client integer
function M.tell(message, client)
  for buf in pairs(told) do
    if not vim.api.nvim_buf_is_valid(buf) then
      told[buf] = nil
    end
  end
  local buf = buffer_of(vim.uri_to_fname(message.uri))
  if not buf then
    return
  end
  local file = message.configurationFile
  message.configurationFile = type(file) == 'string' and vim.uri_to_fname(file) or nil
  told[buf] = { client = client, status = message }
  vim.api.nvim_exec_autocmds('User', { pattern = 'KubehardenStatus', modeline = false, data = { buf = buf } })
  vim.cmd.redrawstatus()
end

--- The mistakes in a configuration file, as the server told them.
---@param path string
---@return vim.Diagnostic[]
function M.mistakes(path)
  local buf = buffer_of(path)
  return vim.tbl_filter(function(d)
    return d.source == 'kubeharden'
  end, buf and vim.diagnostic.get(buf) or {})
end

---@param buf? integer default: the current one
---@return kubeharden.Status? what was told of a buffer that is served
function M.of(buf)
  buf = (type(buf) == 'number' and buf ~= 0) and buf or vim.api.nvim_get_current_buf()
  local last = told[buf]
  if not last or not vim.lsp.buf_is_attached(buf, last.client) then
    return nil
  end
  local file = last.status.configurationFile
  return vim.tbl_extend('force', last.status, { mistakes = file and #M.mistakes(file) or 0 })
end

---@param status kubeharden.Status?
---@return string a few words for a status line; empty where there is nothing to say
function M.words(status)
  if not status then
    return ''
  elseif status.failure then
    return 'kubeharden: cannot read this file'
  elseif status.objects == 0 and not (status.template or status.patch) then
    return ''
  end
  local words = 'kubeharden: ' .. status.profile
  local by = vim.tbl_map(function(namespace)
    local of_all = namespace.profile == status.profile
    return (of_all and 'Namespace ' or namespace.profile .. ' in Namespace ') .. namespace.name
  end, status.namespaces or {})
  if status.configurationFile then
    table.insert(by, vim.fs.basename(status.configurationFile))
  end
  if #by > 0 then
    words = words .. (' (%s)'):format(table.concat(by, ', '))
  end
  if status.mistakes > 0 then
    words = words .. (', %d mistake%s in it'):format(status.mistakes, status.mistakes == 1 and '' or 's')
  end
  if status.template then
    return words .. ', Helm template: modest'
  end
  return words .. (status.patch and ', Kustomize patch: modest' or '')
end

return M
