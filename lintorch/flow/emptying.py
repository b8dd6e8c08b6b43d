"""Is a container emptied, bound anew or bounded anywhere in some code?"""

from __future__ import annotations

import ast
from collections.abc import Sequence

_EMPTYING = frozenset({"clear", "pop", "popleft", "popitem", "remove"})


def is_emptied(name: str, scopes: Sequence[ast.AST]) -> bool:
    """Do these pieces of code empty what a name or attribute of that name holds, bind it more than once, or bound its length?

    A container handed back to a caller goes by another name there, so that in all scopes but the first any emptying counts.
    """
    made = 0
    for index, scope in enumerate(scopes):
        for node in ast.walk(scope):
            if _empties(node, name if index == 0 else None):
                return True
            made += index == 0 and _binds(node, name)
    return made > 1


def _empties(node: ast.AST, name: str | None) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _EMPTYING:
        return name is None or _root(node.func.value) == name
    if isinstance(node, ast.Delete):
        return any(name is None or _root(target) == name for target in node.targets)
    if isinstance(node, ast.Assign):
        sliced = any(isinstance(target, ast.Subscript) and (name is None or _root(target) == name) for target in node.targets)
        bounded = any(_root(target) == name for target in node.targets) and _has_maxlen(node.value)
        return sliced or bounded
    return False


def _has_maxlen(value: ast.expr) -> bool:
    return any(isinstance(node, ast.keyword) and node.arg == "maxlen" for node in ast.walk(value))


def _binds(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Name):
        return node.id == name and isinstance(node.ctx, ast.Store)
    return isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store)


def _root(node: ast.expr) -> str:
    """The last name a place goes by: `outputs` of `outputs["all"][0]`, `trace` of `self.trace`."""
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
