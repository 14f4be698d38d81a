--- Configures Neovim for `editors/try`: the plugin, a few key mappings, and a line above the text that lists them.

local server = assert(os.getenv('KUBEHARDEN_BIN'), 'editors/try sets KUBEHARDEN_BIN')

vim.g.mapleader = ' '
vim.o.number = true
vim.o.signcolumn = 'yes'
vim.o.swapfile = false
vim.o.showmode = false
vim.o.ruler = false
vim.o.statusline = " %t %m%=%{v:lua.require'kubeharden'.status()}  %l:%c "
vim.diagnostic.config({
  signs = true,
  underline = true,
  severity_sort = true,
  virtual_text = { spacing = 2, prefix = '●' },
  float = { border = 'rounded', source = true },
})

require('kubeharden').setup({ cmd = { server, 'server' } })

vim.api.nvim_create_autocmd('LspAttach', {
  callback = function(event)
    local function map(keys, run, desc)
      for _, key in ipairs(keys) do
        vim.keymap.set('n', key, run, { buffer = event.buf, desc = desc, nowait = true })
      end
    end
    map({ 'gra', 'ga', '<leader>a' }, vim.lsp.buf.code_action, 'fixes for the finding under the cursor')
    map({ 'K' }, vim.lsp.buf.hover, 'explain the finding')
    map({ 'gl' }, vim.diagnostic.open_float, 'show the finding in full')
    map({ 'gF', '<leader>f' }, require('kubeharden').fix_all, 'apply every safe fix')
    vim.wo.winbar = '%#Title# kubeharden %* ]d next finding   gl full text   K explain   ga fix   gF all safe fixes   u undo   :q quit'
  end,
})
