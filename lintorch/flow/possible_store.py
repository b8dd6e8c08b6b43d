"""By syntax: containers, and the statements that put something into one. Each such statement that flow finds is among these."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintorch.flow.torch_names import CONTAINER_MAKERS

INSERTING = frozenset({"append", "add", "setdefault"})


def makes_container(value: ast.expr | None) -> bool:
    """Is a container made that holds any number of values?"""
    if isinstance(value, ast.Call):
        called = value.func.attr if isinstance(value.func, ast.Attribute) else value.func.id if isinstance(value.func, ast.Name) else ""
        return called in CONTAINER_MAKERS and not any(word.arg == "maxlen" for word in value.keywords)
    return isinstance(value, ast.Dict | ast.List | ast.Set)


def stores_in(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The name of a container, or of one that holds it, with what may be put into it: `cache[key] = value`, `cache[key].append(value)`."""
    place, values = _stored(node)
    while isinstance(place, ast.Subscript):
        place = place.value
    if isinstance(place, ast.Name):
        yield from ((place.id, value) for value in values)


def _stored(node: ast.AST) -> tuple[ast.expr | None, list[ast.expr]]:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        return node.targets[0], [node.value]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in INSERTING:
        return node.func.value, [*node.args, *(word.value for word in node.keywords)]
    return None, []
