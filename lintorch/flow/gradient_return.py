"""What the backward of a custom autograd function says of the inputs: it returns a gradient for those that are tensors."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintorch.project.module import FunctionEntry
from lintorch.project.nodes import nodes_under


def inputs_with_gradient(forward: FunctionEntry, backward: FunctionEntry, skipped: int) -> dict[str, str]:
    """The parameters of `forward` (without the first `skipped`) for which some return of `backward` gives more than None, each with the evidence."""
    arguments = forward.node.args
    names = [node.arg for node in (*arguments.posonlyargs, *arguments.args)][skipped:]
    if arguments.vararg is not None:
        return {}
    found: dict[str, str] = {}
    for line, values in _returned(backward.node):
        if len(values) == len(names):
            given = (name for name, value in zip(names, values, strict=True) if not _is_none(value, backward.node))
            found.update({name: f"backward returns a gradient for `{name}` on line {line}" for name in given if name not in found})
    return found


def _returned(function: ast.AST) -> Iterator[tuple[int, list[ast.expr]]]:
    for node in nodes_under(function):
        if isinstance(node, ast.Return) and node.value is not None:
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            if not any(isinstance(value, ast.Starred) for value in values):
                yield node.lineno, values


def _is_none(value: ast.expr, function: ast.AST) -> bool:
    if isinstance(value, ast.Constant):
        return True
    if not isinstance(value, ast.Name):
        return False
    return _bound_to_none_only(value.id, function)


def _bound_to_none_only(name: str, function: ast.AST) -> bool:
    """Is the name bound, and to None alone?"""
    stores = [node for node in nodes_under(function) if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)]
    plain = {
        id(target)
        for node in nodes_under(function)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is None
        for target in node.targets
    }
    return bool(stores) and all(id(store) in plain for store in stores)
