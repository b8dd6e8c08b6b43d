"""Modules that execute only the statements a wanted name depends on.

Two uses: a file whose import is unwanted (a training script), and the `__init__` of a package, whose many imports are not needed to reach one submodule.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import dis
import importlib
import os
import sys
import types
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Set

_SLICE, _LOCATES = "_lintorch_slice", "_lintorch_locates"
# Reads of a module's namespace that ask for nothing in particular.
_QUIET = (os.path.dirname(os.path.abspath(__file__)), "<frozen importlib", os.path.dirname(importlib.__file__))
_BUILTINS = frozenset(dir(builtins))
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "LOAD_CLASSDEREF")
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


class Statement(NamedTuple):
    """A top-level statement: its code, the module-level names it binds, reads and (by attribute, item or method call) changes."""

    code: types.CodeType
    binds: FrozenSet[str]
    reads: FrozenSet[str]
    changes: FrozenSet[str]
    star: Optional[str]  # the module of `from module import *`, with its leading dots
    defines: bool  # a class or a function


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)


def names_read(code: types.CodeType) -> FrozenSet[str]:
    """The global names that a module's or statement's code, functions in it included, reads."""
    return frozenset(step.argval for part in _nested(code) for step in dis.get_instructions(part) if step.opname in _LOADS)


def names_bound(code: types.CodeType) -> FrozenSet[str]:
    """The names that a module's or statement's code binds."""
    top = {step.argval for step in dis.get_instructions(code) if step.opname in ("STORE_NAME", "STORE_GLOBAL")}
    return frozenset(top)


def _root(node: ast.AST) -> Optional[str]:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _changes(node: ast.stmt) -> FrozenSet[str]:
    """The names whose value the statement changes without binding them: `Net.size = 3`, `TABLE["a"] = f`, `parser.add_argument("--n")`."""
    if isinstance(node, (ast.If, ast.Try, ast.With)):  # `try: import torch` ... `else: TABLE["net"] = ["Net"]`
        inside = [child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, ast.ExceptHandler))]
        nested = [part for child in inside for part in (child.body if isinstance(child, ast.ExceptHandler) else [child])]
        return frozenset().union(*map(_changes, nested))
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        targets: List[ast.expr] = node.targets if isinstance(node, ast.Assign) else [node.target]
        roots = {_root(target) for target in targets if not isinstance(target, (ast.Name, ast.Tuple, ast.List))}
        return frozenset(root for root in roots if root)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        root = _root(node.value.func)
        return frozenset([root]) if root else frozenset()
    return frozenset()


def is_main_guard(node: ast.stmt) -> bool:
    """Is this `if __name__ == "__main__":`?"""
    return isinstance(node, ast.If) and any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test))


def _star(node: ast.stmt) -> Optional[str]:
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        return "." * node.level + (node.module or "")
    return None


def _future_flags(tree: ast.Module) -> int:
    """The compiler flags of the file's `from __future__` imports, which its statements need one by one."""
    names = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__" for alias in node.names]
    return sum(getattr(__future__, name).compiler_flag for name in names)


def statements(tree: ast.Module, path: str) -> List[Statement]:
    """The statements of a module that a slice may execute: loops and the main guard are left out."""
    flags = _future_flags(tree)
    found = []
    for node in tree.body:
        if isinstance(node, _LOOPS) or is_main_guard(node):
            continue
        code = compile(ast.Module([node], []), path, "exec", flags, dont_inherit=True)
        found.append(Statement(code, names_bound(code), names_read(code), _changes(node), _star(node), isinstance(node, (ast.ClassDef, ast.FunctionDef))))
    return found


_OWN_DICT: Any = types.ModuleType.__dict__["__dict__"]  # type: ignore[index]


def _own(module: types.ModuleType) -> Dict[str, Any]:
    """The namespace of a module without executing anything."""
    found: Dict[str, Any] = _OWN_DICT.__get__(module)
    return found


class SlicedModule(types.ModuleType):
    """A module whose names come into being when they are asked for, each top-level statement executed at most once."""

    def __init__(self, name: str, path: str, text: str, offers: Callable[[str, str], bool], locates: Callable[[str], bool]) -> None:
        super().__init__(name)
        own = _own(self)
        own["__file__"] = path
        own[_SLICE] = Slice(statements(ast.parse(text, path), path), offers)
        own[_LOCATES] = locates

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__all__", "__version__"):
            raise AttributeError(name)
        own = _own(self)
        part: Slice = own[_SLICE]
        part.provide(name, self)
        if name in own:
            return own[name]
        current = sys.modules.get(self.__name__, self)
        if current is not self:  # the executed statements put another module in its place, as lazy packages do
            return getattr(current, name)
        if name in part.errors:
            raise part.errors[name]
        if own[_LOCATES](f"{self.__name__}.{name}"):  # by now something would have imported it
            return importlib.import_module(f"{self.__name__}.{name}")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing a submodule sets it on its package. Where the package binds the same name (`from .norm import norm`), that
        # binding wins, and it is yet to come.
        if isinstance(value, types.ModuleType) and value.__name__ == f"{self.__name__}.{name}" and _own(self)[_SLICE].binds(name):
            return
        super().__setattr__(name, value)

    @property
    def __dict__(self) -> Dict[str, Any]:  # type: ignore[override]
        """The namespace; who reads it as a whole (vars, a registry of classes) gets all of a package's, and all definitions of a script."""
        if not sys._getframe(1).f_code.co_filename.startswith(_QUIET):
            _own(self)[_SLICE].provide_all(self, definitions_only="__path__" not in _own(self))
        return _own(self)

    def __dir__(self) -> List[str]:
        return list(self.__dict__)


def definitions(module: types.ModuleType) -> Dict[str, Any]:
    """The namespace of a module with all its classes and functions; a sliced module makes those it has not made yet, and executes nothing else."""
    if isinstance(module, SlicedModule):
        _own(module)[_SLICE].provide_all(module, definitions_only=True)
        return _own(module)
    return vars(module)


class Slice:
    """The statements of a sliced module, what was executed, and which raised.

    `offers(source, name)` says whether the star import of `source` (dotted, absolute) may bind `name`.
    """

    def __init__(self, parts: List[Statement], offers: Callable[[str, str], bool]) -> None:
        self.parts = parts
        self.offers = offers
        # Lazy packages put an object of their own into sys.modules; what that has cannot be read off the text.
        self.replaces_itself = any("modules" in part.code.co_names and "__name__" in part.code.co_names for part in parts)
        self.done: Set[int] = set()
        self.errors: Dict[str, BaseException] = {}

    def binds(self, name: str) -> bool:
        """Does some statement bind the name?"""
        return any(name in part.binds for part in self.parts)

    def closure(self, name: str, package: str) -> List[int]:
        """The positions of the statements that `name` depends on, in the order of the file."""
        if self.replaces_itself and not self.binds(name):
            return list(range(len(self.parts)))
        wanted, fresh = {name}, {name}
        chosen: Set[int] = set()
        while fresh:
            found = {at for at, part in enumerate(self.parts) if at not in chosen and (fresh & (part.binds | part.changes))}
            bound = frozenset().union(*(self.parts[at].binds for at in found | chosen))
            for free in sorted(fresh - bound - _BUILTINS):
                found.update(self._stars(free, package))
            chosen |= found
            fresh = set().union(*(self.parts[at].reads for at in found)) - wanted
            wanted |= fresh
        return sorted(chosen)

    def _stars(self, name: str, package: str) -> Iterator[int]:
        for at, part in enumerate(self.parts):
            if part.star and self.offers(absolute(part.star, package), name):
                yield at

    def provide(self, name: str, module: types.ModuleType) -> None:
        """Execute what `name` depends on. A statement that raises leaves its names unbound; its error is kept for who asks for them."""
        for at in self.closure(name, package_of(module)):
            if at in self.done:
                continue
            self.done.add(at)
            try:
                exec(self.parts[at].code, _own(module))
            except Exception as error:
                self.errors.update(dict.fromkeys(self.parts[at].binds, error))

    def provide_all(self, module: types.ModuleType, definitions_only: bool) -> None:
        """Execute every statement, or every definition with what it needs."""
        for part in self.parts:
            if definitions_only and not part.defines:
                continue
            for name in sorted(part.binds):
                self.provide(name, module)


def package_of(module: types.ModuleType) -> str:
    """The package that the relative imports of a module start from."""
    return module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]


def absolute(source: str, package: str) -> str:
    """The absolute name of what `from source import ...` names in `package`; unchanged where it is absolute or leads out of all packages."""
    level = len(source) - len(source.lstrip("."))
    if not level:
        return source
    parts = package.split(".")
    base = parts[: len(parts) - level + 1]
    return ".".join([*base, source[level:]] if source[level:] else base) if base else source
