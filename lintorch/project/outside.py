"""Calls of a function in other files of its project, where those files switch gradients off: nobody else's calls tell that it may run without."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from lintorch.project.attribute_names import content, python_files, tree
from lintorch.project.bases import Bases
from lintorch.project.calls import Call, calls_by_name, fits
from lintorch.project.consulted import NOTHING, Seen
from lintorch.project.module import FunctionEntry, Module
from lintorch.project.names import Names

_SWITCHES = re.compile(rb"\b(?:no_grad|inference_mode|set_grad_enabled)\b")
_CALLED = re.compile(rb"\b([A-Za-z_]\w*)[ \t]*\(")


class CallsOutside:
    """Finds them by name in the texts under the project's root, and parses only the files that have both."""

    def __init__(self, names: Names, bases: Bases) -> None:
        self._names, self._bases = names, bases
        self._files: dict[str, list[Path]] | None = None
        self._seen: frozenset[Seen] = NOTHING

    def of(self, function: FunctionEntry) -> Iterator[Call]:
        """The calls that run the function, or may: a method is told by its name and by how many arguments it takes."""
        if self._files is None:
            self._files = self._read()
            self._seen = frozenset((tree(self._names.root),))
        self._names.consulted.note(self._seen)
        own = function.module.source.path.absolute()
        for path in self._files.get(function.name, ()):
            module = self._names.at(path) if path != own else None
            if module is not None:
                yield from (call for call in calls_by_name(module).get(function.name, ()) if self._may_run(call, function, module))

    def _read(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in python_files(self._names.root):
            raw = content(path)
            if _SWITCHES.search(raw):
                for name in set(_CALLED.findall(raw)):
                    found.setdefault(name.decode(), []).append(path.absolute())
        return found

    def _may_run(self, call: Call, function: FunctionEntry, module: Module) -> bool:
        called = call.node.func
        dotted = module.qualify(called, call.caller.qualname if call.caller else "")
        if dotted is not None:
            meant = self._names.resolve(dotted).entry or self._bases.method_named(dotted)
            return isinstance(meant, FunctionEntry) and meant.dotted == function.dotted
        return isinstance(called, ast.Attribute) and function.owner is not None and fits(call.node, function)
