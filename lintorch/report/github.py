"""Annotations on a pull request, as workflow commands of GitHub Actions."""

from __future__ import annotations

from lintorch.catalogue import Catalogue
from lintorch.engine.result import Diagnostic, Run
from lintorch.report.escape import visible
from lintorch.rule import Severity
from lintorch.source.served import served

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(run: Run, _catalogue: Catalogue) -> str:
    """One command for each finding that is left, one for each file that could not be checked."""
    lines = [_annotation(diagnostic) for diagnostic in run.left]
    lines += [f"::error title=lintorch::{_data(failure)}" for failure in run.failures]
    return "".join(line + "\n" for line in lines)


def _annotation(diagnostic: Diagnostic) -> str:
    first, last = diagnostic.file_lines
    place: dict[str, object] = {"file": served(diagnostic.path), "line": first, "col": diagnostic.start.column}
    place |= {"endLine": last, "endColumn": diagnostic.end.column, "title": f"{diagnostic.code} {diagnostic.rule}"}
    if diagnostic.cell:  # the columns of a cell mean nothing in the file's JSON
        del place["col"], place["endColumn"]
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in place.items())
    return f"::{_LEVELS[diagnostic.severity]} {properties}::{_data(diagnostic.in_file)}"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
