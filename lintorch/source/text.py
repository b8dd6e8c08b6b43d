"""A file's text: decoded without loss, addressed by code points, spliced and encoded back byte for byte."""

from __future__ import annotations

import bisect
import io
import itertools
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Self

# The line ends of Python's own tokenizer. str.splitlines also breaks at form feeds and U+2028, which Python does not.
_LINE_END = re.compile(r"\r\n|\r|\n")


class SourceError(Exception):
    """A file that cannot be read, decoded or parsed; str() is the one line a user sees."""

    def __init__(self, path: Path | str, reason: str, remedy: str, line: int | None = None, cell: int | None = None) -> None:
        self.path, self.reason, self.remedy, self.line, self.cell = str(path), reason, remedy, line, cell
        place = "".join((self.path, f":cell {cell}" if cell else "", "" if line is None else f":{line}"))
        super().__init__(f"{place}: {reason}; {remedy}")

    def __reduce__(self) -> tuple[type[SourceError], tuple[str, str, str, int | None, int | None]]:
        # The default would call __init__ with the joined message alone; errors cross process borders.
        return type(self), (self.path, self.reason, self.remedy, self.line, self.cell)


class Position(NamedTuple):
    """A place as people and reports count it: 1-based line, 1-based column in code points."""

    line: int
    column: int


class Span(NamedTuple):
    """Offsets into a text in code points, end exclusive."""

    start: int
    end: int

    def contains(self, other: Span) -> bool:
        """Is `other` inside this span (equal counts)?"""
        return self.start <= other.start and other.end <= self.end


class Edit(NamedTuple):
    """Replace the text of `span` by `text`."""

    span: Span
    text: str


@dataclass(frozen=True)
class Source:
    """One file: its path, its bytes and their lossless decoding (a BOM is not part of `text`)."""

    path: Path
    raw: bytes
    text: str
    encoding: str

    @classmethod
    def from_bytes(cls, path: Path | str, raw: bytes) -> Self:
        """Decode by BOM or coding cookie as Python does; raises SourceError where bytes would not survive the way back."""
        path = Path(path)
        if b"\0" in raw:
            raise SourceError(path, "is not Python text (it holds NUL bytes)", "exclude it")
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
            text = raw.decode(encoding)
        except (SyntaxError, UnicodeDecodeError, LookupError) as error:
            raise SourceError(path, f"cannot be decoded ({error})", "save it as UTF-8 or declare its encoding") from None
        source = cls(path, raw, text, encoding)
        if source.encode(text) != raw:
            raise SourceError(path, f"does not survive decoding as {encoding} and back", "save it as UTF-8")
        return source

    @classmethod
    def of_text(cls, path: Path | str, text: str) -> Source:
        """A text that is in memory, as a file would hold it: in the encoding it declares, else in UTF-8."""
        text = text.removeprefix("\ufeff")
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode(errors="surrogatepass")).readline)
            return cls(Path(path), text.encode(encoding), text, encoding)
        except (SyntaxError, LookupError, UnicodeError):
            return cls(Path(path), text.encode(errors="surrogatepass"), text, "utf-8")

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read and decode `path`; raises SourceError with the operating system's reason."""
        try:
            raw = Path(path).read_bytes()
        except OSError as error:
            raise SourceError(path, f"cannot be read ({error.strerror})", "check its permissions") from None
        return cls.from_bytes(path, raw)

    def with_text(self, text: str) -> Source:
        """The same file with another text; raises SourceError where the file's encoding cannot hold it."""
        return Source(self.path, self.encode(text), text, self.encoding)

    def encode(self, text: str) -> bytes:
        """`text` as the bytes this file would hold (its encoding, its BOM)."""
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise SourceError(self.path, f"cannot hold {error.object[error.start]!r} in {self.encoding}", "save it as UTF-8") from None

    def written(self, text: str) -> str:
        """What the file itself would hold, as text: of a notebook its JSON."""
        return text

    def cell(self, line: int) -> int | None:
        """The cell that a line belongs to; a file that is no notebook has none."""
        return None

    def shown(self, position: Position) -> Position:
        """A position as people see it: a notebook counts the lines of each cell."""
        return position

    def file_line(self, line: int) -> int:
        """The line of the file on the disk that holds a line of the text."""
        return line

    def told(self, message: str) -> str:
        """A message that names lines of the text, as people find them."""
        return message

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """The offset at which each line begins, the first being 0."""
        if "\r" not in self.text:  # the common case, ten times as fast
            return (0, *itertools.accumulate(len(line) + 1 for line in self.text.split("\n")[:-1]))
        return (0, *(match.end() for match in _LINE_END.finditer(self.text)))

    @cached_property
    def newline(self) -> str:
        """The line end the file uses first; a newline where it has none."""
        match = _LINE_END.search(self.text)
        return match.group() if match else "\n"

    def position(self, offset: int) -> Position:
        """The line and column of an offset."""
        line = bisect.bisect_right(self.line_starts, offset)
        return Position(line, offset - self.line_starts[line - 1] + 1)

    def offset(self, position: Position) -> int:
        """The offset of a line and column."""
        return self.line_starts[position.line - 1] + position.column - 1

    def ast_offset(self, lineno: int, col_offset: int) -> int:
        """The offset of an ast position (1-based line, 0-based column in UTF-8 bytes)."""
        start = self.line_starts[lineno - 1]
        line = self.text[start : start + col_offset]  # a code point is at least one byte, so this is long enough
        return start + (col_offset if line.isascii() else len(line.encode()[:col_offset].decode(errors="ignore")))

    def line(self, number: int) -> str:
        """The text of a line (1-based) without its line end."""
        return self.text[self.line_span(number).start : self.line_span(number).end].rstrip("\r\n")

    def indent(self, number: int) -> str:
        """What stands before the first sign of a line (1-based); a form feed there begins the count anew, as it does for Python."""
        line = self.line(number)
        return line[: len(line) - len(line.lstrip(" \t\f"))].rpartition("\f")[2]

    def line_span(self, number: int) -> Span:
        """The span of a line (1-based), line end included."""
        following = self.line_starts[number] if number < len(self.line_starts) else len(self.text)
        return Span(self.line_starts[number - 1], following)


def splice(text: str, edits: Iterable[Edit]) -> str:
    """`text` with edits applied, everything else untouched; raises ValueError on edits that overlap."""
    parts: list[str] = []
    done = 0
    for (start, end), replacement in sorted(edits):
        if start < done:
            raise ValueError(f"edits overlap at offset {start}")
        parts += text[done:start], replacement
        done = end
    return "".join((*parts, text[done:]))
