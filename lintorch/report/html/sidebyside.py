"""Two texts side by side: the lines that differ, those around them, and within a line what differs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Pieces = tuple[tuple[str, bool], ...]  # texts of a line; True: it differs from the other side

_CONTEXT = 3
_LINE_END = re.compile(r"\r\n|\r|\n")
_WORD = re.compile(r"\w+|\s+|.")
_ALIKE = 0.4  # below this share of equal text, marking parts of a line helps nobody


@dataclass(frozen=True)
class Cell:
    """One side of a row: the number of a line and its pieces."""

    number: int
    pieces: Pieces


@dataclass(frozen=True)
class Row:
    """A line before and after; a side is None where the other version alone has it, both are None where lines were left out."""

    old: Cell | None = None
    new: Cell | None = None
    changed: bool = False

    @property
    def kind(self) -> str:
        """`gap`, `changed` or `same`."""
        return "gap" if self.old is None and self.new is None else "changed" if self.changed else "same"


def side_by_side(before: str, after: str) -> tuple[Row, ...]:
    """The rows of two texts, far from any difference left out."""
    old, new = _lines(before), _lines(after)
    rows: list[Row] = []
    groups = difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT)
    for number, group in enumerate(groups):
        rows += [Row()] if number else []
        for tag, i, j, k, m in group:
            rows += _same(old, i, j, k) if tag == "equal" else _changed(old[i:j], new[k:m], i, k)
    return tuple(rows)


def _lines(text: str) -> list[str]:
    lines = _LINE_END.split(text)
    return lines[:-1] if lines and not lines[-1] else lines


def _same(old: Sequence[str], start: int, end: int, other: int) -> Iterator[Row]:
    for offset, text in enumerate(old[start:end]):
        yield Row(_cell(start + offset, text), _cell(other + offset, text))


def _changed(old: Sequence[str], new: Sequence[str], at_old: int, at_new: int) -> Iterator[Row]:
    """Lines that replace each other share a row, in their order."""
    for offset in range(max(len(old), len(new))):
        left = old[offset] if offset < len(old) else None
        right = new[offset] if offset < len(new) else None
        marked = _marked(left, right) if left is not None and right is not None else None
        yield Row(
            None if left is None else Cell(at_old + offset + 1, marked[0] if marked else ((left, False),)),
            None if right is None else Cell(at_new + offset + 1, marked[1] if marked else ((right, False),)),
            changed=True,
        )


def _cell(index: int, text: str) -> Cell:
    return Cell(index + 1, ((text, False),))


def _marked(left: str, right: str) -> tuple[Pieces, Pieces] | None:
    """Both lines in pieces, None where they have too little in common."""
    one, other = _WORD.findall(left), _WORD.findall(right)
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return None
    codes = matcher.get_opcodes()
    before = tuple(("".join(one[i:j]), tag != "equal") for tag, i, j, _, _ in codes if j > i)
    after = tuple(("".join(other[k:m]), tag != "equal") for tag, _, _, k, m in codes if m > k)
    return before, after
