"""What the meaning of each class and function of a file rests on, so that two versions can be told to be the same text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lintorch.project.module import Module

Definition = ast.stmt


@dataclass(frozen=True)
class Dependence:
    """The module-level definitions of one version of a file and who needs whom."""

    module: Module

    @cached_property
    def definitions(self) -> Mapping[str, tuple[Definition, ...]]:
        """The statements that bind each module-level name, in branches too; those that bind none count for every name, under ''."""
        found: dict[str, list[Definition]] = {}
        for statement in self.module.tree.body:
            for name in _bound(statement) or ("",):
                found.setdefault(name, []).append(statement)
        return {name: tuple(statements) for name, statements in found.items()}

    @property
    def own_names(self) -> Iterator[str]:
        """The names that the file itself defines, imports left out."""
        for name, statements in self.definitions.items():
            if name and not all(isinstance(statement, ast.Import | ast.ImportFrom) for statement in statements):
                yield name

    def needed(self, name: str) -> frozenset[str]:
        """The module-level names that a definition reaches, itself included."""
        seen: set[str] = set()
        pending = [name]
        while pending:
            current = pending.pop()
            if current not in seen and current in self.definitions:
                seen.add(current)
                pending += _names(self.definitions[current])
        return frozenset(seen)

    def meaning(self, name: str) -> tuple[str, ...]:
        """Everything written in this file that a definition rests on, without comments, positions and layout."""
        return tuple(f"{needed}={ast.dump(statement)}" for needed in sorted(self.needed(name)) for statement in self.definitions[needed])


def _bound(statement: ast.stmt) -> tuple[str, ...]:
    """The names that a module-level statement binds."""
    names: list[str] = []
    for node in _own_nodes(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names += [alias.asname or alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append(node.id)
    return tuple(dict.fromkeys(names))


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those inside functions and classes, which have names of their own."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def _names(statements: tuple[Definition, ...]) -> Iterator[str]:
    for statement in statements:
        yield from (node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
