"""What is done on each message of the editor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from lintorch.lsp.actions import FIX_ALL, VERIFY, offered
from lintorch.lsp.fixing import fix_all, verify_and_apply
from lintorch.lsp.server import DEBOUNCE, Server, document_path
from lintorch.lsp.telling import hover
from lintorch.settings import UsageError

SECTION = "lintorch"
_WATCHED = ("**/*.py", "**/pyproject.toml")


def register(server: Server) -> None:
    """Connect the handlers below."""
    for feature, handler in _FEATURES.items():
        server.feature(feature)(handler)
    kinds = [types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll]
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(kinds))(code_action)
    server.command(VERIFY)(verify_and_apply)
    server.command(FIX_ALL)(fix_all)


def initialize(ls: Server, params: types.InitializeParams) -> None:
    """Settings may come with the greeting."""
    _configure(ls, params.initialization_options)


async def initialized(ls: Server, _: types.InitializedParams) -> None:
    """Ask for the settings and to be told of changes on disk, as far as the editor can do either."""
    workspace = ls.client_capabilities.workspace
    if workspace is not None and workspace.did_change_watched_files and workspace.did_change_watched_files.dynamic_registration:
        watchers = [types.FileSystemWatcher(pattern) for pattern in _WATCHED]
        options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
        registration = types.Registration("lintorch-files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        with contextlib.suppress(JsonRpcException):  # then changes are seen when something is saved
            await ls.client_register_capability_async(types.RegistrationParams([registration]))
    await _pull_settings(ls)


async def did_change_configuration(ls: Server, params: types.DidChangeConfigurationParams) -> None:
    """New settings: asked for where the editor answers, else those that it sent."""
    if not await _pull_settings(ls):
        _configure(ls, params.settings)


async def _pull_settings(ls: Server) -> bool:
    workspace = ls.client_capabilities.workspace
    if workspace is None or not workspace.configuration:
        return False
    answers = await ls.workspace_configuration_async(types.ConfigurationParams([types.ConfigurationItem(section=SECTION)]))
    if answers and answers[0]:
        _configure(ls, answers[0])
    return bool(answers and answers[0])


def _configure(ls: Server, given: Any) -> None:
    if not isinstance(given, dict):
        return
    try:
        ls.desk.configure(given.get(SECTION) if isinstance(given.get(SECTION), dict) else given)
    except UsageError as error:
        ls.say(str(error), types.MessageType.Error)
    ls.schedule_all()


def did_open(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    """Judge what was opened at once."""
    _text_is(ls, params.text_document.uri, params.text_document.text, params.text_document.version, 0)


def did_change(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    """Judge what was typed after a moment of silence."""
    for change in params.content_changes[-1:]:
        _text_is(ls, params.text_document.uri, change.text, params.text_document.version, DEBOUNCE)


def _text_is(ls: Server, uri: str, text: str, version: int, delay: float) -> None:
    path = document_path(uri)
    if path.suffix != ".ipynb":  # the JSON of a notebook is not what its cells say
        ls.schedule(ls.desk.put(uri, path, text, version), delay)


def did_save(ls: Server, _: types.DidSaveTextDocumentParams) -> None:
    """What is on disk is another text now, and other documents may rest on it."""
    ls.desk.renew()
    ls.schedule_all()


def did_close(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    """A closed document has no findings to show."""
    uri = params.text_document.uri
    ls.unschedule(uri)
    ls.desk.drop(uri)
    ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))
    ls.schedule_all()


def did_change_watched_files(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
    """Files or settings changed on disk."""
    did_save(ls, types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(params.changes[0].uri if params.changes else "")))


async def text_hover(ls: Server, params: types.HoverParams) -> types.Hover | None:
    """The page and the evidence of the findings at a place."""
    document = ls.desk.find(params.text_document.uri)
    if document is None or not await _known(ls, document):
        return None
    assert document.judgment is not None
    positions = ls.positions(document)
    return hover(document.judgment, positions.inward(params.position), positions)


async def code_action(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    """What can be done about the findings in a range."""
    document = ls.desk.find(params.text_document.uri)
    if document is None or not await _known(ls, document):
        return []
    assert document.judgment is not None
    wanted = params.context.only
    kinds = None if wanted is None else [str(getattr(kind, "value", kind)) for kind in wanted]
    return list(offered(document, document.judgment, ls.positions(document), params.range, kinds))


async def _known(ls: Server, document: Any) -> bool:
    """Is all known of the present text, after a look if need be?"""
    try:
        return await ls.judged(document)
    except UsageError as error:
        ls.complain(document, str(error))
        return False


def shutdown(ls: Server, *_: object) -> None:
    """Nothing runs on after goodbye."""
    for document in ls.desk.documents:
        ls.unschedule(document.uri)
    asyncio.get_running_loop().run_in_executor(None, ls.bench.close)


_FEATURES: dict[str, Callable[..., Any]] = {
    types.INITIALIZE: initialize,
    types.INITIALIZED: initialized,
    types.SHUTDOWN: shutdown,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: did_change_configuration,
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: did_change_watched_files,
    types.TEXT_DOCUMENT_DID_OPEN: did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: did_change,
    types.TEXT_DOCUMENT_DID_SAVE: did_save,
    types.TEXT_DOCUMENT_DID_CLOSE: did_close,
    types.TEXT_DOCUMENT_HOVER: text_hover,
}
