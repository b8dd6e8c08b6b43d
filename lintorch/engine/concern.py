"""Which findings of a file a run is about: not those that a baseline knows, and not those on lines that did not change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from lintorch.engine.result import Diagnostic, FileResult

IN_BASELINE, UNCHANGED = "known to the baseline", "on lines that did not change"


class Known(NamedTuple):
    """A finding of the past, told by what it says and of which line, wherever that stands now; `times` of them are alike."""

    code: str
    symbol: str
    line: str
    times: int = 1


def known_as(diagnostic: Diagnostic) -> Known:
    """A finding as a baseline remembers it; how a line is indented does not count."""
    return Known(diagnostic.code, diagnostic.symbol, " ".join(diagnostic.line_text.split()))


@dataclass(frozen=True)
class Concern:
    """What a run is about in one file: everything, unless a baseline knows findings or `lines` (first and last, both included) are all that changed."""

    known: tuple[Known, ...] = ()
    lines: tuple[tuple[int, int], ...] | None = None

    def aside(self, diagnostics: Sequence[Diagnostic]) -> Iterator[tuple[int, str]]:
        """The indices of the findings that the run is not about, each with the reason."""
        known = self._in_baseline(diagnostics)
        for index, diagnostic in enumerate(diagnostics):
            if index in known:
                yield index, IN_BASELINE
            elif self.lines is not None and not self._touches(*diagnostic.file_lines):
                yield index, UNCHANGED

    def applied(self, result: FileResult) -> FileResult:
        """The result without the findings that the run is not about; they are counted."""
        aside = dict(self.aside(result.diagnostics))
        kept = tuple(diagnostic for index, diagnostic in enumerate(result.diagnostics) if index not in aside)
        return replace(result, diagnostics=kept, aside=Counter(aside.values())) if aside else result

    def _touches(self, start: int, end: int) -> bool:
        return any(first <= end and start <= last for first, last in self.lines or ())

    def _in_baseline(self, diagnostics: Sequence[Diagnostic]) -> set[int]:
        """The nearest kin first: of the same function, then, where that was renamed, of the same text anywhere in the file."""
        left: Counter[tuple[str, ...]] = Counter()
        for known in self.known:
            left[known.code, known.symbol, known.line] += known.times
        found = {index for index, one in enumerate(diagnostics) if _taken(left, known_as(one)[:3])}
        elsewhere: Counter[tuple[str, ...]] = Counter()
        for (code, _, line), times in left.items():
            elsewhere[code, line] += times
        return found | {index for index, one in enumerate(diagnostics) if index not in found and _taken(elsewhere, known_as(one)[::2])}


def _taken(left: Counter[tuple[str, ...]], key: tuple[object, ...]) -> bool:
    """Take one of what is left, if there is one."""
    name = tuple(map(str, key))
    if left[name] <= 0:
        return False
    left[name] -= 1
    return True


EVERYTHING = Concern()
