"""Expressions that give a small part of a tensor as a view of it: indexing, `select`, `narrow`, and one piece of `chunk` or `split`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import libcst as cst

# Methods that give a part, methods that give a tuple of parts, and methods whose result shares the storage and shows all of it.
PARTS = frozenset({"select", "narrow"})
PIECES = frozenset({"unbind", "chunk", "split", "tensor_split"})
SHOWING = frozenset({"detach", "squeeze", "unsqueeze", "view", "transpose", "permute", "t"})


@dataclass(frozen=True)
class Part:
    """A view of a small part of `base`; `is_doubtful`: if `base` should be a tuple or list, it is an item of it."""

    base: cst.BaseExpression
    is_doubtful: bool = False


def part_of(value: cst.BaseExpression, is_number: Callable[[cst.BaseExpression], bool]) -> Part | None:
    """What the expression is a small view of; None where it copies, keeps nearly everything, or nothing is known of an index."""
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and value.func.attr.value in PARTS:
        return Part(value.func.value)
    if not isinstance(value, cst.Subscript):
        return None
    indices = [element.slice for element in value.slice]
    pieces = value.value
    if isinstance(pieces, cst.Call) and isinstance(pieces.func, cst.Attribute) and pieces.func.attr.value in PIECES:
        return Part(pieces.func.value) if len(indices) == 1 and _is_index(indices[0], is_number) else None
    basic = all(isinstance(index, cst.Slice) or _is_index(index, is_number) or _is_marker(index) for index in indices)
    small = any(_is_index(index, is_number) or _is_short(index) for index in indices)
    return Part(pieces, is_doubtful=len(indices) == 1) if basic and small else None


def _is_index(part: cst.BaseSlice, is_number: Callable[[cst.BaseExpression], bool]) -> bool:
    return isinstance(part, cst.Index) and not _is_marker(part) and (_is_literal(part.value) or is_number(part.value))


def _is_marker(part: cst.BaseSlice) -> bool:
    """Is it `...` or None?"""
    value = part.value if isinstance(part, cst.Index) else None
    return isinstance(value, cst.Ellipsis) or (isinstance(value, cst.Name) and value.value == "None")


def _is_literal(value: cst.BaseExpression) -> bool:
    return isinstance(value.expression if isinstance(value, cst.UnaryOperation) else value, cst.Integer)


def _is_short(part: cst.BaseSlice) -> bool:
    """`[:3]` or `[-1:]`: a written-out number from one end."""
    if not isinstance(part, cst.Slice) or part.step is not None:
        return False
    if part.lower is None:
        return isinstance(part.upper, cst.Integer)
    return part.upper is None and isinstance(part.lower, cst.UnaryOperation) and isinstance(part.lower.operator, cst.Minus) and _is_literal(part.lower)
