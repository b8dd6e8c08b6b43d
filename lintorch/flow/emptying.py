"""Is a container emptied, bound anew or bounded anywhere in some code?"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from lintorch.project.nodes import nodes_under

_EMPTYING = frozenset({"clear", "pop", "popleft", "popitem", "remove"})


def is_emptied(name: str, scopes: Sequence[ast.AST]) -> bool:
    """Do these pieces of code empty what a name or attribute of that name holds, bind it more than once, or bound its length?

    A container handed back to a caller goes by another name there, so that in all scopes but the first any emptying counts.
    """
    made = 0
    for index, scope in enumerate(scopes):
        for node in nodes_under(scope):
            if _empties(node, name if index == 0 else None):
                return True
            made += index == 0 and _binds(node, name)
    return made > 1


def is_begun_anew(name: str, scope: ast.AST) -> bool:
    """Is all of the container thrown away somewhere: cleared, deleted, bound more than once? One item out for one item in is no new beginning."""
    nodes = list(nodes_under(scope))
    kept = [node for node in nodes if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript) and _root(node.value) == name]
    bound = sum(_binds(node, name) for node in nodes) - sum(_root(target) == name for node in kept for target in node.targets)
    return bound > 1 or any(_throws_away(node, name) for node in nodes)


def _throws_away(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "clear" and _root(node.func.value) == name
    if isinstance(node, ast.Delete):
        return any(_root(target) == name and not (isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice)) for target in node.targets)
    return False


def _empties(node: ast.AST, name: str | None) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _EMPTYING:
        return name is None or _root(node.func.value) == name
    if isinstance(node, ast.Delete):
        return any(name is None or _root(target) == name for target in node.targets)
    if isinstance(node, ast.Assign):
        sliced = any(isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice) and name in (None, _root(target)) for target in node.targets)
        bounded = any(_root(target) == name for target in node.targets) and _has_maxlen(node.value)
        return sliced or bounded
    return False


def _has_maxlen(value: ast.expr) -> bool:
    return any(isinstance(node, ast.keyword) and node.arg == "maxlen" for node in nodes_under(value))


def _binds(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Name):
        return node.id == name and isinstance(node.ctx, ast.Store)
    return isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store)


def _root(node: ast.expr) -> str:
    """The last name a place goes by: `outputs` of `outputs["all"][0]`, `trace` of `self.trace`."""
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
