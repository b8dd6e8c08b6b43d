"""SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from lintorch import __version__
from lintorch.catalogue import Catalogue, RegisteredRule
from lintorch.engine.result import Diagnostic, Patch, PlacedEdit, Run
from lintorch.rule import Severity
from lintorch.source.served import served
from lintorch.source.text import Position

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(run: Run, catalogue: Catalogue) -> str:
    """One run with the pages of its rules as help, the findings that are left, their fixes and lasting fingerprints."""
    left = list(run.left)
    names = {diagnostic.code: diagnostic.rule for diagnostic in left}
    known = {registered.code: registered for registered in catalogue.rules}
    # What speaks about lintorch's own comments is no rule of a pack and has no page.
    rules = [_rule(known[code]) if code in known else {"id": code, "name": names[code]} for code in sorted(names)]
    driver = {"name": "lintorch", "version": __version__, "rules": rules}
    indices = {code: index for index, code in enumerate(sorted(names))}
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "invocations": [_invocation(run)],
                "results": [_result(diagnostic, indices[diagnostic.code]) for diagnostic in left],
            }
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _rule(registered: RegisteredRule) -> dict[str, Any]:
    page = registered.page
    return {
        "id": registered.code,
        "name": registered.name,
        "shortDescription": {"text": page.sentence},
        "fullDescription": {"text": page.sections["Why it matters"] or page.sentence},
        "help": {"text": page.text, "markdown": page.text},
        "defaultConfiguration": {"enabled": registered.rule.default},
    }


def _invocation(run: Run) -> dict[str, Any]:
    notes = [{"level": "error", "message": {"text": failure}} for failure in run.failures]
    return {"executionSuccessful": not notes, "toolExecutionNotifications": notes}


def _result(diagnostic: Diagnostic, index: int) -> dict[str, Any]:
    place = {
        "physicalLocation": {"artifactLocation": _artifact(diagnostic), "region": _place(diagnostic)},
        "logicalLocations": [{"fullyQualifiedName": diagnostic.symbol}],
    }
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": diagnostic.in_file},
        "locations": [place],
        "partialFingerprints": {"lintorch/v1": diagnostic.fingerprint},
        **({"fixes": [_fix(diagnostic, diagnostic.fix)]} if diagnostic.fix and not diagnostic.cell else {}),
    }


def _place(diagnostic: Diagnostic) -> dict[str, int]:
    """The region of the file itself: of a notebook the lines of its JSON, in which the columns of a cell mean nothing."""
    first, last = diagnostic.file_lines
    return {"startLine": first, "endLine": last} if diagnostic.cell else _region(diagnostic.start, diagnostic.end)


def _fix(diagnostic: Diagnostic, patch: Patch) -> dict[str, Any]:
    change = {"artifactLocation": _artifact(diagnostic), "replacements": [_replacement(edit) for edit in patch.edits]}
    return {"description": {"text": patch.title}, "artifactChanges": [change]}


def _replacement(edit: PlacedEdit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.start, edit.end), "insertedContent": {"text": edit.text}}


def _artifact(diagnostic: Diagnostic) -> dict[str, str]:
    path = PurePath(served(diagnostic.path))
    return {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix(), errors="surrogateescape")}


def _region(start: Position, end: Position) -> dict[str, int]:
    return {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column}
