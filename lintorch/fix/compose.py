"""From operations to one candidate text and its minimal edits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from lintorch.rule import Drop, Move, Operation, Replace
from lintorch.source.relocation import Patch, Relocation
from lintorch.source.text import Edit, Source, Span


@dataclass(frozen=True)
class Candidate:
    """A proposed text, the edits that lead to it, and what must be seen of it when both versions run.

    `probes` are spans of moved or rewritten expressions in the new text; `old_lines` the 1-based lines of the original they stood on.
    """

    text: str
    edits: tuple[Edit, ...]
    probes: tuple[Span, ...]
    old_lines: tuple[int, ...]


def compose(source: Source, operations: Iterable[Operation]) -> Candidate:
    """Apply operations together, each once; raises ValueError where they contradict each other."""
    operations = tuple(dict.fromkeys(operations))
    patches = [*_expression_patches(operations), *_removal_patches(source, operations)]
    watched = {operation.value for operation in operations if isinstance(operation, Move)}
    watched |= {operation.observed for operation in operations if isinstance(operation, Replace) and operation.observed is not None}
    relocation = Relocation(source.text, patches, watched)
    rendering = relocation.render()
    plain = Relocation(source.text, patches)
    edits = tuple(Edit(patch.span, _replacement(plain, patch)) for patch in plain.outermost())
    return Candidate(rendering.text, edits, tuple(rendering.marks), _lines(source, operations))


def _replacement(relocation: Relocation, patch: Patch) -> str:
    inner = relocation.render(patch.moved).text if patch.moved is not None else patch.text
    return inner.join(patch.around)


def _expression_patches(operations: Iterable[Operation]) -> Iterable[Patch]:
    for operation in operations:
        if isinstance(operation, Replace):
            yield Patch(operation.span, operation.text)
        elif isinstance(operation, Move):
            yield Patch(operation.target, moved=operation.value, around=("(", ")") if operation.parenthesised else ("", ""))


def _removal_patches(source: Source, operations: Sequence[Operation]) -> Iterable[Patch]:
    statements = {operation.statement for operation in operations if isinstance(operation, Move | Drop)}
    for _, group in groupby(sorted(statements, key=lambda statement: (statement.suite, statement.span)), key=lambda statement: statement.suite):
        doomed = list(group)
        kept = doomed.pop() if len(doomed) == doomed[0].suite_size else None
        if kept is not None:
            yield Patch(kept.span, "pass")
        for span in _line_runs(source, [statement.span for statement in doomed]):
            yield Patch(span)


def _line_runs(source: Source, spans: Iterable[Span]) -> Iterable[Span]:
    """The whole lines of statements, neighbours joined, with the blank lines that would otherwise pile up."""
    runs: list[tuple[int, int]] = []
    for span in spans:
        first, last = source.position(span.start).line, source.position(span.end).line
        if runs and runs[-1][1] == first - 1:
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
    for first, last in runs:
        if _opens_gap(source, first):
            while last < len(source.line_starts) and not source.line(last + 1).strip() and source.line_span(last + 1).end < len(source.text):
                last += 1
        yield Span(source.line_span(first).start, source.line_span(last).end)


def _opens_gap(source: Source, first: int) -> bool:
    """Would blank lines behind the removed ones follow a blank line or a suite's header?"""
    above = source.line(first - 1).strip() if first > 1 else ""
    return not above or above.endswith(":")


def _lines(source: Source, operations: Iterable[Operation]) -> tuple[int, ...]:
    spans = (operation.statement.span if isinstance(operation, Move | Drop) else operation.span for operation in operations)
    return tuple(sorted({source.position(span.start).line for span in spans}))
