"""GitLab's code quality report."""

from __future__ import annotations

import json
from typing import Any

from lintorch.catalogue import Catalogue
from lintorch.engine.result import Diagnostic, Run
from lintorch.rule import Severity
from lintorch.source.served import served

_LEVELS = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def render(run: Run, _catalogue: Catalogue) -> str:
    """A list with one issue for each finding that is left."""
    return json.dumps([_issue(diagnostic) for diagnostic in run.left], indent=2) + "\n"


def _issue(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "description": f"{diagnostic.code} {diagnostic.in_file}",
        "check_name": diagnostic.rule,
        "fingerprint": diagnostic.fingerprint,
        "severity": _LEVELS[diagnostic.severity],
        "location": {"path": served(diagnostic.path), "lines": {"begin": diagnostic.file_lines[0], "end": diagnostic.file_lines[1]}},
    }
