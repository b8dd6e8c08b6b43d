"""What a run found and did: frozen values that cross process borders and that every report is made of."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lintorch.rule import Retention, Severity
from lintorch.source.served import served
from lintorch.source.text import Edit, Position, Source
from lintorch.verify.verdict import Retained, Status, Verdict


@dataclass(frozen=True)
class PlacedEdit:
    """Replace what stands between two positions (end exclusive) by `text`; in a notebook the lines are those of `cell`."""

    start: Position
    end: Position
    text: str
    cell: int | None = None


@dataclass(frozen=True)
class Hunk:
    """Whole lines that a change touches, before and after; `line` is the number of the first, in a notebook within `cell`."""

    line: int
    before: str
    after: str
    cell: int | None = None


@dataclass(frozen=True)
class Patch:
    """A change of one file's text: minimal edits, and the lines around them as people read them."""

    title: str
    edits: tuple[PlacedEdit, ...]
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True)
class Witnessed:
    """What was measured of a retention finding, or why nothing was."""

    retained: Retained | None
    reason: str | None = None


@dataclass(frozen=True)
class Diagnostic:
    """A finding placed in its file, with what became of it. `fingerprint` stays the same when lines above it come and go.

    In a notebook positions are those of `cell`, counted from 1 among all cells, and `file_lines` the lines of the file itself that hold it.
    """

    code: str
    rule: str
    message: str
    path: str
    start: Position
    end: Position
    line_text: str
    symbol: str
    severity: Severity
    evidence: tuple[str, ...] = ()
    fix: Patch | None = None
    retains: Retention | None = None
    rewrite: int | None = None
    verdict: Verdict | None = None
    fixed: bool = False
    fingerprint: str = ""
    witness: Witnessed | None = None
    cell: int | None = None
    file_lines: tuple[int, int] = (1, 1)

    @property
    def spot(self) -> str:
        """Where in the file it begins: `12:9`, in a notebook `cell 3:2:9`."""
        return f"{f'cell {self.cell}:' if self.cell else ''}{self.start.line}:{self.start.column}"

    @property
    def place(self) -> str:
        """Where it begins: `a.py:12:9`."""
        return f"{self.path}:{self.spot}"

    @property
    def in_file(self) -> str:
        """The message for readers who are led to lines of the file itself, which in a notebook are not the cell's."""
        return f"cell {self.cell}, line {self.start.line}: {self.message}" if self.cell else self.message

    @property
    def measured(self) -> Retained | None:
        """What was measured of what it keeps alive, by itself or with its rewrite."""
        if self.witness is not None:
            return self.witness.retained
        return self.verdict.retained if self.verdict is not None and self.retains is not None else None


@dataclass(frozen=True)
class Rewrite:
    """All edits of one class or free function that were judged together, and the verdict. `allowed`: the verdict lets them be written."""

    id: int
    path: str
    symbol: str
    patch: Patch
    verdict: Verdict
    allowed: bool


@dataclass(frozen=True)
class FileResult:
    """One file's outcome.

    `failures` are lines for people: the file could not be parsed, or a rule broke on it. `text` is the file's new text where it changed
    (`original` its old one), whether or not it was written. `withheld` counts, by code, findings that need a measurement,
    `withdrawn` are those that a measurement contradicts. `aside` counts, by reason, findings that the run is not about.
    """

    path: str
    diagnostics: tuple[Diagnostic, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    failures: tuple[str, ...] = ()
    skipped: str | None = None
    withheld: Mapping[str, int] = field(default_factory=dict)
    original: Source | None = None
    text: str | None = None
    withdrawn: tuple[Diagnostic, ...] = ()
    aside: Mapping[str, int] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Is there a text to put in the file's place?"""
        return self.text is not None

    @property
    def is_clean(self) -> bool:
        """Is there nothing to report, to measure or to fix?"""
        return not (self.diagnostics or self.rewrites or self.failures or self.withheld or self.withdrawn or self.aside or self.changed)


@dataclass(frozen=True)
class Run:
    """The outcome of a run over files, in the order of their paths. `written` says whether changes reached the files."""

    files: tuple[FileResult, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    fixing: bool = False
    written: bool = False

    @property
    def diagnostics(self) -> Iterator[Diagnostic]:
        """Every finding, file by file."""
        return (diagnostic for file in self.files for diagnostic in file.diagnostics)

    @property
    def left(self) -> Iterator[Diagnostic]:
        """The findings that are still in the files."""
        return (diagnostic for diagnostic in self.diagnostics if not diagnostic.fixed)

    @property
    def rewrites(self) -> Iterator[Rewrite]:
        """Every rewrite, file by file."""
        return (rewrite for file in self.files for rewrite in file.rewrites)

    @property
    def failures(self) -> tuple[str, ...]:
        """What could not be checked, one line each."""
        return tuple(line for file in self.files for line in file.failures)

    @property
    def checked(self) -> int:
        """How many files were read and judged."""
        return sum(file.skipped is None for file in self.files)

    @property
    def all_skipped(self) -> tuple[tuple[str, str], ...]:
        """Path and reason of every file that was left out."""
        return (*self.skipped, *((file.path, file.skipped) for file in self.files if file.skipped is not None))

    @property
    def withheld(self) -> Mapping[str, int]:
        """By code, how many findings need a measurement before they are shown."""
        return _total(file.withheld for file in self.files)

    @property
    def aside(self) -> Mapping[str, int]:
        """By reason, how many findings the run is not about."""
        return _total(file.aside for file in self.files)

    @property
    def withdrawn(self) -> Iterator[Diagnostic]:
        """The findings that a measurement contradicts, file by file."""
        return (diagnostic for file in self.files for diagnostic in file.withdrawn)

    @property
    def refuted(self) -> bool:
        """Was any rewrite shown to change what the code computes?"""
        return any(rewrite.verdict.status is Status.REFUTED for rewrite in self.rewrites)


def _total(counts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def numbered(files: Iterable[FileResult]) -> tuple[FileResult, ...]:
    """The files with rewrite ids that are unique over the run, counted from 1 in the order of the files."""
    result, offset = [], 0
    for file in files:
        result.append(_shifted(file, offset))
        offset += len(file.rewrites)
    return tuple(result)


def _shifted(file: FileResult, offset: int) -> FileResult:
    return replace(
        file,
        rewrites=tuple(replace(rewrite, id=rewrite.id + offset) for rewrite in file.rewrites),
        diagnostics=tuple(replace(one, rewrite=None if one.rewrite is None else one.rewrite + offset) for one in file.diagnostics),
    )


def fingerprinted(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics of one file, each with a fingerprint made of what it says and of the line it says it about, not of where that stands."""
    seen: Counter[str] = Counter()
    result = []
    for diagnostic in diagnostics:
        content = "\0".join((served(diagnostic.path), diagnostic.code, diagnostic.symbol, diagnostic.line_text.strip()))
        seen[content] += 1
        digest = hashlib.sha256(f"{content}\0{seen[content]}".encode(errors="surrogatepass")).hexdigest()
        result.append(replace(diagnostic, fingerprint=digest[:32]))
    return tuple(result)


def patch(source: Source, title: str, edits: Iterable[Edit]) -> Patch:
    """The edits of a source placed, with the whole lines they touch; edits on touching lines share a hunk."""
    ordered = sorted(edits)
    return Patch(title, tuple(_placed(source, edit) for edit in ordered), tuple(_hunks(source, ordered)))


def _placed(source: Source, edit: Edit) -> PlacedEdit:
    start, end = source.position(edit.span.start), source.position(edit.span.end)
    return PlacedEdit(source.shown(start), source.shown(end), edit.text, source.cell(start.line))


def _hunks(source: Source, edits: list[Edit]) -> Iterator[Hunk]:
    group: list[Edit] = []
    for edit in edits:
        if group and source.position(edit.span.start).line > source.position(group[-1].span.end).line + 1:
            yield _hunk(source, group)
            group = []
        group.append(edit)
    if group:
        yield _hunk(source, group)


def _hunk(source: Source, edits: list[Edit]) -> Hunk:
    first, last = source.position(edits[0].span.start).line, source.position(edits[-1].span.end).line
    start, end = source.line_span(first).start, source.line_span(last).end
    parts: list[str] = []
    done = start
    for edit in edits:
        parts += source.text[done : edit.span.start], edit.text
        done = edit.span.end
    return Hunk(source.shown(Position(first, 1)).line, source.text[start:end], "".join((*parts, source.text[done:end])), source.cell(first))
