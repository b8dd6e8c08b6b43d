"""The wire: what the editor sends, and what it is told. Judging runs in one thread, user code in another's worker processes; this one only waits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from lintorch import __version__
from lintorch.lsp.desk import Desk, Document
from lintorch.lsp.positions import Positions
from lintorch.lsp.telling import shown
from lintorch.lsp.trial import Bench
from lintorch.settings import UsageError

T = TypeVar("T")

# Seconds of silence before the edited function is judged, and before the rest of the file is.
DEBOUNCE, SETTLE = 0.15, 0.8


class Server(LanguageServer):
    """One editor's server: its open documents, and the task that judges each."""

    def __init__(self) -> None:
        # Whole texts are sent: pygls cuts lines where Python's str.splitlines does (form feeds, U+2028), which no editor does.
        super().__init__("lintorch", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full, max_workers=2)
        self.desk = Desk()
        self.bench = Bench()
        self._thread = ThreadPoolExecutor(1)
        self._waiting: dict[str, asyncio.Task[None]] = {}

    async def aside(self, work: Callable[..., T], *arguments: Any) -> T:
        """Judging in its one thread, so that messages are read meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def positions(self, document: Document) -> Positions:
        """The editor's way of counting in a document."""
        return Positions(document.source, str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding) or "utf-16"))

    def schedule(self, document: Document, delay: float) -> None:
        """Judge a document after some silence; an earlier plan for it is given up."""
        self.unschedule(document.uri)
        self._waiting[document.uri] = asyncio.ensure_future(self._judge_later(document, delay))

    def unschedule(self, uri: str) -> None:
        """Give up the plan for a document."""
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()

    def schedule_all(self) -> None:
        """Judge every open document anew."""
        for document in self.desk.documents:
            self.schedule(document, DEBOUNCE)

    async def _judge_later(self, document: Document, delay: float) -> None:
        try:
            await asyncio.sleep(delay)
            if await self.aside(self.desk.judge_edit, document):
                self.publish(document)
                await asyncio.sleep(SETTLE)
            if not document.is_known:
                await self.judged(document)
        except UsageError as error:
            self.complain(document, str(error))
        except Exception as error:  # noqa: BLE001 - a fault in one document must not end the server
            self.complain(document, f"internal error: {type(error).__name__}: {error}; please report it")

    async def judged(self, document: Document) -> bool:
        """Judge a whole document unless that was done; False where its present text cannot be parsed. Raises UsageError."""
        while not document.is_known:
            source = document.source
            if not await self.aside(self.desk.judge, document):
                return False
            if document.source is source:
                self.publish(document)
                break
        return True

    def publish(self, document: Document) -> None:
        """Show what is known of a document, unless its text has changed meanwhile."""
        judgment = document.judgment
        if judgment is None or judgment.source is not document.source or self.desk.find(document.uri) is not document:
            return
        document.told = ""
        positions = self.positions(document)
        found = [shown(diagnostic, positions) for diagnostic in judgment.diagnostics]
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(document.uri, found, document.version))
        for failure in judgment.failures:
            self.window_log_message(types.LogMessageParams(types.MessageType.Error, failure))

    def complain(self, document: Document, text: str) -> None:
        """Show what keeps a document from being judged, once."""
        if text != document.told:
            document.told = text
            self.say(text, types.MessageType.Error)

    def say(self, text: str, kind: types.MessageType = types.MessageType.Info) -> None:
        """One message for the person at the editor."""
        self.window_show_message(types.ShowMessageParams(kind, f"lintorch: {text}"))

    def is_cancelled(self, request: object) -> bool:
        """Has the editor cancelled a command's request? pygls forgets it then, but lets what it started run on."""
        pending = getattr(self.protocol, "_request_futures", None)
        return pending is not None and request is not None and request not in pending

    async def begin_progress(self, message: str) -> str | None:
        """Show that something long begins; the token under which it is told of, None where the editor shows no such thing."""
        window = self.client_capabilities.window
        if window is None or not window.work_done_progress:
            return None
        token = str(uuid.uuid4())
        await self.work_done_progress.create_async(token)
        self.work_done_progress.begin(token, types.WorkDoneProgressBegin("lintorch", cancellable=True, message=message))
        return token

    def end(self) -> None:
        """End what runs beside this process."""
        self.bench.close()
        self._thread.shutdown(wait=False, cancel_futures=True)


def document_path(uri: str) -> Path:
    """Where a document is saved; one that was never saved, or that no file can have the name of, counts as standing in the folder the server runs in."""
    with contextlib.suppress(ValueError):  # no URI, or characters that no name of a file has
        path = to_fs_path(uri) if uri.startswith("file:") else None
        if path and b"\0" not in os.fsencode(path):
            return Path(path)
    return Path.cwd() / "untitled.py"
