"""The import system of a worker child: serves one file's given text, keeps packages light, and puts stand-ins where a third-party module is missing."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import os
import re
import sys
import types
from typing import Any, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from .guards import guarded
from .sliced import SlicedModule, absolute, is_main_guard, names_bound, names_read
from .standin import LEDGER, stand_in

_TRAINING_CALLS = frozenset(
    {"backward", "step", "zero_grad", "fit", "parse_args", "parse_known_args", "cuda", "load_state_dict", "read_csv", "imread", "init_process_group"}
)
_TRAINING_TEXT = re.compile(r"\.(%s)\(" % "|".join(sorted(_TRAINING_CALLS)))


# Supersets of a module of the standard library: what a file needs of them at import time is nearly always the common part.
_DROP_IN = {"regex": "re", "simplejson": "json", "ujson": "json"}


class Place(NamedTuple):
    """Where a project module's text is."""

    path: str
    is_package: bool


def locate(dotted: str, roots: Sequence[str]) -> Optional[Place]:
    """The file of a dotted name under the roots, a package before a module as Python has it."""
    for root in roots:
        stem = os.path.join(root, *dotted.split("."))
        for path, is_package in ((os.path.join(stem, "__init__.py"), True), (stem + ".py", False)):
            if os.path.isfile(path):
                return Place(path, is_package)
    return None


class Served(NamedTuple):
    """The module whose text is given rather than read."""

    name: str
    place: Place
    text: str


@functools.lru_cache(maxsize=None)
def _text(path: str) -> str:
    with open(path, "rb") as file:
        return importlib.util.decode_source(file.read())


@functools.lru_cache(maxsize=None)
def _parsed(path: str) -> ast.Module:
    return ast.parse(_text(path), path)


@functools.lru_cache(maxsize=None)
def _bound_names(path: str) -> FrozenSet[str]:
    """The names that the top level of a file binds, also inside `if` and `try`."""
    names = set()
    for node in ast.walk(_parsed(path)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return frozenset(names)


@functools.lru_cache(maxsize=None)
def _has_stars(path: str) -> bool:
    return "import *" in _text(path)


def _may_reach(path: str, name: str) -> bool:
    """A look at the text, to save parsing what cannot bind the name."""
    return name in _text(path) or _has_stars(path)


def offers(source: str, name: str, roots: Sequence[str], seen: Tuple[str, ...] = ()) -> bool:
    """May `from source import *` bind `name`? Modules outside the project may bind anything."""
    place = locate(source, roots)
    if place is None:
        return True
    if source in seen or not _may_reach(place.path, name):
        return False
    if name in _bound_names(place.path):
        return True
    package = source if place.is_package else source.rpartition(".")[0]
    stars = ["." * node.level + (node.module or "") for node in ast.walk(_parsed(place.path)) if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"]
    return any(locate(absolute(star, package), roots) and offers(absolute(star, package), name, roots, (*seen, source)) for star in stars)


def runs_training(path: str, text: str) -> bool:
    """Would importing this file do work (training, reading data, parsing arguments) besides defining things?"""
    if not _TRAINING_TEXT.search(text):  # most files: not worth parsing
        return False
    for node in ast.parse(text, path).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or is_main_guard(node):
            continue
        for part in ast.walk(node):
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in _TRAINING_CALLS:
                return True
    return False


class ServedLoader(importlib.abc.InspectLoader):
    """Loads a project module from given text or its file, keeping file name and lines."""

    def __init__(self, place: Place, text: Optional[str]) -> None:
        self.place, self.text = place, text

    def is_package(self, fullname: str) -> bool:
        return self.place.is_package

    def get_source(self, fullname: str) -> str:
        if self.text is None:
            self.text = _text(self.place.path)
        return self.text

    def get_code(self, fullname: str) -> types.CodeType:
        return compile(self.get_source(fullname), self.place.path, "exec", dont_inherit=True)


class SlicedLoader(ServedLoader):
    """Loads a project module that executes only what is asked of it."""

    def __init__(self, place: Place, text: Optional[str], roots: Sequence[str]) -> None:
        super().__init__(place, text)
        self.roots = roots

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return SlicedModule(spec.name, self.place.path, self.get_source(spec.name), self._offers, self._locates)

    def _offers(self, source: str, name: str) -> bool:
        return offers(source, name, self.roots)

    def _locates(self, dotted: str) -> bool:
        return locate(dotted, self.roots) is not None

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing is executed before a name is asked for."""


class ProjectFinder(importlib.abc.MetaPathFinder):
    """Finds the project's own modules before the usual finders do.

    `served` gives the wanted module its file and text, whatever else might have its name; it is sliced if `sliced`. `eager` switches light packages off.
    """

    def __init__(self, roots: Sequence[str], served: Served, sliced: bool, eager: bool) -> None:
        self.roots, self.served, self.sliced, self.eager = roots, served, sliced, eager

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        wanted = fullname == self.served.name
        place = self.served.place if wanted else locate(fullname, self.roots)
        if place is None:
            return None
        text = self.served.text if wanted or place.path == self.served.place.path else None
        loader = SlicedLoader(place, text, self.roots) if self._slices(fullname, place) else self._whole(fullname, place, text)
        if loader is None:
            return None
        return importlib.util.spec_from_file_location(fullname, place.path, loader=loader, submodule_search_locations=_search(place))

    def _slices(self, fullname: str, place: Place) -> bool:
        if fullname == self.served.name:
            return self.sliced
        if place.is_package:
            return not self.eager
        return not _in_package(place.path) or runs_training(place.path, _text(place.path))

    def _whole(self, fullname: str, place: Place, text: Optional[str]) -> Any:
        # Python's own loader has the compiled file in its cache.
        return importlib.machinery.SourceFileLoader(fullname, place.path) if text is None else ServedLoader(place, text)


def _search(place: Place) -> Optional[List[str]]:
    return [os.path.dirname(place.path)] if place.is_package else None


def _in_package(path: str) -> bool:
    return os.path.isfile(os.path.join(os.path.dirname(path), "__init__.py"))


def _gives(module: types.ModuleType, name: str) -> bool:
    """Will `from module import name` find it? Also a submodule that is imported but was not set on its package, as lazy packages have it."""
    return hasattr(module, name) or f"{module.__name__}.{name}" in sys.modules


class CircularImport(ImportError):
    """A name is wanted of a module of the project whose own import, under way, has not bound it yet."""


class StandInImport:
    """`__import__` that answers an unguarded import of a missing module with a stand-in.

    Stand-ins never enter sys.modules, so that questions such as importlib.util.find_spec("xformers") keep their true answer.
    `generous` replaces guarded ones too: for files that turn the ImportError they caught into a failure of their own.
    `strict` fails as Python does where modules of the project import each other in a circle, which light packages may cause.
    """

    def __init__(self, roots: Sequence[str], generous: bool = False, strict: bool = False) -> None:
        self.original = builtins.__import__
        self.roots = tuple(os.path.join(root, "") for root in roots)
        self.generous = generous
        self.strict = strict

    def __call__(self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002 (the names import has)
        try:
            module = self.original(name, globals, locals, fromlist, level)
        except Exception as error:
            circular = isinstance(error, CircularImport)
            if circular or not isinstance(error, (ImportError, OSError, RuntimeError, AttributeError)) or not self._replaces(sys._getframe(1)):
                raise
            module = self._stand_in(name, globals, fromlist, level)
        for wanted in fromlist or ():
            # Another version of the module may have had the name.
            if wanted != "*" and not _gives(module, wanted) and self._replaces(sys._getframe(1)):
                if self.strict and self._is_unfinished(module):
                    raise CircularImport(f"cannot import name {wanted!r} from {module.__name__!r}, which is still being imported")
                setattr(module, wanted, stand_in(f"{module.__name__}.{wanted}"))
        return module

    def _is_unfinished(self, module: types.ModuleType) -> bool:
        """Is it a module of the project whose import is under way?"""
        spec = getattr(module, "__spec__", None)
        return bool(getattr(spec, "_initializing", False)) and str(getattr(module, "__file__", None)).startswith(self.roots)

    def _replaces(self, importer: types.FrameType) -> bool:
        """Only what the project itself imports is replaced: installed packages know what they can do without."""
        if LEDGER.armed or not importer.f_code.co_filename.startswith(self.roots):
            return False
        return self.generous or not guarded(importer, self.roots)

    def _stand_in(self, name: str, globals: Any, fromlist: Any, level: int) -> Any:  # noqa: A002
        package = (globals or {}).get("__package__") or ""
        dotted = absolute("." * level + name, package)
        if dotted in _DROP_IN:
            return importlib.import_module(_DROP_IN[dotted])
        if fromlist and "*" in fromlist:
            return _everything_of(dotted, sys._getframe(2).f_code)
        return stand_in(dotted if fromlist else dotted.partition(".")[0])


def _everything_of(dotted: str, importer: types.CodeType) -> Any:
    """The stand-in of a module for `from module import *`: it has every name that the importing file reads and does not bind."""
    module = stand_in(dotted)
    free = names_read(importer) - names_bound(importer) - frozenset(dir(builtins))
    module.__dict__.update({name: stand_in(f"{dotted}.{name}") for name in free if not name.startswith("_")})
    return module


def serve_lines(path: str, text: str) -> None:
    """Let inspect, torch.jit and tracebacks see the given text instead of the file on disk."""
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
