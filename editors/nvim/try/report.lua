--- Prints the report of `editors/try --headless`: the diagnostics of the file, the diff of every safe fix, and the
--- diagnostics that remain. The file on disk stays unchanged.
---
--- `editors/try` sources this file before the configuration, so that it sees every diagnostic from the start.

local PATIENCE = 10000 -- milliseconds; only a server that does not work takes this long
local shown_as = assert(os.getenv('KUBEHARDEN_TRY_NAME'), 'editors/try sets KUBEHARDEN_TRY_NAME')

--- Warnings and errors that Neovim would show, such as a server that exits.
---@type string[]
local complaints = {}
vim.notify = function(message, level)
  if level and level >= vim.log.levels.WARN then
    table.insert(complaints, message)
  end
end

--- The version of the text that the newest diagnostics are for, by document.
---@type table<string, integer>
local analyzed = {}

--- Neovim 0.10 and 0.11 receive diagnostics, 0.12 asks for them. Calls `seen` with the document and the version of the
--- text after Neovim has handled either.
local function observe(method, seen)
  local original = vim.lsp.handlers[method]
  vim.lsp.handlers[method] = function(err, result, context, ...)
    original(err, result, context, ...)
    if result then
      local uri, version = seen(result, context)
      analyzed[uri] = version
    end
  end
end
observe('textDocument/publishDiagnostics', function(result)
  return result.uri, result.version
end)
observe('textDocument/diagnostic', function(_, context)
  return context.params.textDocument.uri, context.version
end)

-- Without this capability, pushed diagnostics carry no version.
local make_client_capabilities = vim.lsp.protocol.make_client_capabilities
vim.lsp.protocol.make_client_capabilities = function()
  local capabilities = make_client_capabilities()
  capabilities.textDocument.publishDiagnostics.versionSupport = true
  return capabilities
end

local function out(text)
  io.stdout:write(text, '\n')
end

--- Ends Neovim with exit status 1, after the reason, the complaints, and the end of the log.
local function fail(reason)
  io.stderr:write('try: ', reason, '\n')
  local log = io.open(require('vim.lsp.log').get_filename())
  local lines = log and vim.split(log:read('*a'), '\n', { trimempty = true }) or {}
  vim.list_extend(complaints, lines, math.max(1, #lines - 9))
  for _, line in ipairs(complaints) do
    io.stderr:write('  ', line, '\n')
  end
  vim.cmd('cquit 1')
end

local function text(buf)
  return table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, true), '\n') .. '\n'
end

--- Waits for the diagnostics of the current text, and returns them by position; nil when none arrive.
---@return vim.Diagnostic[]?
local function diagnostics(buf)
  local uri = vim.uri_from_bufnr(buf)
  local function current()
    return analyzed[uri] ~= nil and analyzed[uri] == vim.lsp.util.buf_versions[buf]
  end
  vim.wait(PATIENCE, function()
    local client = vim.lsp.get_clients({ bufnr = buf, name = 'kubeharden' })[1]
    return current() or (#complaints > 0 and client == nil)
  end, 5)
  if not current() then
    return nil
  end
  local all = vim.diagnostic.get(buf)
  table.sort(all, function(a, b)
    return a.lnum ~= b.lnum and a.lnum < b.lnum or a.lnum == b.lnum and a.col < b.col
  end)
  return all
end

---@param all vim.Diagnostic[]
local function print_diagnostics(all)
  for _, d in ipairs(all) do
    local severity = ({ 'error', 'warning', 'info', 'hint' })[d.severity]
    out(('%s:%d:%d: %s[%s] %s'):format(shown_as, d.lnum + 1, d.col + 1, severity, d.code, vim.split(d.message, '\n')[1]))
  end
  if #all == 0 then
    out(shown_as .. ': no findings')
  end
end

local function report()
  local buf = vim.api.nvim_get_current_buf()
  local found = diagnostics(buf)
  if not found then
    return fail(#complaints > 0 and 'the server does not start' or 'the server sent no diagnostics for 10 seconds')
  end
  print_diagnostics(found)

  local before = text(buf)
  if require('kubeharden').fix_all(buf, PATIENCE) then
    local diff = (vim.text.diff or vim.diff)(before, text(buf), { ctxlen = 3 })
    out(('\n--- a/%s\n+++ b/%s\n%s\n'):format(shown_as, shown_as, vim.trim(diff)))
    local remaining = diagnostics(buf)
    if not remaining then
      return fail('the server sent no diagnostics for the fixed text')
    end
    out('After the safe fixes:')
    print_diagnostics(remaining)
  end
  vim.cmd('qall!')
end

vim.api.nvim_create_autocmd('VimEnter', {
  once = true,
  nested = true,
  callback = function()
    local ok, err = xpcall(report, debug.traceback)
    if not ok then
      fail(err)
    end
  end,
})
