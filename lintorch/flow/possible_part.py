"""By syntax: may a value be a small part of a tensor that was computed, and be shown as a view of it? Each view that flow finds is among these."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

from lintorch.flow.part import PARTS, PIECES, SHOWING

Bound = Callable[[str], Sequence[ast.expr]]


def may_show_part(value: ast.expr, bound: Bound) -> bool:
    """Is one of the values that are stored with it such a part, itself or by way of a name?"""
    return any(_may_be_part(part, bound, frozenset()) for part in _stored_with(value))


def _stored_with(value: ast.expr) -> Iterator[ast.expr]:
    """The value, those that a display, a call or a lambda's defaults hold, and the operands that may bring its graph."""
    yield value
    if isinstance(value, (ast.List, ast.Tuple, ast.Dict)):
        held: Sequence[ast.expr | None] = value.values if isinstance(value, ast.Dict) else value.elts
    elif isinstance(value, ast.Call):
        held = [*value.args, *(word.value for word in value.keywords)]
    elif isinstance(value, ast.Lambda):
        held = [*value.args.defaults, *value.args.kw_defaults]
    elif isinstance(value, ast.BinOp):
        held = [value.left, value.right]
    else:
        held = [value.value] if isinstance(value, ast.Starred) else [value.elt] if isinstance(value, ast.ListComp) else []
    for part in held:
        if part is not None:
            yield from _stored_with(part)


def _may_be_part(value: ast.expr, bound: Bound, known: frozenset[str]) -> bool:
    value = _behind(value)
    if isinstance(value, ast.Name):
        return value.id not in known and any(_may_be_part(one, bound, known | {value.id}) for one in bound(value.id))
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Attribute) and value.func.attr in PARTS and _may_be_made(value.func.value, bound)
    return isinstance(value, ast.Subscript) and _is_small(value) and _may_be_made(value.value, bound)


def _behind(value: ast.expr) -> ast.expr:
    """What methods show that give all of a tensor otherwise."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in SHOWING:
        value = value.func.value
    return value


def _is_small(value: ast.Subscript) -> bool:
    """May the index leave much of the tensor out?"""
    indices = value.slice.elts if isinstance(value.slice, ast.Tuple) else [value.slice]
    return any(not _is_marker(index) if not isinstance(index, ast.Slice) else _is_short(index) for index in indices)


def _is_marker(index: ast.expr) -> bool:
    """Is it `...` or None?"""
    return isinstance(index, ast.Constant) and (index.value is None or index.value is ...)


def _is_short(index: ast.Slice) -> bool:
    """`[:3]` or `[-1:]`."""
    return isinstance(index.upper if index.lower is None else index.lower, ast.Constant if index.lower is None else ast.UnaryOp)


def _may_be_made(base: ast.expr, bound: Bound) -> bool:
    """May it be the result of a call: directly, as one of several pieces, or by way of a name that a statement binds?"""
    base = _behind(base)
    while (whole := _whole_of(base)) is not None:
        base = _behind(whole)
    return isinstance(base, ast.Call) or (isinstance(base, ast.Name) and bool(bound(base.id)))


def _whole_of(base: ast.expr) -> ast.expr | None:
    """What an attribute or one of several pieces belongs to."""
    if isinstance(base, ast.Attribute):
        return base.value
    return base.func.value if isinstance(base, ast.Call) and isinstance(base.func, ast.Attribute) and base.func.attr in PIECES else None
