"""What an editor shows of a finding: the diagnostic, and on hover its evidence and the page of its rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lsprotocol import types

from lintorch.catalogue import load_catalogue
from lintorch.engine.live import Judgment
from lintorch.engine.result import Diagnostic
from lintorch.lsp.positions import Positions
from lintorch.report.text import reasons
from lintorch.rule import Severity
from lintorch.settings import UsageError
from lintorch.source.text import Position

SOURCE = "lintorch"
_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}


def shown(diagnostic: Diagnostic, positions: Positions) -> types.Diagnostic:
    """A finding as the editor underlines and lists it."""
    return types.Diagnostic(
        range=positions.span(diagnostic.start, diagnostic.end),
        message=diagnostic.message,
        severity=_SEVERITIES[diagnostic.severity],
        code=diagnostic.code,
        source=SOURCE,
    )


def hover(judgment: Judgment, place: Position, positions: Positions) -> types.Hover | None:
    """The findings at a place, each with its evidence, and the pages of their rules; None where there is no finding."""
    here = [one for one in judgment.diagnostics if one.start <= place <= one.end]
    if not here:
        return None
    parts = [*map(_finding, here), *_pages(dict.fromkeys(one.code for one in here))]
    span = positions.span(here[0].start, here[0].end)
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(parts)), span)


def _finding(diagnostic: Diagnostic) -> str:
    evidence = "".join(f"\n- {reason}" for reason in reasons(diagnostic))
    return f"**{diagnostic.code}** {diagnostic.message}" + (f"\n{evidence}" if evidence else "")


def _pages(codes: Iterable[str]) -> Iterator[str]:
    for code in codes:
        try:
            yield load_catalogue().find(code).page.text.strip()
        except UsageError:  # a finding about comments is no rule's
            continue
