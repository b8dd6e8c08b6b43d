"""JUnit XML, for servers that show test results."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from lintorch.catalogue import Catalogue
from lintorch.engine.result import Diagnostic, FileResult, Run
from lintorch.report.escape import visible
from lintorch.source.served import served


def render(run: Run, _catalogue: Catalogue) -> str:
    """A suite for each file that was checked, a failing case for each finding that is left, an error for what could not be checked."""
    failing, errors = sum(1 for _ in run.left), len(run.failures)
    tests = sum(max(len(_left(file)) + len(file.failures), 1) for file in _told(run))
    suites = "".join(line + "\n" for file in _told(run) for line in _suite(file))
    head = f'<testsuites name="lintorch" tests="{tests}" failures="{failing}" errors="{errors}">'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}\n{suites}</testsuites>\n'


def _told(run: Run) -> Iterator[FileResult]:
    return (file for file in run.files if file.skipped is None or file.failures)


def _left(file: FileResult) -> list[Diagnostic]:
    return [diagnostic for diagnostic in file.diagnostics if not diagnostic.fixed]


def _suite(file: FileResult) -> Iterator[str]:
    left = _left(file)
    tests = max(len(left) + len(file.failures), 1)
    yield f'  <testsuite name={_quoted(file.path)} tests="{tests}" failures="{len(left)}" errors="{len(file.failures)}">'
    for diagnostic in left:
        yield from _case(diagnostic)
    for failure in file.failures:
        yield f"    <testcase name={_quoted('lintorch')} classname={_quoted(file.path)}><error message={_quoted(failure)}/></testcase>"
    if not left and not file.failures:
        yield f"    <testcase name={_quoted('lintorch')} classname={_quoted(file.path)}/>"
    yield "  </testsuite>"


def _case(diagnostic: Diagnostic) -> Iterator[str]:
    place = f'line="{diagnostic.file_lines[0]}"'
    name, where = _quoted(f"{diagnostic.code} {diagnostic.rule}"), f"file={_quoted(served(diagnostic.path))} {place}"
    yield f"    <testcase name={name} classname={_quoted(diagnostic.path)} {where}>"
    told = f"{diagnostic.place}: {diagnostic.symbol}"
    yield f"      <failure message={_quoted(diagnostic.message)}>{escape(visible(told))}</failure>"
    yield "    </testcase>"


def _quoted(text: str) -> str:
    return quoteattr(visible(text))
