"""What an editor offers to do about findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsprotocol import types

from lintorch.engine.comments import UNUSED_CODE
from lintorch.engine.lineage import line_edits
from lintorch.engine.live import Judgment
from lintorch.engine.result import Diagnostic
from lintorch.engine.silence import with_ignores
from lintorch.lsp.desk import Document
from lintorch.lsp.positions import Positions
from lintorch.lsp.telling import shown

VERIFY, FIX_ALL = "lintorch.verifyAndApply", "lintorch.fixAllVerified"
_QUICK = types.CodeActionKind.QuickFix
_ALL = f"{types.CodeActionKind.SourceFixAll.value}.lintorch"


def offered(document: Document, judgment: Judgment, positions: Positions, span: types.Range, wanted: Sequence[str] | None) -> Iterator[types.CodeAction]:
    """The actions for the findings that touch a range, and the one for all of the file; `wanted` limits their kinds."""
    if _asked_for(_QUICK, wanted):
        first, last = positions.inward(span.start), positions.inward(span.end)
        for diagnostic in judgment.diagnostics:
            if diagnostic.start <= last and first <= diagnostic.end:
                yield from _about(document, judgment, diagnostic, positions)
    if _asked_for(_ALL, wanted) and any(diagnostic.fix for diagnostic in judgment.diagnostics):
        title = "Fix all in this file that verifies (lintorch)"
        yield types.CodeAction(title, kind=_ALL, command=types.Command(title, FIX_ALL, arguments=[document.uri]))


def _asked_for(kind: str, wanted: Sequence[str] | None) -> bool:
    """Kinds are a hierarchy: who asks for `source` gets `source.fixAll.lintorch`, too."""
    return wanted is None or any(not asked or kind == asked or kind.startswith(f"{asked}.") for asked in wanted)


def _about(document: Document, judgment: Judgment, diagnostic: Diagnostic, positions: Positions) -> Iterator[types.CodeAction]:
    about = [shown(diagnostic, positions)]
    if diagnostic.fix is not None:
        told = f"{diagnostic.code}: {_lower(diagnostic.fix.title)}"
        verify = types.Command(told, VERIFY, arguments=[document.uri, document.version, diagnostic.code, diagnostic.start.line, diagnostic.end.line])
        yield types.CodeAction(f"Verify and apply {told}", kind=_QUICK, diagnostics=about, command=verify, is_preferred=True)
        edit = whole_edit(document, positions.placed_edits(diagnostic.fix.edits))
        yield types.CodeAction(f"Apply {told} (not verified)", kind=_QUICK, diagnostics=about, edit=edit)
    if diagnostic.code != UNUSED_CODE:
        source = judgment.source
        silenced = with_ignores(source, {diagnostic.start.line: {diagnostic.code}})
        edit = whole_edit(document, positions.edits(line_edits(source.text, silenced)))
        yield types.CodeAction(f"Ignore {diagnostic.code} here", kind=_QUICK, diagnostics=about, edit=edit)


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def whole_edit(document: Document, edits: Sequence[types.TextEdit]) -> types.WorkspaceEdit:
    """Edits of one document, of the very version they were made for."""
    versioned = types.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(versioned, list(edits))])
