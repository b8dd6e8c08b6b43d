"""Notebooks as sources: the Python cells as one text in their order, and changes of that text as changes of the cells' sources and of nothing else."""

from __future__ import annotations

import bisect
import difflib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from lintorch.source import magic
from lintorch.source.json_spans import Value, elements, members, whole
from lintorch.source.parse import parse
from lintorch.source.text import Edit, Position, Source, SourceError, splice

SUFFIX = ".ipynb"
_MARK = "# %% lintorch cell "  # a line of its own before each cell; the percent format's, so that it means nothing to Python
_MARKS = re.compile(rf"^{re.escape(_MARK)}(\d+)\n", re.MULTILINE)
_TOLD_LINE = re.compile(r"\bline (\d+)\b")


class NotPython(SourceError):
    """A notebook of another language, which there is nothing to say about."""


class Cell(NamedTuple):
    """A Python cell: its number among all cells from 1, its source, and the place of that in the file's text."""

    number: int
    source: str
    place: Value


@dataclass(frozen=True)
class Notebook(Source):
    """A notebook; `text` is its Python cells in their order, each behind a line that marks it, and `document` the file's own text."""

    document: str = ""
    cells: tuple[Cell, ...] = ()

    @classmethod
    def from_bytes(cls, path: Path | str, raw: bytes) -> Notebook:
        """Read a notebook; raises SourceError where it is none, of an old format, or a cell is not Python, and NotPython for other languages."""
        path = Path(path)
        document = _decoded(path, raw)
        _require_python(path, _read(path, document))
        cells = tuple(_cells(path, document))
        parts = [f"{_MARK}{cell.number}\n{_as_python(path, cell)}\n" for cell in cells]
        return cls(path, raw, "".join(parts), "utf-8", document, cells)

    def with_text(self, text: str) -> Notebook:
        """The notebook with the changes of its text in the cells they were made in; raises SourceError where they are not within cells."""
        sources = self._sources(text)
        edits = [Edit(cell.place.span, _spelled(self.document, cell.place, new)) for cell, new in zip(self.cells, sources, strict=True) if new != cell.source]
        changed = splice(self.document, edits)
        again = Notebook.from_bytes(self.path, changed.encode("utf-8", "surrogatepass"))
        if again.text != text or not _same_but_for(self, again):
            raise SourceError(self.path, "cannot hold the change in its cells", "make it by hand")
        return again

    def encode(self, text: str) -> bytes:
        """The file's bytes with the changes of the text."""
        return self.raw if text == self.text else self.with_text(text).raw

    def written(self, text: str) -> str:
        """The file's JSON with the changes of the text."""
        return self.encode(text).decode("utf-8", "surrogatepass")

    def _sources(self, text: str) -> list[str]:
        marks = list(_MARKS.finditer(text))
        if [int(mark[1]) for mark in marks] != [cell.number for cell in self.cells] or (marks and marks[0].start()):
            raise SourceError(self.path, "would change across its cells", "make the change by hand")
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        return [magic.as_cell(text[mark.end() : end].removesuffix("\n")) for mark, end in zip(marks, ends, strict=True)]

    def cell(self, line: int) -> int | None:
        """The number of the cell that a line of the text belongs to."""
        index = bisect.bisect_right(self._firsts, line) - 1
        return self.cells[index].number if index >= 0 else None

    def shown(self, position: Position) -> Position:
        """A position as the cell's own lines have it."""
        index = max(bisect.bisect_right(self._firsts, position.line) - 1, 0)
        return Position(max(position.line - self._firsts[index], 1), position.column) if self.cells else position

    def file_line(self, line: int) -> int:
        """The line of the file that holds a line of the text."""
        index = bisect.bisect_right(self._firsts, line) - 1
        if index < 0:
            return 1
        return self._file_lines(index, line - self._firsts[index])

    def told(self, message: str) -> str:
        """A message whose lines are named by cell."""
        return _TOLD_LINE.sub(lambda match: self._named(int(match[1])), message)

    def _named(self, line: int) -> str:
        return f"line {self.shown(Position(line, 1)).line} of cell {self.cell(line)}"

    def _file_lines(self, index: int, line: int) -> int:
        """Of a source that is a list of lines each has its own, else all stand on one."""
        place = self.cells[index].place
        at = place.span.start
        if isinstance(place.value, list):
            lines = [part.span.start for part in elements(self.document, place)]
            at = lines[min(max(line, 1), len(lines)) - 1] if lines else at
        return self.document.count("\n", 0, at) + 1

    @cached_property
    def _firsts(self) -> list[int]:
        """The line of the text at which each cell's mark stands."""
        return [self.text.count("\n", 0, match.start()) + 1 for match in _MARKS.finditer(self.text)]


def _decoded(path: Path, raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(path, f"is not a notebook (it cannot be decoded: {error})", "save it with Jupyter or exclude it") from None


def _read(path: Path, document: str) -> Any:
    """The notebook as nbformat reads it, in its own version."""
    try:
        from nbformat import reader
    except ImportError:
        raise SourceError(path, "is a notebook, and the package nbformat that reads them is not installed", "install `lintorch[notebook]`") from None
    try:
        notebook = reader.reads(document)  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001 - nbformat has errors of many kinds for what is no notebook
        reason = "it is no JSON" if isinstance(error, (reader.NotJSONError, RecursionError)) else "its parts are not those of one"
        raise SourceError(path, f"is not a notebook ({reason})", "save it with Jupyter or exclude it") from None
    version = notebook.get("nbformat")
    if version != 4:
        raise SourceError(path, f"is a notebook of format {version}", "open it with Jupyter and save it to bring it to format 4")
    return notebook


def _require_python(path: Path, notebook: Any) -> None:
    metadata = notebook.get("metadata")
    for table, key in (("kernelspec", "language"), ("language_info", "name")):
        given = metadata.get(table) if isinstance(metadata, dict) else None
        language = given.get(key) if isinstance(given, dict) else None
        if isinstance(language, str) and language.lower() not in ("python", "ipython", "python3"):
            raise NotPython(path, f"is a notebook of {' '.join(language.split())[:40] or 'no language'}", "exclude it")


def _cells(path: Path, document: str) -> list[Cell]:
    try:
        place = members(document, whole(document))["cells"]
        cells = [members(document, cell) for cell in elements(document, place)] if isinstance(place.value, list) else None
    except (ValueError, KeyError, AttributeError, IndexError):
        cells = None
    if cells is None:
        raise SourceError(path, "is not a notebook (it has no list of cells)", "save it with Jupyter or exclude it")
    found = []
    for number, cell in enumerate(cells, 1):
        if _value(cell, "cell_type") == "code" and _is_of_python(_value(cell, "metadata")):
            source = _source(path, number, cell.get("source"))
            if magic.is_python(source):
                found.append(Cell(number, source, cell["source"]))
    return found


def _value(cell: dict[str, Value], name: str) -> Any:
    return cell[name].value if name in cell else None


def _is_of_python(metadata: Any) -> bool:
    """Does the cell not say, as VS Code's do, that it is of another language?"""
    editor = metadata.get("vscode") if isinstance(metadata, dict) else None
    language = editor.get("languageId") if isinstance(editor, dict) else None
    return language in (None, "python")


def _source(path: Path, number: int, place: Value | None) -> str:
    given = place.value if place else None
    text = "".join(given) if isinstance(given, list) and all(isinstance(line, str) for line in given) else given
    if not isinstance(text, str):
        raise SourceError(path, "is not a notebook (the source of a code cell is no text)", "save it with Jupyter or exclude it", cell=number)
    if magic.NAME in text or _MARKS.search(text + "\n"):
        raise SourceError(path, "holds a line that lintorch marks cells with", "exclude it", cell=number)
    return text


def _as_python(path: Path, cell: Cell) -> str:
    """The cell as Python that parses by itself; lines that do not, and could be magics without their sign, are taken for them."""
    automagic: frozenset[int] = frozenset()
    while True:
        text = magic.as_python(cell.source, automagic)
        try:
            parse(Source(path, b"", text, "utf-8"))
            return text
        except SourceError as error:
            line, lines = error.line or 0, text.split("\n")
            if line in automagic or not 0 < line <= len(lines) or not magic.may_be_automagic(lines[line - 1]):
                raise SourceError(path, error.reason, error.remedy, error.line, cell.number) from None
            automagic |= {line}


def _spelled(document: str, place: Value, source: str) -> str:
    """A source as the document spells it: one string or a list of lines, with the same blanks between them and the same escapes."""
    ascii_only = document.isascii() and "\\u" in document
    if not isinstance(place.value, list):
        return json.dumps(source, ensure_ascii=ascii_only)
    parts = list(elements(document, place))
    new = list(_spelled_lines(document, parts, _lines(source), ascii_only))
    if not parts or not new:
        return f"[{', '.join(line for _, line in new)}]"
    head, tail = document[place.span.start : parts[0].span.start], document[parts[-1].span.end : place.span.end]
    between = document[parts[0].span.end : parts[1].span.start] if len(parts) > 1 else f",{head[1:] or ' '}"
    joined = "".join(("" if number == 0 else gap or between) + line for number, (gap, line) in enumerate(new))
    return f"{head}{joined}{tail}"


def _lines(source: str) -> list[str]:
    """The lines as notebooks part them, which is str.splitlines but for the ends that Python does not know."""
    return re.findall(r"[^\n]*\n|[^\n]+", source)


def _spelled_lines(document: str, parts: list[Value], lines: list[str], ascii_only: bool) -> Iterator[tuple[str, str]]:
    """Each line with the gap before it, where it has its own: lines that stay keep their spelling, which need not be that of their neighbours."""
    gaps = ["", *(document[one.span.end : other.span.start] for one, other in itertools.pairwise(parts))]
    matcher = difflib.SequenceMatcher(None, [part.value for part in parts], lines, autojunk=False)
    for tag, start, end, first, last in matcher.get_opcodes():
        if tag == "equal":
            yield from ((gaps[number], document[parts[number].span.start : parts[number].span.end]) for number in range(start, end))
        else:
            yield from (("", json.dumps(line, ensure_ascii=ascii_only)) for line in lines[first:last])


def _same_but_for(old: Notebook, new: Notebook) -> bool:
    """Do two notebooks differ in nothing but the sources of their Python cells? Asked of JSON itself, not of what spliced it."""
    before, after = json.loads(old.document), json.loads(new.document)
    for one, other in itertools.zip_longest(old.cells, new.cells):
        if one is None or other is None or one.number != other.number:
            return False
        before["cells"][one.number - 1]["source"] = after["cells"][one.number - 1]["source"] = None
    return bool(before == after)
