--- `editors/try --headless`: prints what Neovim was told about the current buffer, then what the safe fixes change in it.
--- The file itself stays as it is.

local PATIENCE = 10000 -- milliseconds
local shown_as = assert(os.getenv('KUBEHARDEN_TRY_NAME'), 'editors/try sets KUBEHARDEN_TRY_NAME')

local buf = vim.api.nvim_get_current_buf()
local uri = vim.uri_from_bufnr(buf)

local function out(text)
  io.stdout:write(text, '\n')
end

--- What Neovim would show as a warning or an error: a server that ends too early is one.
local complaints = {}
vim.notify = function(message, level)
  if level and level >= vim.log.levels.WARN then
    table.insert(complaints, message)
  end
end

local function fail(why)
  io.stderr:write('try: ', why, '\n')
  local log = io.open(require('vim.lsp.log').get_filename())
  local lines = log and vim.split(log:read('*a'), '\n', { trimempty = true }) or {}
  vim.list_extend(complaints, lines, math.max(1, #lines - 9))
  for _, line in ipairs(complaints) do
    io.stderr:write('  ', line, '\n')
  end
  vim.cmd('cquit 1')
end

local function client()
  return vim.lsp.get_clients({ bufnr = buf, name = 'kubeharden' })[1]
end

--- The newest diagnostics of the buffer as the server sent them, and how often it has.
---@type lsp.Diagnostic[]
local diagnostics = {}
local publishes = 0
local method = 'textDocument/publishDiagnostics'
local original = vim.lsp.handlers[method]
vim.lsp.handlers[method] = function(err, result, ...)
  if result.uri == uri then
    diagnostics, publishes = result.diagnostics, publishes + 1
  end
  return original(err, result, ...)
end

--- Waits until the server has published more often than that.
local function published(than)
  vim.wait(PATIENCE, function()
    return publishes > than or (#complaints > 0 and client() == nil)
  end, 5)
  return publishes > than
end

local function print_diagnostics()
  local all = vim.diagnostic.get(buf)
  table.sort(all, function(a, b)
    return a.lnum ~= b.lnum and a.lnum < b.lnum or a.lnum == b.lnum and a.col < b.col
  end)
  for _, d in ipairs(all) do
    local severity = ({ 'error', 'warning', 'info', 'hint' })[d.severity]
    out(('%s:%d:%d: %s[%s] %s'):format(shown_as, d.lnum + 1, d.col + 1, severity, d.code, vim.split(d.message, '\n')[1]))
  end
  if #all == 0 then
    out(shown_as .. ': no findings')
  end
end

--- Applies the preferred quick fixes one after another, for a server that does not offer them all as one.
local function fix_one_by_one()
  local tried = {}
  local function next_fix()
    for _, d in ipairs(diagnostics) do
      local key = vim.inspect({ d.code, d.range })
      if not tried[key] then
        tried[key] = true
        local response = vim.lsp.buf_request_sync(buf, 'textDocument/codeAction', {
          textDocument = { uri = uri },
          range = d.range,
          context = { diagnostics = { d }, only = { 'quickfix' } },
        }, PATIENCE)
        for _, answer in pairs(response or {}) do
          for _, action in ipairs(answer.result or {}) do
            if action.isPreferred and action.edit then
              return action
            end
          end
        end
      end
    end
  end
  for action in next_fix do
    local seen = publishes
    vim.lsp.util.apply_workspace_edit(action.edit, client().offset_encoding)
    published(seen)
  end
end

local function text()
  return table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, true), '\n') .. '\n'
end

if not published(0) then
  return fail(#complaints > 0 and 'the server does not start' or 'the server has said nothing for 10 seconds')
end
print_diagnostics()

local before = text()
if not require('kubeharden').fix_all(buf, PATIENCE) then
  fix_one_by_one()
end
local diff = (vim.text.diff or vim.diff)(before, text(), { ctxlen = 3 })
if diff ~= '' then
  out(('\n--- a/%s\n+++ b/%s\n%s'):format(shown_as, shown_as, vim.trim(diff)))
end
vim.cmd('qall!')
