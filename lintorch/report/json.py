"""The report for programs: one JSON object whose keys are never renamed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from lintorch.catalogue import Catalogue
from lintorch.engine.result import Diagnostic, Patch, Rewrite, Run
from lintorch.verify.verdict import Retained, Verdict


def render(run: Run, _catalogue: Catalogue) -> str:
    """The run as JSON, ASCII only, so that any file name survives."""
    return json.dumps(document(run), indent=2) + "\n"


def document(run: Run) -> dict[str, Any]:
    """The run as plain values."""
    changed = [file.path for file in run.files if file.changed and run.written]
    return {
        "version": 1,
        "findings": [_finding(diagnostic) for diagnostic in run.diagnostics],
        "rewrites": [_rewrite(rewrite) for rewrite in run.rewrites],
        "files": {"checked": run.checked, "skipped": [{"path": path, "reason": reason} for path, reason in run.all_skipped], "changed": changed},
        "summary": dict(sorted(Counter(diagnostic.code for diagnostic in run.diagnostics).items())),
        "withheld": dict(run.withheld),
        "aside": dict(run.aside),
        "withdrawn": [_finding(diagnostic) for diagnostic in run.withdrawn],
        "errors": list(run.failures),
    }


def _finding(diagnostic: Diagnostic) -> dict[str, Any]:
    fix, retains = diagnostic.fix, diagnostic.retains
    return {
        "code": diagnostic.code,
        "rule": diagnostic.rule,
        "message": diagnostic.message,
        "path": diagnostic.path,
        "cell": diagnostic.cell,
        "line": diagnostic.start.line,
        "column": diagnostic.start.column,
        "end_line": diagnostic.end.line,
        "end_column": diagnostic.end.column,
        "symbol": diagnostic.symbol,
        "severity": diagnostic.severity.value,
        "evidence": list(diagnostic.evidence),
        "fix": {"title": fix.title, "edits": _edits(fix)} if fix else None,
        "rewrite": diagnostic.rewrite,
        "verdict": verdict(diagnostic.verdict),
        "retains": {"what": retains.what, "evidence": list(retains.evidence)} if retains else None,
        "witness": witness(diagnostic.measured),
        "witness_missing": diagnostic.witness.reason if diagnostic.witness else None,
        "fixed": diagnostic.fixed,
        "fingerprint": diagnostic.fingerprint,
    }


def _edits(patch: Patch) -> list[dict[str, Any]]:
    return [
        {"cell": edit.cell, "line": edit.start.line, "column": edit.start.column, "end_line": edit.end.line, "end_column": edit.end.column, "text": edit.text}
        for edit in patch.edits
    ]


def _rewrite(rewrite: Rewrite) -> dict[str, Any]:
    return {
        "id": rewrite.id,
        "path": rewrite.path,
        "symbol": rewrite.symbol,
        "edits": _edits(rewrite.patch),
        "verdict": verdict(rewrite.verdict),
        "allowed": rewrite.allowed,
    }


def verdict(given: Verdict | None) -> dict[str, Any] | None:
    """A verdict as plain values."""
    if given is None:
        return None
    return {
        "status": given.status.value,
        "reason": given.reason,
        "inputs": list(given.inputs),
        "seeds": list(given.seeds),
        "modes": list(given.modes),
        "lines": list(given.lines),
        "gradients": given.gradients,
        "peak_bytes": _before_after(given.peak_bytes),
        "peak_training": _before_after(given.peak_training),
        "notes": list(given.notes),
        "hint": given.hint,
        "example": given.example,
    }


def witness(retained: Retained | None) -> dict[str, Any] | None:
    """What was measured as plain values."""
    if retained is None:
        return None
    return {
        "steps": retained.steps,
        "nodes_per_step": _before_after(retained.nodes_per_step),
        "bytes_per_step": _before_after(retained.bytes_per_step),
        "held_nodes": _before_after(retained.held_nodes),
        "held_bytes": _before_after(retained.held_bytes),
        "peak_bytes": _before_after(retained.peak_bytes),
    }


def _before_after(pair: tuple[float, float] | None) -> dict[str, float] | None:
    return {"before": pair[0], "after": pair[1]} if pair else None
