"""Texts whose parts are replaced, removed and moved into one another, rendered in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lintorch.source.text import Span


@dataclass(frozen=True)
class Patch:
    """The text at `span` gives way: to `text`, or to the rendering of `moved` (another place of the same text), wrapped in `around`."""

    span: Span
    text: str = ""
    moved: Span | None = None
    around: tuple[str, str] = ("", "")


@dataclass
class Rendering:
    """A text with patches applied. `marks` tells where each watched span of the original now stands, in order of appearance."""

    text: str = ""
    marks: list[Span] = field(default_factory=list)


class Relocation:
    """Patches on one text. A patch may stand inside a span that another patch moves; patches must nest or be disjoint."""

    def __init__(self, text: str, patches: Iterable[Patch], watched: Iterable[Span] = ()) -> None:
        self.text = text
        self.patches = sorted(patches, key=lambda patch: (patch.span.start, -patch.span.end))
        self.watched = frozenset(watched)

    def render(self, span: Span | None = None) -> Rendering:
        """The new text of `span` (by default of everything); raises ValueError on patches that cross."""
        rendering = Rendering()
        parts: list[str] = []
        self._render(span or Span(0, len(self.text)), parts, rendering, None)
        rendering.text = "".join(parts)
        return rendering

    def outermost(self) -> Iterator[Patch]:
        """The patches that stand in no other patch's span: the places where the original changes."""
        end = -1
        for patch in self.patches:
            if patch.span.start >= end:
                yield patch
                end = max(end, patch.span.end)
            elif patch.span.end > end:
                raise ValueError(f"patches cross at offset {patch.span.start}")

    def _render(self, span: Span, parts: list[str], rendering: Rendering, skip: Span | None) -> None:
        """Append the pieces of `span`; `skip` is the watched span being rendered, which must not be entered again."""
        at = span.start
        for inner in self._children(span, skip):
            parts.append(self.text[at : inner.span.start])
            if inner.moved == inner.span:
                self._watch(inner.span, parts, rendering)
            else:
                self._replace(inner, parts, rendering)
            at = inner.span.end
        parts.append(self.text[at : span.end])

    def _replace(self, patch: Patch, parts: list[str], rendering: Rendering) -> None:
        parts.append(patch.around[0])
        if patch.moved is None:
            parts.append(patch.text)
        elif patch.moved in self.watched:
            self._watch(patch.moved, parts, rendering)
        else:
            self._render(patch.moved, parts, rendering, None)
        parts.append(patch.around[1])

    def _watch(self, span: Span, parts: list[str], rendering: Rendering) -> None:
        start = sum(map(len, parts))
        mark = len(rendering.marks)
        rendering.marks.append(span)
        self._render(span, parts, rendering, span)
        rendering.marks[mark] = Span(start, sum(map(len, parts)))

    def _children(self, span: Span, skip: Span | None) -> Iterator[Patch]:
        """The outermost patches and watched spans inside `span`, in order; a watched span is a patch that moves to its own place."""
        watched = [Patch(watch, moved=watch) for watch in self.watched if span.contains(watch) and watch != skip]
        inside = [patch for patch in self.patches if span.contains(patch.span) and not (patch.span == span and patch.moved == span)]
        last: Patch | None = None
        for patch in sorted([*inside, *watched], key=lambda patch: (patch.span.start, -patch.span.end, patch.moved != patch.span)):
            # An insertion at either end of a watched span belongs to it; at the end of a replaced span it stands behind it.
            if last is None or (patch.span.start >= last.span.end and not (last.moved == last.span and last.span.contains(patch.span))):
                yield patch
                last = patch
