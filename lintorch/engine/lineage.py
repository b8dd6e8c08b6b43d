"""Where a place of an edited text was before the edits, through any number of steps."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from lintorch.source.text import Edit, Span


@dataclass(frozen=True)
class Lineage:
    """The steps from one text to another, each a set of disjoint edits of the text before it."""

    steps: tuple[tuple[Edit, ...], ...] = ()

    def then(self, edits: Iterable[Edit]) -> Lineage:
        """This lineage with one more step."""
        return Lineage((*self.steps, tuple(sorted(edits))))

    def origin(self, span: Span) -> Span:
        """The span of the first text that a span of the last one came from; what an edit put in came from all it replaced."""
        for step in reversed(self.steps):
            span = Span(_before(step, span.start, at_end=False), _before(step, span.end, at_end=True))
        return span

    def descendant(self, span: Span) -> Span | None:
        """Where a span of the first text stands in the last one, None where a step changed something in it."""
        for step in self.steps:
            if any(edit.span.start < span.end and span.start < edit.span.end for edit in step):
                return None
            shift = sum(len(edit.text) - (edit.span.end - edit.span.start) for edit in step if edit.span.end <= span.start)
            span = Span(span.start + shift, span.end + shift)
        return span


def _before(step: tuple[Edit, ...], offset: int, at_end: bool) -> int:
    shift = 0  # what the edits so far have added
    for edit in step:
        start = edit.span.start + shift
        end = start + len(edit.text)
        if offset < start or (at_end and offset == start):
            break
        if offset < end or (at_end and offset == end):
            return edit.span.end if at_end else edit.span.start
        shift += len(edit.text) - (edit.span.end - edit.span.start)
    return offset - shift


def line_edits(before: str, after: str) -> tuple[Edit, ...]:
    """Edits of whole lines that make `after` of `before`."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    starts = [0, *itertools.accumulate(map(len, old))]
    matcher = difflib.SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    changes = [(head + i, head + j, head + k, head + m) for tag, i, j, k, m in matcher.get_opcodes() if tag != "equal"]
    return tuple(Edit(Span(starts[i], starts[j]), "".join(new[k:m])) for i, j, k, m in changes)


def _common(one: list[str], other: list[str]) -> int:
    """How many leading items two lists share."""
    return next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
