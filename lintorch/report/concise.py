"""One line a finding, as editors and grep like it."""

from __future__ import annotations

from lintorch.catalogue import Catalogue
from lintorch.engine.result import Diagnostic, Run
from lintorch.report.escape import visible


def render(run: Run, _catalogue: Catalogue) -> str:
    """`path:line:column: code message`, with what became of it where a fix was tried."""
    return "".join(line(diagnostic) + "\n" for diagnostic in run.diagnostics)


def line(diagnostic: Diagnostic) -> str:
    """One finding in one line."""
    return visible(f"{diagnostic.place}: {diagnostic.code} {diagnostic.message}{_outcome(diagnostic)}")


def _outcome(diagnostic: Diagnostic) -> str:
    if diagnostic.verdict is None:
        return ""
    return f" [{'fixed, ' if diagnostic.fixed else ''}{diagnostic.verdict.status.value}]"
