"""By syntax: what the names of a function may be bound to, wherever in it they stand. What a with statement binds is known to nobody."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from lintorch.project.nodes import nodes_under

_SINGLE = (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)
_LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)
_BINDING = frozenset({ast.Assign, *_SINGLE})
_GATHERING = frozenset({*_LOOPS, ast.Call})
Bindings = dict[str, list[ast.expr]]


def bindings_of(nodes: Iterable[ast.AST]) -> Bindings:
    """The names that statements and assignment expressions bind, with the values, or what these are part of."""
    return _by_name(found for node in nodes if node.__class__ in _BINDING for found in _bound_by(node))


def gatherings_of(nodes: Iterable[ast.AST]) -> Bindings:
    """The names that loops bind, with what the values may be taken from, and the lists that something is appended to, with what that is."""
    return _by_name(found for node in nodes if node.__class__ in _GATHERING for found in _gathered_by(node))


def loop_names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names that loops and comprehensions bind."""
    targets = (node.target for node in nodes if isinstance(node, _LOOPS))
    return frozenset(name.id for target in targets for name in nodes_under(target) if isinstance(name, ast.Name))


def _by_name(found: Iterable[tuple[str, ast.expr]]) -> Bindings:
    bindings: Bindings = {}
    for name, value in found:
        bindings.setdefault(name, []).append(value)
    return bindings


def _bound_by(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _stored(target, node.value)
    elif isinstance(node, _SINGLE) and isinstance(node.target, ast.Name) and node.value is not None:
        yield node.target.id, node.value


def _gathered_by(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, _LOOPS):
        for value in _taken_from(node.iter):
            yield from _stored(node.target, value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        yield from ((node.func.value.id, value) for value in node.args if node.func.attr == "append")


def _stored(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif not isinstance(target, ast.Attribute):
        yield from ((name.id, value) for name in nodes_under(target) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store))


def _taken_from(iterable: ast.expr) -> Iterator[ast.expr]:
    """What a loop may take its values from: what it goes through, and what `zip`, `enumerate` and the like are given."""
    yield iterable
    if isinstance(iterable, ast.Call):
        for value in iterable.args:
            yield from _taken_from(value)
