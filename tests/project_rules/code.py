"""The project's own code as syntax: its modules, what each imports, its functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = (ROOT / "lintorch", ROOT / "rules" / "lintorch_rules")


@dataclass(frozen=True)
class Unit:
    """One module of the product: its dotted name, its file and its tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def place(self) -> str:
        """The path as shown to people, from the root of the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> str:
        """What a relative import of this module starts from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


@cache
def units() -> tuple[Unit, ...]:
    """Every module of lintorch and of the built-in rule pack."""
    return tuple(_unit(package, path) for package in PRODUCT for path in sorted(package.rglob("*.py")))


def _unit(package: Path, path: Path) -> Unit:
    parts = path.relative_to(package.parent).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Unit(name, path, ast.parse(path.read_text(encoding="utf-8")))


def imports(unit: Unit, *, executed: bool = False) -> Iterator[str]:
    """The dotted modules that a module imports anywhere in its text, late imports too; `executed` leaves out those for type checkers alone."""
    for node in _executed(unit.tree) if executed else ast.walk(unit.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _from_targets(unit, node)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that is not below `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from _executed(child)


def _from_targets(unit: Unit, node: ast.ImportFrom) -> Iterator[str]:
    base = node.module or ""
    if node.level:
        parents = unit.package.split(".")
        base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
    known = {other.name for other in units()}
    for alias in node.names:
        submodule = f"{base}.{alias.name}"
        yield submodule if submodule in known else base


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function of a tree, nested ones included."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def public_definitions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """Classes, functions and methods that others may use: no part of the qualified name begins with an underscore."""
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            yield from public_definitions(node.body, prefix)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body, f"{prefix}{node.name}.")
