--- The configuration that `editors/try` opens Neovim with: the plugin, a hint on top, and nothing of the user's.

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
    map({ 'gra', 'ga', '<leader>a' }, vim.lsp.buf.code_action, 'fixes for what is under the cursor')
    map({ 'K' }, vim.lsp.buf.hover, 'why')
    map({ 'gl' }, vim.diagnostic.open_float, 'the whole finding')
    map({ 'gF', '<leader>f' }, require('kubeharden').fix_all, 'every safe fix')
    vim.wo.winbar = '%#Title# kubeharden %* ]d next finding   gl all of it   K why   ga fix   gF every safe fix   u undo   :q end'
  end,
})
