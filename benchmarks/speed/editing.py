"""What an editor waits for: a whole file, and an edit inside one function, beside one libcst.parse_module of the file."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.packages import table
from benchmarks.speed.timing import Plan, Ratio, Section, spent
from benchmarks.speed.trees import whole

# How many lines the files have that are drawn, and how many files.
_LENGTHS, _FILES = range(900, 1101), 8


@dataclass(frozen=True)
class Shares:
    """What was measured of one file, as shares of the parse."""

    name: str
    lines: int
    parse: float
    whole: float
    edits: tuple[float, ...]

    @property
    def row(self) -> tuple[object, ...]:
        """The file as a table has it."""
        edits = sorted(self.edits)
        cheap = f"{sum(share <= 0.2 for share in edits) / len(edits):.0%}"
        return self.name, self.lines, round(self.parse * 1000), self.whole, len(edits), statistics.median(edits), edits[len(edits) * 9 // 10], cheap


def editing(plan: Plan) -> Section:
    """Each function of each file is edited twice, once by a comment and once by a line; the time is this process's own."""
    paths = plan.files or _drawn()
    print(f"\n{', '.join(path.name for path in paths)}")
    measured = [shares for path in paths if (shares := _shares(path)).edits]
    head = ("file", "lines", "libcst.parse_module ms", "whole file", "edits", "an edit: median", "ninth decile", "at most a fifth")
    edits = [share for one in measured for share in one.edits]
    ratios = (
        Ratio("a whole file, to libcst.parse_module of it: the median file", statistics.median(one.whole for one in measured), 1),
        Ratio("a whole file, to libcst.parse_module of it: the slowest file", max(one.whole for one in measured), 1),
        Ratio("an edit inside one function, to libcst.parse_module of the file: the median edit", statistics.median(edits), 0.2),
    )
    return Section(table(head, [one.row for one in measured]), ratios)


def _drawn() -> list[Path]:
    """Model files of about a thousand lines, evenly from all there are."""
    folder = whole("timm").folder / "timm" / "models"
    fit = [path for path in sorted(folder.glob("*.py")) if path.read_bytes().count(b"\n") in _LENGTHS]
    return fit[:: max(1, len(fit) // _FILES)][:_FILES]


def _shares(path: Path) -> Shares:
    import libcst

    from lintorch.catalogue import load_catalogue
    from lintorch.engine.check import Checker
    from lintorch.engine.live import judge, judge_edit
    from lintorch.settings import Settings
    from lintorch.source.text import Source

    text = path.read_text(encoding="utf-8")
    parse = statistics.median(spent(lambda: libcst.parse_module(text)) for _ in range(5))
    # Each checker is new, as at the first look at a file; what a server has in memory for good was loaded by the one before.
    takes = [spent(lambda: judge(Checker(load_catalogue()), Source.of_text(path, text), Settings())) for _ in range(4)][1:]
    checker, costs = Checker(load_catalogue()), []
    for edited in edits(text):
        known = judge(checker, Source.of_text(path, text), Settings())
        begun = time.process_time()
        if judge_edit(checker, known, Source.of_text(path, edited)) is not None:
            costs.append((time.process_time() - begun) / parse)
    return Shares(path.name, text.count("\n"), parse, statistics.median(takes) / parse, tuple(costs))


def edits(text: str) -> Iterator[str]:
    """The text with a line, or a comment, put into each function; neither says anything to other functions."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines[:-1]):
        found = re.match(r" *(?:async )?def .*:\n", line)
        if found and re.match(r" *[\w(]", lines[number + 1]):
            indent = lines[number + 1][: -len(lines[number + 1].lstrip())]
            yield "".join([*lines[: number + 1], f"{indent}fresh = len('x')\n", *lines[number + 1 :]])
            yield "".join([*lines[:number], line.replace(":\n", ":  # seen\n"), *lines[number + 1 :]])
