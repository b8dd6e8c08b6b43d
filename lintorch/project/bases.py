"""Bases of classes across files: their order of method resolution, and the evidence that a class is a torch module."""

from __future__ import annotations

import ast
from typing import NamedTuple

from lintorch.project.known import is_module_base
from lintorch.project.locate import is_standard_library
from lintorch.project.module import ClassEntry, FunctionEntry
from lintorch.project.names import Names
from lintorch.project.nodes import nodes_under

# Bases that add nothing to look up.
_ROOTS = frozenset({"builtins.object", "typing.Generic", "typing.Protocol", "typing_extensions.Generic", "typing_extensions.Protocol", "abc.ABC"})

# Names of bases that are certainly not modules though classes with a forward method inherit them.
_NO_MODULES = (
    "torch.autograd.",
    "torch.utils.",
    "torch.optim.",
    "torch.distributions.",
    "torch.Tensor",
    "torch.fx.",
    "torch.onnx.",
    "sklearn.",
    "numpy.",
    "scipy.",
    "pandas.",
    "gym.",
    "gymnasium.",
    "tensorflow.",
    "keras.",
    "flax.",
    "jax.",
    "paddle.",
    "mindspore.",
    "mxnet.",
    "chainer.",
    "pydantic.",
    "unittest.",
)

_Ancestor = ClassEntry | str


class Ancestry(NamedTuple):
    """A class with its bases: those read, in method resolution order from the class itself, and the dotted names of those not read.

    `complete` says that nothing unknown is among them: every base not read is part of torch or of Python.
    """

    classes: tuple[ClassEntry, ...]
    external: tuple[str, ...]
    complete: bool

    def method(self, name: str, after: ClassEntry | None = None) -> FunctionEntry | None:
        """The method a lookup finds, or the one that `super()` in a method of `after` finds."""
        classes = self.classes[self.classes.index(after) + 1 :] if after in self.classes else self.classes
        return next((cls.methods[name] for cls in classes if name in cls.methods), None)


class Bases:
    """Answers about inheritance, remembered per class."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def ancestry(self, cls: ClassEntry) -> Ancestry:
        """The class with all its bases; ends on cyclic inheritance."""
        key = f"ancestry {self._names.generation}"
        if key not in cls.memo:
            unknown: list[str | None] = []
            order = self._linearise(cls, (), unknown)
            external = tuple(ancestor for ancestor in order if isinstance(ancestor, str))
            closed = all(name.startswith("torch.") or is_standard_library(name) for name in external)
            cls.memo[key] = Ancestry(tuple(ancestor for ancestor in order if isinstance(ancestor, ClassEntry)), external, closed and not unknown)
        remembered: Ancestry = cls.memo[key]
        return remembered

    def evidence(self, cls: ClassEntry) -> str | None:
        """Why the class is a torch module, as the end of a sentence that begins with its name; None where nothing says so."""
        key = f"evidence {self._names.generation}"
        if key not in cls.memo:
            cls.memo[key] = self._inherited(cls, ()) or self._resembles(cls)
        remembered: str | None = cls.memo[key]
        return remembered

    def parents(self, cls: ClassEntry) -> tuple[_Ancestor | None, ...]:
        """The direct bases: read, by name only, or None where even that is unknown."""
        return tuple(self._parent(base) for base in cls.bases)

    def subclasses(self, cls: ClassEntry) -> list[ClassEntry]:
        """The classes in the same file that inherit `cls`, itself left out."""
        return [other for other in cls.module.classes.values() if other is not cls and cls in self.ancestry(other).classes]

    def method_named(self, dotted: str) -> FunctionEntry | None:
        """The function or method a dotted name means, inherited methods (`pkg.Net.forward`) included."""
        entry = self._names.resolve(dotted).entry
        if entry is None:
            owner, _, name = dotted.rpartition(".")
            cls = self._names.resolve(owner).entry if owner else None
            return self.ancestry(cls).method(name) if isinstance(cls, ClassEntry) else None
        return entry if isinstance(entry, FunctionEntry) else None

    def _parent(self, base: str | None) -> _Ancestor | None:
        if base is None:
            return None
        meaning = self._names.resolve(base)
        if isinstance(meaning.entry, ClassEntry):
            return meaning.entry
        chosen = self._chosen(meaning.name)
        return chosen if chosen is not None else None if meaning.entry else meaning.name

    def _chosen(self, dotted: str) -> _Ancestor | None:
        """The first nameable choice of a base made by a condition (`Base = Fast if has_fast else Slow`)."""
        module, value = self._names.constant(dotted) or (None, None)
        if module is None or not isinstance(value, ast.IfExp):
            return None
        choices = (module.qualify(choice) for choice in (value.body, value.orelse))
        return next((parent for choice in choices if choice and choice != dotted and (parent := self._parent(choice)) is not None), None)

    def _linearise(self, cls: ClassEntry, below: tuple[ClassEntry, ...], unknown: list[str | None]) -> list[_Ancestor]:
        """The C3 order of a class; where the bases contradict each other, depth first."""
        lists: list[list[_Ancestor]] = []
        direct: list[_Ancestor] = []
        for parent in self.parents(cls):
            if parent is None or parent is cls or parent in below:
                unknown.append(None)
            elif parent not in _ROOTS:
                direct.append(parent)
                lists.append(self._linearise(parent, (*below, cls), unknown) if isinstance(parent, ClassEntry) else [parent])
        return [cls, *_merge([*lists, direct])]

    def _inherited(self, cls: ClassEntry, below: tuple[ClassEntry, ...]) -> str | None:
        for parent in self.parents(cls):
            if isinstance(parent, str) and is_module_base(parent):
                return f"inherits {parent}"
            if isinstance(parent, ClassEntry) and parent is not cls and parent not in below:
                further = self._inherited(parent, (*below, cls))
                if further:
                    return f"{further.partition(' through ')[0]} through {_through(parent, further)}"
                if is_module_base(parent.dotted) and not self.ancestry(parent).complete:
                    return f"inherits {parent.dotted}"
        return None

    def _resembles(self, cls: ClassEntry) -> str | None:
        """The last resort, where a base is unknown: a forward method and `super().__init__()` in a file that imports torch."""
        ancestry = self.ancestry(cls)
        forward, initialiser = cls.methods.get("forward"), cls.methods.get("__init__")
        if ancestry.complete or forward is None or forward.receiver is None or initialiser is None or _never_modules(ancestry.external):
            return None
        imports_torch = any(target.partition(".")[0] == "torch" for target in cls.module.imports.values())
        initialisers = (base.methods["__init__"] for base in ancestry.classes if "__init__" in base.methods)
        if not imports_torch or not all(map(_initialises_base, initialisers)):  # a module whose own __init__ never runs cannot work
            return None
        return "has a forward method, calls super().__init__() and stands in a file that imports torch (its base is unknown)"


def _through(parent: ClassEntry, further: str) -> str:
    _, _, rest = further.partition(" through ")
    return f"{parent.dotted}, {rest}" if rest else parent.dotted


def _merge(lists: list[list[_Ancestor]]) -> list[_Ancestor]:
    merged: list[_Ancestor] = []
    lists = [list(items) for items in lists if items]
    while lists:
        heads = (items[0] for items in lists)
        chosen = next((head for head in heads if not any(head in items[1:] for items in lists)), lists[0][0])
        merged.append(chosen)
        lists = [rest for items in lists if (rest := [item for item in items if item != chosen])]
    return merged


def _never_modules(external: tuple[str, ...]) -> bool:
    return any(name.startswith(_NO_MODULES) for name in external)


def _initialises_base(initialiser: FunctionEntry) -> bool:
    """Is there a call of `super().__init__` or `Base.__init__`?"""
    calls = (node.func for node in nodes_under(initialiser.node) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Attribute) and called.attr == "__init__" for called in calls)
