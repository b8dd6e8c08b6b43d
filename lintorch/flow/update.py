"""Statements that update what an attribute, an item or a tensor holds."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

# In-place methods after which nothing of what they are given is left to keep.
RESETTING = frozenset({"zero_", "fill_", "detach_", "requires_grad_", "normal_", "uniform_", "random_", "bernoulli_"})

_SUMMING = frozenset({"add_", "sub_", "mul_", "div_"})


@dataclass(frozen=True, eq=False)
class Update:
    """`place` gets a value made of `values`. `in_place`: of its own tensor; `adds_to_itself`: written as a sum of what was there and something more.

    `accumulates`: what was there, scaled or not, is part of what is there afterwards.
    """

    statement: cst.CSTNode
    place: cst.Attribute | cst.Subscript | cst.Name
    values: tuple[cst.BaseExpression, ...]
    in_place: bool
    adds_to_itself: bool
    accumulates: bool = False


def update_of(statement: cst.CSTNode) -> Update | None:
    """The update a small statement makes: an assignment, an augmented one, or a chain of in-place methods; None for all else."""
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        return _assigned(statement, statement.targets[0].target, statement.value)
    if isinstance(statement, cst.AugAssign) and isinstance(statement.target, cst.Attribute | cst.Subscript | cst.Name):
        adds = isinstance(statement.operator, cst.AddAssign | cst.SubtractAssign)
        return Update(statement, statement.target, (statement.value,), True, adds)
    return _in_place(statement, statement.value) if isinstance(statement, cst.Expr) else None


def _assigned(statement: cst.Assign, place: cst.CSTNode, value: cst.BaseExpression) -> Update | None:
    if not isinstance(place, cst.Attribute | cst.Subscript):
        return None
    adds = isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Add | cst.Subtract)
    adds = adds and isinstance(value, cst.BinaryOperation) and (value.left.deep_equals(place) or value.right.deep_equals(place))
    return None if _gives_out(value) else Update(statement, place, (value,), False, adds)


def _gives_out(value: cst.BaseExpression) -> bool:
    """torch.add(..., out=x) refuses arguments that require a gradient, so that where it works nothing has a graph."""
    return isinstance(value, cst.Call) and any(arg.keyword is not None and arg.keyword.value == "out" for arg in value.args)


def _in_place(statement: cst.CSTNode, value: cst.BaseExpression) -> Update | None:
    methods: list[str] = []
    arguments: list[cst.BaseExpression] = []
    while isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and is_in_place(value.func.attr.value):
        methods.append(value.func.attr.value)
        arguments = [*(arg.value for arg in value.args), *arguments]
        value = value.func.value
    if not methods or not isinstance(value, cst.Attribute | cst.Subscript | cst.Name) or RESETTING.intersection(methods):
        return None
    return Update(statement, value, tuple(arguments), True, set(methods) <= {"add_", "sub_"}, "add_" in methods and _SUMMING.issuperset(methods))


def is_in_place(method: str) -> bool:
    """Does a method of that name change its tensor?"""
    return method.endswith("_") and not method.endswith("__")
