"""The nodes of a syntax tree, gathered fast: all but those that say nothing a reader of the tree asks for (contexts, operators, aliases)."""

from __future__ import annotations

import ast
from collections.abc import Iterable

# Fields that hold plain values, or nodes without a place of their own; `name` is an expression in a `type` statement alone.
_SILENT = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "name", "names", "kind", "type_comment", "level", "module", "conversion", "is_async", "simple", "tag"}
    | {"rest", "kwd_attrs", "type_ignores", "asname"}
)
# Lists in which None stands for what is not written: `{**a}`, keyword-only parameters without a default.
_GAPPY = frozenset({"keys", "kw_defaults"})
_LEAVES = (ast.Constant, ast.MatchSingleton)


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of each class of nodes that may hold nodes."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        silent = () if issubclass(kind, _LEAVES) else tuple(name for name in kind._fields if name not in _SILENT)
        self[kind] = (*silent, "name") if kind.__name__ == "TypeAlias" else silent
        return self[kind]


_FIELDS = _Fields()


def nodes_under(*roots: ast.AST) -> list[ast.AST]:
    """The nodes themselves and everything under them, nearest first."""
    return nodes_until(roots, frozenset())


def nodes_outside(root: ast.AST, apart: frozenset[type[ast.AST]]) -> list[ast.AST]:
    """The nodes under a node, nearest first; those of the kinds set apart are there, but nothing under them."""
    return nodes_until(children_of(root), apart)


def nodes_until(roots: Iterable[ast.AST], apart: frozenset[type[ast.AST]]) -> list[ast.AST]:
    """The nodes themselves and everything under them, nearest first, but for what is under nodes of the kinds set apart."""
    found = list(roots)
    for node in found:  # which grows meanwhile
        kind = node.__class__
        if kind in apart:
            continue
        for name in _FIELDS[kind]:
            value = getattr(node, name, None)
            if value.__class__ is list:
                found.extend(filter(None, value) if name in _GAPPY else value)
            elif value is not None:
                found.append(value)
    return found


def children_of(root: ast.AST) -> list[ast.AST]:
    """The nodes directly under a node, in the order of its fields."""
    values = [getattr(root, name, None) for name in _FIELDS[root.__class__]]
    return [node for value in values for node in (value if isinstance(value, list) else (value,)) if node is not None]
