"""An editor's side of a conversation with a language server."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Callable
from pathlib import Path

from lsprotocol import types
from pytest_lsp import LanguageClient


class Editor:
    """One document, edited as an editor would, with the editor's own idea of its text."""

    def __init__(self, client: LanguageClient, path: Path, text: str) -> None:
        self.client, self.path, self.text, self.version = client, path, text, 1
        self.uri = self.path.as_uri()
        client.messages.clear()
        item = types.TextDocumentItem(self.uri, "python", self.version, text)
        client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def type(self, text: str) -> None:
        self.text, self.version = text, self.version + 1
        identifier = types.VersionedTextDocumentIdentifier(self.version, self.uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [types.TextDocumentContentChangeWholeDocument(text)]))

    async def told(self, codes: str) -> list[types.Diagnostic]:
        """The diagnostics once they have these codes."""
        await until(lambda: self.uri in self.client.diagnostics and " ".join(str(one.code) for one in self.shown) == codes)
        return self.shown

    @property
    def shown(self) -> list[types.Diagnostic]:
        return list(self.client.diagnostics[self.uri])

    async def actions(self, line: int, only: list[str] | None = None) -> dict[str, types.CodeAction]:
        """What is offered on a line (from 0), by title."""
        place = types.Range(types.Position(line, 8), types.Position(line, 8))
        context = types.CodeActionContext([], only=only)
        offered = await self.client.text_document_code_action_async(types.CodeActionParams(types.TextDocumentIdentifier(self.uri), place, context))
        return {action.title: _with_command(action) for action in offered or ()}

    async def run(self, command: types.Command | None) -> None:
        assert command is not None
        await self.client.workspace_execute_command_async(types.ExecuteCommandParams(command.command, command.arguments))

    def apply(self, edit: types.WorkspaceEdit) -> str:
        """The text with an edit of its present version applied, counted in UTF-16 as the protocol has it."""
        (change,) = edit.document_changes
        assert (change.text_document.uri, change.text_document.version) == (self.uri, self.version)
        units = self.text.encode("utf-16-le")
        for one in sorted(change.edits, key=lambda one: (one.range.start.line, one.range.start.character), reverse=True):
            start, end = self._offset(one.range.start), self._offset(one.range.end)
            units = units[:start] + one.new_text.encode("utf-16-le") + units[end:]
        return units.decode("utf-16-le")

    def _offset(self, place: types.Position) -> int:
        lines = self.text.replace("\r\n", "\r\x00").split("\r\x00" if "\r\n" in self.text else "\n")
        before = "".join(line + ("\r\n" if "\r\n" in self.text else "\n") for line in lines[: place.line])
        return len(before.encode("utf-16-le")) + 2 * place.character

    @property
    def said(self) -> str:
        return "\n".join(message.message for message in self.client.messages)


def _with_command(action: types.CodeAction | types.Command) -> types.CodeAction:
    """lsprotocol takes an action that has a command for a bare command whose name is the text of that command."""
    if isinstance(action, types.CodeAction):
        return action
    command = ast.literal_eval(action.command)
    return types.CodeAction(action.title, command=types.Command(command["title"], command["command"], arguments=command["arguments"]))


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come")
