"""What a search is told before it starts: the user's examples, usages in the project, and where the edit is."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lintorch.project.project import Project
from lintorch.settings import Settings
from lintorch.source.root import find_root
from lintorch.verify.mine import mine
from lintorch.verify.verdict import Change
from lintorch.worker.protocol import Hints, Usage


class HintMaker:
    """Makes hints for changes; the projects that usages are looked for in are read once. May be asked from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._projects: dict[Path, Project] = {}
        self._lock = threading.Lock()

    def hints(self, change: Change, examples: Sequence[str]) -> Hints:
        """The hints for a change. Usages are not looked for where there are examples, which decide."""
        given = [*examples, *self._configured(change.symbol)]
        usages = [] if given else self._usages(change)
        return Hints(examples=given, usages=usages, lines=list(change.old_lines), methods=sorted(edited_methods(change.old, change.symbol, change.old_lines)))

    def _configured(self, symbol: str) -> Sequence[str]:
        configured = self._settings.examples
        return configured.get(symbol) or configured.get(symbol.rpartition(".")[2]) or ()

    def _usages(self, change: Change) -> list[Usage]:
        with self._lock:
            root = find_root(change.path)
            project = self._projects.setdefault(root, Project.around(change.path))
            return mine(change.path, change.old, change.symbol, project)


def edited_methods(text: str, symbol: str, lines: Iterable[int]) -> set[str]:
    """The names of the symbol's own methods that hold one of the lines; none for a function."""
    edited = set(lines)
    methods = _methods(ast.parse(text), symbol)
    return {method.name for method in methods if edited & set(range(method.lineno, (method.end_lineno or method.lineno) + 1))}


def has_forward(text: str, symbol: str) -> bool:
    """Does the symbol name a class with a forward of its own that is no autograd function's?"""
    forwards = [method for method in _methods(ast.parse(text), symbol) if method.name == "forward"]
    return bool(forwards) and not any(isinstance(name, ast.Name) and name.id == "staticmethod" for name in forwards[0].decorator_list)


def _methods(tree: ast.Module, symbol: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    body: Sequence[ast.AST] = tree.body
    for name in symbol.split("."):
        body = next((node.body for node in _flat(body) if isinstance(node, ast.ClassDef) and node.name == name), [])
    return (node for node in _flat(body) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _flat(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The statements of a body, those under `if` and `try` included."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _flat(ast.iter_child_nodes(node))
        elif isinstance(node, ast.ExceptHandler):
            yield from _flat(node.body)
