---@brief
---
--- Hardening diagnostics and fixes for Kubernetes manifests, as you type.
---
--- The server looks at `apiVersion` and `kind` of each YAML document; any other YAML gets an empty answer and costs nothing,
--- so it is attached to every buffer of the filetype `yaml`. Helm templates (filetype `helm`) and JSON are read as well, by those
--- who add their filetypes; compound ones such as `yaml.docker-compose` are left alone.
---
--- Neovim 0.11 and later read this file by themselves:
---
--- ```lua
--- vim.lsp.enable('kubeharden')
--- ```
---
--- Settings, all optional, are named as in `.kubeharden.yaml`:
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
  -- In order of priority: the nearest configuration file wins over a repository further down.
  root_markers = { '.kubeharden.yaml', '.git' },
  -- Neovim refuses edits for a text that has changed since, where they name its version. It can, but does not say so.
  capabilities = {
    workspace = { workspaceEdit = { documentChanges = true } },
    experimental = { kubeharden = { status = true } },
  },
  handlers = {
    ['kubeharden/status'] = function(_, status, context)
      require('kubeharden.status').tell(status, context.client_id)
    end,
  },
}
