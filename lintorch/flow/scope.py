"""Names that local data flow cannot speak for: shared with other scopes, or reachable by reflection."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow

from lintorch.project.nodes import nodes_outside, nodes_under

# Calls through which any local name may be read or written.
_REFLECTIVE = frozenset({"locals", "vars", "eval", "exec", "dir", "breakpoint"})
# A generator expression runs later, like a nested function; list, set and dict comprehensions run at once.
_NESTED = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.GeneratorExp})


@dataclass(frozen=True)
class SharedNames:
    """`names` are declared global or nonlocal, or mentioned by a nested scope; `reflective`: any name may be."""

    names: frozenset[str]
    reflective: bool

    def has(self, name: str) -> bool:
        """May something outside the function's own statements read or write `name`?"""
        return self.reflective or name in self.names


def shared_names(function: ast.AST) -> SharedNames:
    """What a function (or a module's body) shares with other scopes."""
    names: set[str] = set()
    reflective = False
    for node in nodes_outside(function, _NESTED):
        if isinstance(node, ast.Global | ast.Nonlocal):
            names.update(node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _REFLECTIVE:
            reflective = True
        elif node.__class__ in _NESTED:
            names.update(_mentioned(node))
            reflective = reflective or _reflects(node)
    return SharedNames(frozenset(names), reflective)


def is_seen_elsewhere(flow: FunctionFlow, name: str) -> bool:
    """May a nested function read the name, or any function of the file where it is a script's? Generators are followed like comprehensions."""
    if flow.entry is flow.module.script:
        return any(_reads_free(entry.node, name) for entry in flow.module.functions.values())
    return flow.shared.reflective or (flow.shared.has(name) and any(_shows(node, name) for node in nodes_outside(flow.entry.node, _NESTED)))


def _shows(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Global | ast.Nonlocal):
        return name in node.names
    return node.__class__ in _NESTED and not isinstance(node, ast.GeneratorExp) and name in _mentioned(node)


def _reads_free(function: ast.AST, name: str) -> bool:
    """Does a function read a name that it does not bind?"""
    names = [node for node in nodes_under(function) if isinstance(node, ast.Name) and node.id == name]
    given = any(isinstance(node, ast.arg) and node.arg == name for node in nodes_under(function))
    return bool(names) and not given and all(isinstance(node.ctx, ast.Load) for node in names)


def _mentioned(scope: ast.AST) -> Iterator[str]:
    for node in nodes_under(scope):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Nonlocal):
            yield from node.names


def _reflects(scope: ast.AST) -> bool:
    return any(isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _REFLECTIVE for node in nodes_under(scope))
