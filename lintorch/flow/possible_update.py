"""By syntax: the updates that a function may make of what an attribute, an item or a tensor holds. Each one that flow finds is among them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lintorch.flow.update import RESETTING, is_in_place


@dataclass(frozen=True, eq=False)
class PossibleUpdate:
    """`place` gets a value made of `values`; `in_place`: of its own tensor."""

    place: ast.Attribute | ast.Subscript | ast.Name
    values: tuple[ast.expr, ...]
    in_place: bool


def possible_updates(nodes: Iterable[ast.AST]) -> Iterator[PossibleUpdate]:
    """Assignments, augmented ones, and chains of in-place methods."""
    for node in nodes:
        if isinstance(node, ast.Assign):
            place = node.targets[0]
            if len(node.targets) == 1 and isinstance(place, (ast.Attribute, ast.Subscript)):
                yield PossibleUpdate(place, (node.value,), False)
        elif isinstance(node, ast.AugAssign):
            yield PossibleUpdate(node.target, (node.value,), True)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from _in_place(node.value)


def _in_place(value: ast.expr) -> Iterator[PossibleUpdate]:
    methods: list[str] = []
    arguments: list[ast.expr] = []
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and is_in_place(value.func.attr):
        methods.append(value.func.attr)
        arguments += (*value.args, *(word.value for word in value.keywords))
        value = value.func.value
    if methods and isinstance(value, (ast.Attribute, ast.Subscript, ast.Name)) and RESETTING.isdisjoint(methods):
        yield PossibleUpdate(value, tuple(arguments), True)


def alike(left: ast.AST, right: ast.AST) -> bool:
    """May two expressions be written the same? Indices are not looked at."""
    if left.__class__ is not right.__class__:
        return False
    if isinstance(left, ast.Name) and isinstance(right, ast.Name):
        return left.id == right.id
    if isinstance(left, ast.Attribute) and isinstance(right, ast.Attribute):
        return left.attr == right.attr and alike(left.value, right.value)
    return not isinstance(left, ast.Subscript) or not isinstance(right, ast.Subscript) or alike(left.value, right.value)
