"""What is known of the code around a file: one object that finds, reads and remembers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from lintorch.project.attribute_names import AttributeNames
from lintorch.project.bases import Ancestry, Bases
from lintorch.project.calls import Call, callers
from lintorch.project.constructions import Constructions
from lintorch.project.consulted import Consulted
from lintorch.project.fixed_point import FixedPoints
from lintorch.project.grad_mode import GradModes
from lintorch.project.locate import installed_folders
from lintorch.project.module import ClassEntry, FunctionEntry, Module
from lintorch.project.names import Entry, Names
from lintorch.project.outside import CallsOutside
from lintorch.project.reach import judged_methods
from lintorch.project.stores import Store, attribute_stores
from lintorch.source.root import find_root
from lintorch.source.text import Source

__all__ = ["Ancestry", "Call", "ClassEntry", "FunctionEntry", "Module", "Project", "Store"]


class Project:
    """The modules under `root` and, read as text only when a question needs them, those of the `search` folders. Nothing is ever executed."""

    def __init__(self, root: Path, search: tuple[Path, ...] = ()) -> None:
        self._names = Names(root, search)
        self._bases = Bases(self._names)
        self._grad_modes = GradModes(self._names, self._bases)
        self._attribute_names = AttributeNames(root, self._names.consulted)
        self._calls_outside = CallsOutside(self._names, self._bases)
        self._constructions = Constructions(self._names, self._bases)
        self._worked_on: list[tuple[FunctionEntry, str]] = []
        self.fixed_points = FixedPoints()  # while one file is judged

    @classmethod
    def around(cls, path: Path) -> Project:
        """The project that `path` is part of, with the installed packages of the active environment and of the running Python."""
        return cls(find_root(path), installed_folders())

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._names.root

    @property
    def generation(self) -> int:
        """Grows whenever a text is replaced: what was remembered across files before that may be out of date."""
        return self._names.generation

    @property
    def consulted(self) -> Consulted:
        """The log of the texts and folders that answers rest on."""
        return self._names.consulted

    def load(self, source: Source, tree: ast.Module | None = None) -> Module:
        """The module of a text, which from now on is what its path holds; raises SourceError where it does not parse."""
        return self._names.load(source, tree)

    def module(self, dotted: str) -> Module | None:
        """The module or package of a dotted name; None where there is none to read (torch is never read)."""
        return self._names.module(dotted)

    def find(self, dotted: str) -> Entry | None:
        """What a dotted name means, through re-exports, star imports and aliases; inherited methods (`pkg.Net.forward`) included."""
        return self._names.resolve(dotted).entry or self._bases.method_named(dotted)

    def canonical(self, dotted: str) -> str:
        """The name a dotted name has where it is defined (`pkg.compat.Linear` is `torch.nn.Linear`), as far as texts can be read."""
        return self._names.resolve(dotted).name

    def ancestry(self, cls: ClassEntry) -> Ancestry:
        """The class with all its bases across files, in method resolution order."""
        return self._bases.ancestry(cls)

    def module_evidence(self, cls: ClassEntry) -> str | None:
        """Why the class is a torch module, as the end of a sentence that begins with its name; None where nothing says so."""
        return self._bases.evidence(cls)

    def judged_methods(self, module: Module) -> tuple[FunctionEntry, ...]:
        """The methods written in this file that are the forward of a torch module or are reached from one through self, in file order."""
        return judged_methods(module, self._bases)

    def attribute_stores(self, cls: ClassEntry) -> Mapping[str, tuple[Store, ...]]:
        """Every store to an attribute of self in the class, its known bases and its subclasses in the same file, by attribute name."""
        return attribute_stores(cls, self._bases)

    def mentioned_outside(self, attribute: str, cls: ClassEntry) -> bool:
        """May a file of the project other than that of `cls` read an attribute of that name of its instances?"""
        return self._attribute_names.mentioned_outside(attribute, cls.module.source.path, cls.name)

    def subclasses(self, cls: ClassEntry) -> tuple[ClassEntry, ...]:
        """The classes of the same file that are built on `cls`."""
        return tuple(self._bases.subclasses(cls))

    def remember(self, key: str, function: FunctionEntry, known: object) -> None:
        """Keep with a function what is worked out about it piece by piece, while one file is judged."""
        function.memo[key] = known
        self._worked_on.append((function, key))

    def forget(self) -> None:
        """The file is judged: let go of what was worked out for it alone, which takes more memory than all else that is known."""
        for function, key in self._worked_on:
            function.memo.pop(key, None)
        self._worked_on.clear()
        self.fixed_points.forget()

    def callers(self, function: FunctionEntry) -> tuple[Call, ...]:
        """The calls in the same file that call `function`, or may."""
        return callers(function, self._bases)

    def calls_outside(self, function: FunctionEntry) -> Iterator[Call]:
        """The calls that may run `function`, in the project's other files that switch gradients off somewhere."""
        yield from self._calls_outside.of(function)

    def stands_apart(self, cls: ClassEntry) -> bool:
        """Do the project's other files make instances of the class, and none that may be a layer of a network?"""
        return self._constructions.all_apart(cls)

    def grad_mode(self, decorator: str) -> str | None:
        """What a decorator or context manager of that dotted name sets gradients to: "off", "on" or None (nothing known)."""
        return self._grad_modes.of_name(decorator)

    def decorated_grad_mode(self, function: FunctionEntry) -> str | None:
        """What the decorators of a function set gradients to, arguments such as `set_grad_enabled(False)` read."""
        return self._grad_modes.of_function(function)
