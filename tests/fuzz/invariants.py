"""What must hold for any text whatever: judged and fixed without running anything, as if every rewrite were allowed."""

from __future__ import annotations

import contextlib
import json
import signal
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lintorch.catalogue import load_catalogue
from lintorch.cli.arguments import FORMATS
from lintorch.engine.check import Checker
from lintorch.engine.repair import repair
from lintorch.engine.result import FileResult, PlacedEdit, Run
from lintorch.report import formats
from lintorch.settings import Settings
from lintorch.source.parse import parse
from lintorch.source.text import Edit, Source, SourceError, Span, splice
from lintorch.verify.verdict import Status, Verdict

SECONDS = 30  # of processor time for one program, which needs a hundredth of it
_TESTED = Verdict(Status.TESTED, inputs=("float32[2]",))
_PATH = Path("/nowhere/program.py")


class Hangs(BaseException):
    """A program that took all the time it was given; no Exception, so that nobody takes it for a fault of one rule."""


class Broken(AssertionError):
    """An invariant that does not hold."""


@cache
def checker() -> Checker:
    return Checker(load_catalogue())


def examine(raw: bytes) -> str:
    """Judge and fix a program; what came of it ("rejected", "clean", "found", "fixed"). Raises Broken, Hangs, or what a fault raised."""
    try:
        source = Source.from_bytes(_PATH, raw)
        parse(source)
    except SourceError as error:
        _expect(len(str(error).splitlines()) == 1, f"more than one line: {error}")
        return "rejected"
    with limited():
        first = fix(source)
        if first.text is not None:
            examine_fix(source, first)
        _examine_reports(first)
    return "fixed" if first.text is not None else "found" if first.diagnostics else "clean"


@cache
def _selecting(codes: str) -> Settings:
    return Settings(select=(codes,))


def fix(source: Source, codes: str = "LT") -> FileResult:
    """The result of a repair to whose every rewrite the answer is yes."""
    result = repair(checker(), _selecting(codes), lambda change: _TESTED, source, in_place=True)
    _expect(not result.failures, "; ".join(result.failures))
    return result


def examine_fix(source: Source, result: FileResult, codes: str = "LT") -> None:
    """Raise Broken unless the fix parses, touches nothing but what it reports, is stable, and leaves the findings it says."""
    assert result.text is not None
    fixed = source.with_text(result.text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(result.text, "<fixed>", "exec", dont_inherit=True) if _compiles(source.text) else parse(fixed)
    edits = [_as_edit(source, edit) for rewrite in result.rewrites if rewrite.allowed for edit in rewrite.patch.edits]
    _expect(splice(source.text, edits) == result.text, "the text changes outside the reported edits")
    again = fix(fixed, codes)
    _expect(again.text is None, f"not stable: {result.text!r} becomes {again.text!r}")
    left, found = (sorted((one.code, one.start, one.message) for one in each.diagnostics if not one.fixed) for each in (result, again))
    _expect(left == found, f"other findings on the fixed text: {left} and {found}")


def _compiles(text: str) -> bool:
    with warnings.catch_warnings(), contextlib.suppress(SyntaxError, ValueError):
        warnings.simplefilter("ignore")
        compile(text, "<program>", "exec", dont_inherit=True)
        return True
    return False


def _as_edit(source: Source, edit: PlacedEdit) -> Edit:
    return Edit(Span(source.offset(edit.start), source.offset(edit.end)), edit.text)


def _examine_reports(result: FileResult) -> None:
    """Every format can be written, and those that are JSON are read again."""
    run = Run((result,), fixing=True)
    if result.diagnostics:
        for name in FORMATS:
            text = formats.render(name, run, load_catalogue())
            text.encode()
            if name in ("json", "sarif", "gitlab"):
                json.loads(text)


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


@contextlib.contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """End what takes longer, with Hangs."""
    if not hasattr(signal, "setitimer"):  # pragma: no cover (Windows)
        yield
        return

    def end(*_: object) -> None:
        raise Hangs(f"took more than {seconds} s of processor time")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
