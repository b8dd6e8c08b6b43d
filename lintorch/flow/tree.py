"""Walking libcst trees without its visitors: only what means something, no white space."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache

import libcst as cst

# Fields that hold layout or punctuation.
_LAYOUT = ("leading_lines", "lines_after", "semicolon", "comma", "lpar", "rpar", "lbra", "rbra", "equal", "header", "footer", "indent")


@cache
def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind) if not field.name.startswith(_LAYOUT) and "whitespace" not in field.name)


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The child nodes that are code, in order."""
    for name in _fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from (item for item in value if isinstance(item, cst.CSTNode))


def names_in(value: cst.CSTNode) -> Iterator[cst.Name]:
    """The names in an expression, attribute names left out."""
    pending: list[cst.CSTNode] = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, cst.Name):
            yield node
        pending.extend([node.value] if isinstance(node, cst.Attribute) else children(node))


def sole_statement(line: cst.CSTNode | None) -> cst.CSTNode | None:
    """The statement of a line that holds exactly one small statement."""
    return line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None


def dotted_name(node: cst.CSTNode) -> str | None:
    """`a.b.c` of a chain of names and attributes."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    return ".".join((node.value, *reversed(parts))) if isinstance(node, cst.Name) else None
