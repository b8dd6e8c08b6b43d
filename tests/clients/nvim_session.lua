-- Opens a file in a headless Neovim with `lintorch lsp`, and writes what the editor shows and does to the file $OUT as JSON.
local out = {}
local function wait(what, holds)
  if not vim.wait(60000, holds, 50) then
    out.failed = what
    vim.fn.writefile({ vim.fn.json_encode(out) }, vim.env.OUT)
    vim.cmd('cquit')
  end
end

local function lines() return vim.api.nvim_buf_get_lines(0, 0, -1, false) end

local function codes()
  local found = {}
  for _, one in ipairs(vim.diagnostic.get(0)) do
    table.insert(found, { one.code or (one.user_data and one.user_data.lsp.code), one.lnum, one.col })
  end
  return found
end

local said = {}
vim.lsp.handlers['window/showMessage'] = function(_, params) table.insert(said, params.message) end

vim.cmd('edit ' .. vim.env.FILE)
local id = vim.lsp.start_client({ name = 'lintorch', cmd = vim.fn.json_decode(vim.env.SERVER), root_dir = vim.fn.getcwd() })
vim.lsp.buf_attach_client(0, id)
wait('diagnostics', function() return #vim.diagnostic.get(0) == 1 end)
out.diagnostics = codes()

-- Typing, unsaved: one line above moves the finding.
vim.api.nvim_buf_set_lines(0, 0, 0, false, { '# 𝄞' })
wait('moved diagnostics', function() return #vim.diagnostic.get(0) == 1 and codes()[1][2] == out.diagnostics[1][2] + 1 end)
out.moved = codes()

local client = vim.lsp.get_client_by_id(id)
local place = { textDocument = vim.lsp.util.make_text_document_params(0), position = { line = out.moved[1][2], character = 8 } }
local hover = client.request_sync('textDocument/hover', place, 60000, 0)
out.hover = hover.result.contents.value

local span = { start = place.position, ['end'] = place.position }
local params = { textDocument = place.textDocument, range = span, context = { diagnostics = {} } }
local actions = client.request_sync('textDocument/codeAction', params, 60000, 0).result
out.titles = vim.tbl_map(function(action) return action.title end, actions)
client.request_sync('workspace/executeCommand', actions[1].command, 120000, 0)
wait('the edit', function() return #said > 0 end)
out.said = said
out.lines = lines()
wait('no diagnostics', function() return #vim.diagnostic.get(0) == 0 end)
vim.cmd('write')
vim.fn.writefile({ vim.fn.json_encode(out) }, vim.env.OUT)
vim.lsp.stop_client(id)
vim.wait(3000, function() return vim.lsp.get_client_by_id(id) == nil end, 50)
vim.cmd('qall!')
