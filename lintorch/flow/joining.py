"""Statements that make a name hold what it held before and something more, such as `seen = torch.cat([seen, out])` and `losses = losses + [loss]`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

_JOINS = frozenset({"cat", "concat", "concatenate", "vstack", "hstack", "row_stack"})
Qualify = Callable[[cst.BaseExpression], str | None]


def joined_by(statement: cst.CSTNode | None, qualify: Qualify) -> tuple[cst.BaseExpression, ...]:
    """What a statement adds to the list or tensor that its own target held; empty where it is something else."""
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
        return ()
    target, value = statement.targets[0].target, statement.value
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Add) and value.left.deep_equals(target):
        return tuple(_elements(value.right))
    if isinstance(value, cst.Call) and _joins(value, qualify) and value.args:
        return _beside(target, list(_elements(value.args[0].value)))
    return _beside(target, [element.value for element in value.elements]) if isinstance(value, cst.List) and _unpacks(value, target) else ()


def _joins(call: cst.Call, qualify: Qualify) -> bool:
    package, _, function = (qualify(call.func) or "").rpartition(".")
    return package == "torch" and function in _JOINS


def _elements(value: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The values that a list or tuple written out holds."""
    if isinstance(value, cst.List | cst.Tuple):
        yield from (element.value for element in value.elements if isinstance(element, cst.Element))


def _unpacks(value: cst.List, target: cst.CSTNode) -> bool:
    """`[*losses, loss]` for the target `losses`?"""
    return any(isinstance(element, cst.StarredElement) and element.value.deep_equals(target) for element in value.elements)


def _beside(target: cst.CSTNode, values: list[cst.BaseExpression]) -> tuple[cst.BaseExpression, ...]:
    """The values that stand beside the target's own."""
    others = tuple(value for value in values if not value.deep_equals(target))
    return others if len(others) < len(values) else ()
