---@brief
---
--- Hardening diagnostics and fixes for Kubernetes manifests, as you type.
---
--- The server checks YAML documents with an `apiVersion` and a `kind` and returns nothing for other YAML, so it attaches to every
--- buffer with the filetype `yaml`. It can also check Helm templates and JSON: add `helm` and `json` to `filetypes`. It does not
--- attach to compound filetypes such as `yaml.docker-compose`.
---
--- Neovim 0.11 and later load this file:
---
--- ```lua
--- vim.lsp.enable('kubeharden')
--- ```
---
--- All settings are optional. Their names are the same as in `.kubeharden.yaml`:
---
--- ```lua
--- vim.lsp.config('kubeharden', {
---   settings = { kubeharden = { profile = 'restricted', kubernetesVersion = '1.33' } },
--- })
--- ```

---@type vim.lsp.Config
return {
  cmd = { 'kubeharden', 'server' },
  filetypes = { 'yaml' },
  -- In order of priority: the nearest configuration file wins over the root of the repository.
  root_markers = { '.kubeharden.yaml', '.git' },
  -- Neovim supports `documentChanges` (it rejects edits for an outdated version of a text) but does not announce it.
  capabilities = {
    workspace = { workspaceEdit = { documentChanges = true } },
    experimental = { kubeharden = { status = true } },
  },
  handlers = {
    ['kubeharden/status'] = function(_, status, context)
      require('kubeharden.status').on_status(status, context.client_id)
    end,
  },
}
