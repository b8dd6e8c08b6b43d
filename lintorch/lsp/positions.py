"""Places as the editor counts them: lines from 0, columns from 0 in the code units agreed on, UTF-16 unless the editor offers better."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lsprotocol import types

from lintorch.engine.result import PlacedEdit
from lintorch.source.text import Edit, Position, Source

_UNITS: dict[str, Callable[[str], int]] = {
    "utf-8": lambda text: len(text.encode(errors="surrogatepass")),
    "utf-16": lambda text: len(text) + sum(character > "\uffff" for character in text),
    "utf-32": len,
}


@dataclass(frozen=True)
class Positions:
    """Converts between the places of one text and those of an editor."""

    source: Source
    encoding: str = "utf-16"

    def outward(self, position: Position) -> types.Position:
        """A place as the editor counts it."""
        before = self.source.line(position.line)[: position.column - 1]
        return types.Position(position.line - 1, _UNITS[self.encoding](before))

    def inward(self, position: types.Position) -> Position:
        """The editor's place in code points; one beyond the end of a line is its end, one within a character its start."""
        number = min(position.line + 1, len(self.source.line_starts))
        units, line = _UNITS[self.encoding], self.source.line(number)
        if line.isascii():
            return Position(number, min(position.character, len(line)) + 1)
        column, used = 0, 0
        for character in line:
            used += units(character)
            if used > position.character:
                break
            column += 1
        return Position(number, column + 1)

    def span(self, start: Position, end: Position) -> types.Range:
        """Two places as a range."""
        return types.Range(self.outward(start), self.outward(end))

    def placed_edits(self, edits: Iterable[PlacedEdit]) -> list[types.TextEdit]:
        """Edits of the text as the editor applies them."""
        return [types.TextEdit(self.span(edit.start, edit.end), edit.text) for edit in edits]

    def edits(self, edits: Iterable[Edit]) -> list[types.TextEdit]:
        """Edits by offsets as the editor applies them."""
        at = self.source.position
        return [types.TextEdit(self.span(at(edit.span.start), at(edit.span.end)), edit.text) for edit in edits]
