"""The language server, run as its own process, with pytest-lsp's client on the other end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from lintorch.catalogue import load_catalogue
from tests.clients.documents import FIXED, NET, SERVER, TRAIN
from tests.clients.editor import Editor, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
CONFIG = ClientServerConfig(server_command=SERVER)


@pytest_lsp.fixture(config=CONFIG, scope="module")
async def client(lsp_client: LanguageClient, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("lsp")
    (folder / ".git").mkdir()
    capabilities = client_capabilities("visual-studio-code")
    lsp_client.folder = folder
    lsp_client.applied = []

    @lsp_client.feature(types.WORKSPACE_APPLY_EDIT)
    def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        lsp_client.applied.append(params.edit)
        return types.ApplyWorkspaceEditResult(applied=True)

    @lsp_client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def registered(params: types.RegistrationParams) -> None:
        lsp_client.registered = [one.method for one in params.registrations]

    await lsp_client.initialize_session(types.InitializeParams(capabilities=capabilities, root_uri=folder.as_uri()))
    yield
    await lsp_client.shutdown_session()


@pytest.fixture
def editor(client: LanguageClient) -> Iterator[Callable[[str, str], Editor]]:
    opened: list[Editor] = []

    def open_document(name: str, text: str) -> Editor:
        client.applied.clear()
        opened.append(Editor(client, client.folder / name, text))
        return opened[-1]

    yield open_document
    for one in opened:
        client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(one.uri)))


def at(diagnostic: types.Diagnostic) -> tuple[int, int, int, int]:
    span = diagnostic.range
    return span.start.line, span.start.character, span.end.line, span.end.character


async def test_findings_as_you_type_without_a_file(editor) -> None:
    document = editor("typed.py", NET)
    (found,) = await document.told("LT101")
    assert (at(found), found.source, found.severity) == ((10, 8, 10, 25), "lintorch", types.DiagnosticSeverity.Warning)
    assert not document.path.exists()
    document.type(FIXED)
    await document.told("")
    document.type(NET.replace("import torch\n", "import torch\n\n\n"))
    assert at((await document.told("LT101"))[0]) == (12, 8, 12, 25)


async def test_what_does_not_parse_leaves_the_findings_as_they_were(editor) -> None:
    document = editor("broken.py", NET)
    await document.told("LT101")
    document.type(NET + "def f(:\n")
    assert await document.actions(10) == {}
    document.type(NET + "def f():\n    pass\n")
    assert len(await document.actions(10)) == 4
    assert [one.code for one in document.shown] == ["LT101"]


async def test_hover_is_the_page_with_the_evidence(editor) -> None:
    document = editor("hover.py", TRAIN)
    (found,) = await document.told("LT201")
    place = types.HoverParams(types.TextDocumentIdentifier(document.uri), found.range.start)
    shown = await document.client.text_document_hover_async(place)
    assert shown.contents.kind is types.MarkupKind.Markdown
    assert shown.contents.value.startswith(f"**LT201** {found.message}\n\n- keeps ")
    assert shown.contents.value.endswith(load_catalogue().find("LT201").page.text.strip())
    nowhere = types.HoverParams(types.TextDocumentIdentifier(document.uri), types.Position(0, 0))
    assert await document.client.text_document_hover_async(nowhere) is None


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
async def test_places_are_utf_16_and_line_ends_stay(editor, ends: str) -> None:
    text = NET.replace("        y =", "        note = ('𝄞𝄞', '\u2028'); print(note); self.f = x; y =").replace(
        "        return y\n", "        y = y  # 𝄞 mine\n        return y\n"
    )
    document = editor("wide.py", text.replace("\n", ends))
    found = {str(one.code): one for one in await document.told("LT106")}
    assert at(found["LT106"]) == (11, 8, 11, 13)
    offered = await document.actions(11)
    ignored = document.apply(offered["Ignore LT106 here"].edit)
    assert ignored == document.text.replace("# 𝄞 mine", "# 𝄞 mine  # lintorch: ignore[LT106]")
    document.type(ignored)
    await document.told("")


async def test_columns_behind_wide_characters(editor) -> None:
    text = TRAIN.replace("total += loss", "print('𝄞𝄞'); total += loss")
    (found,) = await editor("columns.py", text).told("LT201")
    column = text.splitlines()[8].index("total")
    assert at(found)[:2] == (8, column + 2)


async def test_applied_as_it_is_or_ignored(editor) -> None:
    document = editor("apply.py", NET.replace("\n", "\r\n"))
    await document.told("LT101")
    offered = await document.actions(10)
    assert next(iter(offered)).startswith("Verify and apply LT101: ")
    (apply,) = (action for title, action in offered.items() if title.endswith("(not verified)"))
    assert document.apply(apply.edit) == FIXED.replace("\n", "\r\n")
    assert [title for title in await document.actions(0) if not title.startswith("Fix all")] == []
    assert list(await document.actions(10, only=["source.fixAll"])) == ["Fix all in this file that verifies (lintorch)"]
    assert await document.actions(10, only=["refactor"]) == {}


async def test_verified_and_applied_with_progress_and_verdict(editor, client: LanguageClient) -> None:
    document = editor("verified.py", NET)
    await document.told("LT101")
    client.progress_reports.clear()
    await document.run((await document.actions(10))[next(iter(await document.actions(10)))].command)
    (edit,) = client.applied
    assert document.apply(edit) == FIXED
    assert document.said.startswith("lintorch: Net: applied; same-trace: both versions run the same operations")
    assert "inputs float32[" in document.said
    (reports,) = client.progress_reports.values()
    assert [type(one).__name__ for one in reports] == ["WorkDoneProgressBegin", "WorkDoneProgressReport", "WorkDoneProgressEnd"]


async def test_what_verification_does_not_allow_is_not_applied(editor, client: LanguageClient) -> None:
    document = editor("undecided.py", NET.replace("def __init__(self):", "def __init__(self):\n        raise RuntimeError('nobody can build this')"))
    await document.told("LT101")
    offered = await document.actions(11)
    await document.run(next(iter(offered.values())).command)
    assert client.applied == []
    assert document.said.startswith("lintorch: Net: not applied; undecided: ")
    assert client.messages[-1].type is types.MessageType.Warning


async def test_all_that_verifies_in_a_file_is_fixed_in_one_edit(editor, client: LanguageClient) -> None:
    second = NET.partition("\n\n\n")[2].replace("Net", "Second").replace("return y", "y = y\n        return y")
    document = editor("all.py", NET + "\n\n" + second)
    await document.told("LT101 LT106")
    await document.run(next(iter((await document.actions(0)).values())).command)
    (edit,) = client.applied
    assert document.apply(edit) == FIXED + "\n\n" + FIXED.partition("\n\n\n")[2].replace("Net", "Second")


SLOW = NET.replace("y = self.layer(x)", "y = self.slow(self.layer(x))").replace(
    "    def forward", "    def slow(self, x):\n        import time\n        time.sleep(30)\n        return x\n\n    def forward"
)


@pytest.mark.parametrize("by", ["progress", "request"])
async def test_cancelled_nothing_is_applied(editor, client: LanguageClient, by: str) -> None:
    document = editor("cancelled.py", SLOW)
    await document.told("LT101")
    (verify, *_) = (await document.actions(15)).values()
    client.progress_reports.clear()
    asked = types.ExecuteCommandParams(verify.command.command, verify.command.arguments)
    running = asyncio.ensure_future(client.protocol.send_request_async(types.WORKSPACE_EXECUTE_COMMAND, asked, msg_id="verify"))
    await until(lambda: len(client.progress_reports) == 1)
    (token,) = client.progress_reports
    await asyncio.sleep(0.5)
    if by == "progress":
        client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
    else:
        client.cancel_request(types.CancelParams("verify"))
    await until(lambda: len(client.progress_reports[token]) > 1, 10)
    await asyncio.wait([running])
    assert (running.exception() is None) == (by == "progress")
    assert client.applied == []
    await until(lambda: document.said == "lintorch: cancelled; the fix of LT101 was not applied", 10)
    assert client.progress_reports[token][-1].message == "cancelled"


@pytest.mark.parametrize("begun", [False, True], ids=["before it began", "while it ran"])
async def test_a_text_that_changed_is_left_alone(editor, client: LanguageClient, begun: bool) -> None:
    document = editor("meanwhile.py", NET)
    await document.told("LT101")
    (verify, *_) = (await document.actions(10)).values()
    client.progress_reports.clear()
    running = asyncio.ensure_future(document.run(verify.command))
    if begun:
        await until(lambda: len(client.progress_reports) == 1)
    document.type(NET + "\n")
    await running
    assert client.applied == []
    assert document.said == "lintorch: the text changed before the fix of LT101 was verified; nothing was applied, ask again"


async def test_settings_of_the_project_and_of_the_workspace(editor, client: LanguageClient) -> None:
    (client.folder / "pyproject.toml").write_text('[tool.lintorch]\nignore = ["LT101"]\n')
    document = editor("settings.py", NET)
    await document.told("")
    configure = client.workspace_did_change_configuration
    try:
        client.set_configuration({"lintorch": {"extendSelect": ["LT101"], "perFileIgnores": {}}})
        configure(types.DidChangeConfigurationParams({}))
        await document.told("")  # ignored by the project as exactly as it is selected here: a draw ignores
        client.set_configuration({"lintorch": {"ignore": [], "select": ["returned-temporary"], "line-length": 20}})
        configure(types.DidChangeConfigurationParams({}))
        (client.folder / "pyproject.toml").write_text("[tool.lintorch]\nline-length = 100\n")
        changed = types.FileEvent((client.folder / "pyproject.toml").as_uri(), types.FileChangeType.Changed)
        client.set_configuration({"lintorch": {"select": ["LT1"]}})
        configure(types.DidChangeConfigurationParams({}))
        client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([changed]))
        await document.told("LT101")
        client.set_configuration({"lintorch": {"selct": ["LT1"]}})
        configure(types.DidChangeConfigurationParams({}))
        await until(lambda: "unknown key" in document.said)
        assert document.said.endswith("did you mean select?")
    finally:
        (client.folder / "pyproject.toml").unlink()
        client.set_configuration({"lintorch": {"select": []}})
        configure(types.DidChangeConfigurationParams({}))


async def test_other_files_are_read_from_disk_and_again_when_they_change(editor, client: LanguageClient) -> None:
    base: Path = client.folder / "base.py"
    base.write_text("class Base:\n    def __init__(self):\n        pass\n")
    document = editor(
        "derived.py", "import torch\nfrom base import Base\n\n\nclass Net(Base):\n    def forward(self, x):\n        y = x.relu()\n        return y\n"
    )
    await document.told("")
    base.write_text("from torch import nn\n\n\nclass Base(nn.Module):\n    pass\n")
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([types.FileEvent(base.as_uri(), types.FileChangeType.Changed)]))
    await document.told("LT101")
