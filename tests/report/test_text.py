"""The report for people: nothing in a name or a source line acts on the terminal, carets stand where they should, counts add up."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from lintorch.cli.output import show
from lintorch.engine.result import FileResult, Hunk, Run
from lintorch.report import text
from lintorch.report.escape import visible, width
from lintorch.report.words import basis_of, hunk_lines, verdict_lines
from lintorch.source.text import Position
from lintorch.verify.verdict import Status, Verdict
from tests.report.runs import CHECK, EMPTY, LEFT, LOSS, RUN, TESTED, finding

WHOLE = """\
pkg/a:b,c.py:7:9: LT101 returned-temporary `y` <&> 100%, \\x1b[31mLT101
     7 |         y = x    # é
       |         ^^^^^
      = y is read once
      = fix: return it
     7 | -         y = x
     8 | -         return y
       | +         return x

pkg/a:b,c.py:9:9: LT201 accumulated-live-loss `y` <&> 100%, \\x1b[31mLT201
     9 |         y = x    # é
       |         ^^^^^
      = keeps activations alive
      = no backward covers it

pkg/a:b,c.py:9:9: LT106 self-assignment `y` <&> 100%, \\x1b[31mLT106
     9 |         y = x    # é
       |         ^^^^^

pkg/a:b,c.py: Net: 1 finding fixed
     17:9 LT101 returned-temporary `y` <&> 100%, \\x1b[31mLT101
     7 | -         y = x
     8 | -         return y
       | +         return x
      = tested: both versions give the same outputs, gradients, buffers and random state, bit for bit
      = inputs float32[2, 10]; seeds 0, 1, 2; train and eval; peak 2,000 -> 1,000 bytes

pkg/a:b,c.py: Other: 1 finding not fixed
     27:9 LT101 returned-temporary `y` <&> 100%, \\x1b[31mLT101
     7 | -         y = x
     8 | -         return y
       | +         return x
      = refuted: the two versions do not compute the same
      = reason: output[0] differs by 0.5
      = inputs float32[2]; gradients not applicable

"""


def test_the_whole_report() -> None:
    assert text.plain(text.report(RUN)) == WHOLE


SUMMARIES = [
    pytest.param(
        RUN,
        "Fixed 1 finding in 1 file, 4 left; 2 files checked.\n1 rewrite refuted: never written; please report it if the change looks right.\n"
        "Skipped 1 file: says that it is generated.\nSkipped 1 file: not valid Python.\nWithheld 2 findings of LT107, which need a measurement.\n",
        id="fixed",
    ),
    pytest.param(Run(RUN.files[:1], fixing=True), "Would fix 1 finding in 1 file, 4 would be left; 1 file checked.\n", id="diff"),
    pytest.param(CHECK, "Found 2 findings in 1 of 2 files. --fix can try 1 of them.\n", id="checked"),
    pytest.param(EMPTY, "Nothing found in 1 file.\n", id="clean"),
    pytest.param(Run((FileResult("a.py"),), fixing=True), "Nothing to fix in 1 file.\n", id="nothing to fix"),
    pytest.param(Run((FileResult("a.py", (LOSS,)),)), "Found 1 finding in 1 file.\n", id="nothing fixable"),
]


@pytest.mark.parametrize(("run", "expected"), SUMMARIES)
def test_summaries(run: Run, expected: str) -> None:
    assert text.plain(text.summary(run)).startswith(expected)


ESCAPES = [
    ("plain é 界", "plain é 界"), ("a\tb", "a    b"), ("\x1b[2J", "\\x1b[2J"), ("a\nb\rc", "a\\x0ab\\x0dc"), ("\x9b31m", "\\x9b31m"), ("\x7f\0", "\\x7f\\x00"),
    ("\u202egnp", "\\u202egnp"), ("\u2028", "\\u2028"), ("\udcff", "\\udcff"), ("\u2066x", "\\u2066x"), ("[bold]x[/]", "[bold]x[/]"), (":smile:", ":smile:"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "shown"), ESCAPES)
def test_nothing_acts_on_the_terminal(given: str, shown: str) -> None:
    assert visible(given) == shown


@pytest.mark.parametrize(("shown", "columns"), [("abc", 3), ("界", 2), ("e\u0301", 1), ("é", 1)])
def test_widths(shown: str, columns: int) -> None:
    assert width(shown) == columns


CARETS = [
    pytest.param("\ty = x", (2, 7), "    ^^^^^", id="tab before"),
    pytest.param("界 = x", (1, 6), "^^^^^^", id="wide"),
    pytest.param("s = '界'; y = 1", (10, 15), "          ^^^^^", id="wide before"),
    pytest.param("y = \x1b", (1, 6), "^^^^^^^^", id="escape"),
    pytest.param("y", (1, 1), "^", id="empty span"),
]


@pytest.mark.parametrize(("line", "columns", "carets"), CARETS)
def test_carets_stand_under_what_is_shown(line: str, columns: tuple[int, int], carets: str) -> None:
    diagnostic = replace(finding("LT101", 7), line_text=line, start=Position(7, columns[0]), end=Position(7, columns[1]))
    assert text.plain(text.report(Run((FileResult("a.py", (diagnostic,)),)))).splitlines()[2] == ("       | " + carets)


def test_a_span_over_lines_is_marked_to_the_end_of_the_first() -> None:
    diagnostic = replace(LEFT, line_text="y = f(", start=Position(7, 1), end=Position(9, 2), fix=None)
    assert text.plain(text.report(Run((FileResult("a.py", (diagnostic,)),)))).splitlines()[2] == "       | ^^^^^^"


VERDICTS = [
    pytest.param(TESTED, ["tested: both versions give the same outputs", "inputs float32[2, 10]"], id="tested"),
    pytest.param(
        Verdict(Status.UNDECIDED, "no inputs", hint="Net('a'), 1"), ["undecided:", "reason: no inputs", "give an example: --example 'Net('\"'\"'a'"], id="hint"
    ),
    pytest.param(
        Verdict(Status.CLOSE, "off by 1e-7", notes=("built alone",), seeds=(1,)), ["close:", "reason: off", "seeds 1", "note: built alone"], id="notes"
    ),
]


@pytest.mark.parametrize(("verdict", "beginnings"), VERDICTS)
def test_verdicts_in_words(verdict: Verdict, beginnings: list[str]) -> None:
    lines = list(verdict_lines(verdict))
    assert len(lines) == len(beginnings)
    assert all(line.startswith(beginning) for line, beginning in zip(lines, beginnings, strict=True))


def test_a_verdict_that_rests_on_nothing_says_nothing_of_it() -> None:
    assert basis_of(Verdict(Status.UNDECIDED, "why")) == ""
    assert "peak of a training step 3 -> 2 bytes" in basis_of(replace(TESTED, peak_training=(3, 2)))


HUNKS = [
    pytest.param("a\nb\nc\n", "a\nc\n", [("-", 5, "b")], id="rim left out"),
    pytest.param("a\nb\nc\n", "x\nb\ny\n", [("-", 4, "a"), ("+", None, "x"), (" ", 5, "b"), ("-", 6, "c"), ("+", None, "y")], id="middle kept"),
    pytest.param("a\r\n", "b\r\n", [("-", 4, "a"), ("+", None, "b")], id="line ends"),
    pytest.param("", "b", [("+", None, "b")], id="insertion"),
]


@pytest.mark.parametrize(("before", "after", "expected"), HUNKS)
def test_hunks_as_lines(before: str, after: str, expected: list[tuple[str, int | None, str]]) -> None:
    assert list(hunk_lines(Hunk(4, before, after))) == expected


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colours_unless_told_not_to(no_color: str, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = Terminal()
    show(text.report(RUN), screen)
    assert ("\x1b[1;33mLT101" in screen.getvalue()) is coloured
    without_styles = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())
    assert [line.rstrip() for line in without_styles.splitlines()] == WHOLE.splitlines()
