"""From what a rule says about a text to what reports show: positions, the source line, the fix as edits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lintorch.engine.result import Diagnostic, Patch, patch
from lintorch.fix.compose import Candidate, compose
from lintorch.rule import Finding, Fix, Operation, Retention
from lintorch.source.text import Edit, Source, Span, splice


class BrokenFix(Exception):
    """A fix that cannot be applied as its rule describes it; str() says why."""


def apply(source: Source, operations: Iterable[Operation]) -> Candidate:
    """The text with operations applied, nothing but their edits touched; raises BrokenFix where they cannot be applied together."""
    try:
        candidate = compose(source, tuple(dict.fromkeys(operations)))
    except ValueError as error:
        raise BrokenFix(str(error)) from error
    if splice(source.text, candidate.edits) != candidate.text:
        raise BrokenFix("the text changes outside the reported edits")
    return candidate


def place(source: Source, finding: Finding, span: Span | None = None) -> Diagnostic:
    """A finding as reports show it; `span` stands in for its own where the finding was made on a later text than `source`."""
    where = span or finding.span
    start, end = source.position(where.start), source.position(where.end)
    return Diagnostic(
        code=finding.code, rule=finding.rule, message=source.told(finding.message), path=str(source.path), start=source.shown(start), end=source.shown(end),
        line_text=source.line(start.line), symbol=finding.symbol, severity=finding.severity, evidence=tuple(map(source.told, finding.evidence)),
        fix=fix_patch(source, finding) if span is None else None, retains=_told(source, finding.retains), cell=source.cell(start.line),
        file_lines=(source.file_line(start.line), source.file_line(end.line)),
    )  # fmt: skip


def _told(source: Source, retains: Retention | None) -> Retention | None:
    return replace(retains, evidence=tuple(map(source.told, retains.evidence))) if retains else None


def fix_patch(source: Source, finding: Finding) -> Patch | None:
    """The fix of one finding by itself; None where it has none that applies."""
    edits = fix_edits(source, finding.fix) if finding.fix else ()
    return patch(source, finding.fix.title, edits) if finding.fix and edits else None


def fix_edits(source: Source, fix: Fix) -> tuple[Edit, ...]:
    """The edits of one fix by itself; none where it cannot be applied."""
    try:
        return apply(source, fix.operations).edits
    except BrokenFix:
        return ()
