"""Modules read when asked for, and dotted names followed through re-exports, aliases and star imports to what they mean."""

from __future__ import annotations

import ast
import re
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lintorch.garbage import note_dropped
from lintorch.project.consulted import Consulted, Grounds, Memory, Seen, digest
from lintorch.project.known import TORCH_MODULES, UNREAD
from lintorch.project.locate import Locator, plain_path
from lintorch.project.module import ClassEntry, FunctionEntry, Module
from lintorch.source.parse import parse
from lintorch.source.text import Source, SourceError

Entry = Module | ClassEntry | FunctionEntry

# An ast takes about 35 times the memory of its text: at most some 100 MB of trees stay in memory.
_KEPT_CHARACTERS = 3_000_000
# What star imports pass through is looked at once for every name asked for.
_KEPT_BYTES = 64 << 20
_ALL = re.compile(rb"^__all__[ ]?=[ ]?([\[(][^\])]*[\])])[ ]*(?:#.*)?$", re.MULTILINE)
# Longer chains of re-exports and aliases than this are cycles.
_LONGEST_CHAIN = 40


class Meaning(NamedTuple):
    """What a dotted name means: the entry where its text was read, and in any case the name it has where it is defined."""

    entry: Entry | None
    name: str


class Names:
    """The modules of a project by dotted name. Reads files as text when asked for them, never imports or runs any."""

    def __init__(self, root: Path, search: tuple[Path, ...]) -> None:
        self.consulted = Consulted()
        self._locator = Locator(root, search, self.consulted)
        self._modules: OrderedDict[Path, Module] = OrderedDict()  # by path, the last used last
        self._unsaved: dict[Path, Source] = {}  # evicted texts that differ from what is on disk
        self._unreadable: set[Path] = set()
        self._paths: dict[str, Path] = {}  # by dotted name
        self._files: dict[str, Path | None] = Memory(self.consulted)  # by dotted name, as located
        self._meanings: dict[str, tuple[str | None, str, str]] = Memory(self.consulted)
        self._seen: dict[Path, Grounds] = {}  # by path, what a module's text and name rest on
        self._kept = 0
        self._bytes: dict[Path, bytes] = {}  # of files that star imports pass through and nothing else has read
        self._bytes_kept = 0
        self.generation = 0  # grows whenever a text is replaced, so that remembered answers expire

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._locator.root

    def load(self, source: Source, tree: ast.Module | None = None) -> Module:
        """The module of a text, which from now on is what its path holds; raises SourceError where it does not parse."""
        path = plain_path(source.path)
        known = self._modules.get(path)
        if known is not None and known.source.raw == source.raw:
            return self._used(path, known)
        if known is not None or path in self._unsaved:
            self._forget(path)
        return self._add(path, source, tree if tree is not None else parse(source))

    def module(self, dotted: str) -> Module | None:
        """The module or package of a dotted name; None where it is not found, not readable, or part of torch (which is never read)."""
        if dotted.partition(".")[0] == "torch":
            return None
        path = self._paths.get(dotted) or self._file(dotted)
        return self.at(path) if path else None

    def resolve(self, dotted: str) -> Meaning:
        """Follow a dotted name to its definition, or as far as texts can be read."""
        remembered = self._meanings.get(dotted)
        if remembered is None:
            meaning = self._follow(dotted, _LONGEST_CHAIN)
            qualname = meaning.entry.qualname if isinstance(meaning.entry, (ClassEntry, FunctionEntry)) else ""
            owner = meaning.entry if isinstance(meaning.entry, Module) or meaning.entry is None else meaning.entry.module
            self._meanings[dotted] = (owner.name if owner else None, qualname, meaning.name)
            return meaning
        owner_name, qualname, name = remembered
        module = self.module(owner_name) if owner_name else None
        if module is None or not qualname:
            return Meaning(module, name)
        return Meaning(module.classes.get(qualname) or module.functions.get(qualname), name)

    def _follow(self, dotted: str, steps: int) -> Meaning:
        parts = dotted.split(".")
        for length in range(len(parts), 0, -1):
            module = self.module(".".join(parts[:length]))
            if module is None:
                continue
            if length == len(parts):
                return self._shadowing(dotted, module, steps)
            return self._member(module, parts[length:], dotted, steps)
        return Meaning(None, dotted)

    def _shadowing(self, dotted: str, module: Module, steps: int) -> Meaning:
        """A module, or what its package binds over its name (`from .pool import pool` in the `__init__`)."""
        package, _, name = dotted.rpartition(".")
        parent = self.module(package) if package else None
        target = parent.imports.get(name) if parent is not None and parent.is_package else None
        if target is None or target == dotted or not steps:
            return Meaning(module, module.name)
        return self._follow(target, steps - 1)

    def _member(self, module: Module, parts: list[str], dotted: str, steps: int) -> Meaning:
        """A name within a module: defined there, imported there, an alias, or brought by a star import."""
        qualname = ".".join(parts)
        entry = module.classes.get(qualname) or module.functions.get(qualname)
        if entry is not None and (module.defines(parts[0]) or parts[0] not in module.imports):
            return Meaning(entry, entry.dotted)
        target = self._meaning_in(module, parts[0])
        if target is None or not steps:
            return Meaning(None, dotted)
        return self._follow(".".join((target, *parts[1:])), steps - 1)

    def _meaning_in(self, module: Module, name: str) -> str | None:
        """The dotted name a module-level name stands for, None where it stands for itself."""
        if module.defines(name):
            value = module.constants.get(name)
            target = (_imported(value) or module.qualify(value)) if value is not None else None
            return target if target != f"{module.name}.{name}" else module.imports.get(name)
        return module.imports.get(name) or self._starred(module, name)

    def _starred(self, module: Module, name: str) -> str | None:
        """The dotted name that a star import of `module` gives to `name`."""
        return next((found for star in reversed(module.star_imports) if (found := self._export(star, name, frozenset({module.name})))), None)

    def _export(self, star: str, name: str, seen: frozenset[str]) -> str | None:
        """What `from star import *` brings under `name`."""
        if star in ("torch.nn", "torch.nn.modules"):
            return f"torch.nn.{name}" if name in TORCH_MODULES or name in ("functional", "init", "Parameter", "parallel", "utils") else None
        origin = self.module(star) if self._may_export(star, name) else None
        if origin is None or origin.name in seen:
            return None
        if name not in origin.exports if origin.exports is not None else name.startswith("_"):
            return None
        if origin.defines(name) or name in origin.imports:
            return f"{origin.name}.{name}"
        deeper = (self._export(further, name, seen | {origin.name}) for further in reversed(origin.star_imports))
        return next(filter(None, deeper), None)

    def _may_export(self, star: str, name: str) -> bool:
        """Could a module not read yet bring `name`? A look at its bytes: star imports of large packages pass through thousands of files."""
        path = self._paths.get(star) or self._file(star)
        if path is None or path in self._modules or path in self._unsaved:
            return path is not None
        return _may_bring(self._raw(path), name.encode())

    def _raw(self, path: Path) -> bytes:
        if path not in self._bytes:
            try:
                raw = path.read_bytes()
            except OSError:
                raw = b""
            self._seen.setdefault(path, frozenset((Seen("file", str(path), digest(raw)),)))
            self._bytes_kept += len(raw)
            if self._bytes_kept > _KEPT_BYTES:
                self.consulted.note(self._seen[path])
                return raw
            self._bytes[path] = raw
        self.consulted.note(self._seen[path])
        return self._bytes[path]

    def constant(self, dotted: str) -> tuple[Module, ast.expr] | None:
        """The module and the value of a module-level name that one plain assignment defines."""
        owner, _, name = dotted.rpartition(".")
        module = self.module(owner) if owner else None
        value = module.constants.get(name) if module is not None else None
        return (module, value) if module is not None and value is not None else None

    def _file(self, dotted: str) -> Path | None:
        if dotted not in self._files:
            file = self._locator.file(dotted)
            skipped = dotted.partition(".")[0] in UNREAD and file is not None and self._locator.is_installed(file)
            self._files[dotted] = None if skipped else file
        return self._files[dotted]

    def at(self, path: Path) -> Module | None:
        """The module of a file, read now if need be."""
        known = self._modules.get(path)
        if known is not None:
            return self._used(path, known)
        if path in self._unreadable:
            self.consulted.note(self._seen[path])
            return None
        try:
            source = self._unsaved.get(path) or Source.read(path)
            return self._add(path, source, parse(source))
        except SourceError:
            self._unreadable.add(path)
            self._seen[path] = frozenset((Seen("file", str(path), _digest_on_disk(path)),))
            self.consulted.note(self._seen[path])
            return None

    def _add(self, path: Path, source: Source, tree: ast.Module) -> Module:
        mark = self.consulted.mark
        searched = self._locator.searched
        name, is_package = self._locator.name(path)
        if self._locator.searched > searched:
            self._expire()
        if self._locator.file(name) not in (path, None):  # an import of that name finds another file
            name = self._locator.long_name(path)
        self._paths[name] = path
        relocate = partial(self._locator.neighbour, path) if self._locator.is_script(path) else None
        module = Module(source, tree, name, is_package, self._starred, relocate, self._new_memo(), self._new_memo)
        if relocate:
            _ = module.imports  # now, so that what a script's imports mean is part of what the module rests on
        self._seen[path] = (self.consulted.since(mark), frozenset((Seen("file", str(path), digest(source.raw)),)))
        self.consulted.note(self._seen[path])
        self._unreadable.discard(path)
        self._modules[path] = module
        self._kept += len(source.text)
        self._evict()
        return module

    def _new_memo(self) -> Memory:
        return Memory(self.consulted)

    def _used(self, path: Path, module: Module) -> Module:
        self.consulted.note(self._seen[path])
        self._modules.move_to_end(path)
        return module

    def _evict(self) -> None:
        """Let go of the modules not used for longest; texts that are not what is on disk are kept as text."""
        while self._kept > _KEPT_CHARACTERS and len(self._modules) > 1:
            path, module = self._modules.popitem(last=False)
            self._kept -= len(module.source.text)
            note_dropped(len(module.source.text))
            if not _is_on_disk(path, module.source):
                self._unsaved[path] = module.source

    def _forget(self, path: Path) -> None:
        """Drop a replaced text and everything remembered that may rest on it."""
        module = self._modules.pop(path, None)
        self._kept -= len(module.source.text) if module else 0
        self._unsaved.pop(path, None)
        self._expire()

    def _expire(self) -> None:
        """Forget every answer: what names mean may have changed."""
        self._meanings.clear()
        self._files.clear()
        self.generation += 1


def _may_bring(raw: bytes, name: bytes) -> bool:
    """Could a file bring `name` to who imports all of it, as far as its bytes tell? A list of names that is written out settles it."""
    listed = _ALL.findall(raw)
    if len(listed) == 1 and raw.count(b"__all__") == 1:
        return b'"%b"' % name in listed[0] or b"'%b'" % name in listed[0]
    return name in raw or b"import *" in raw


def _imported(value: ast.expr) -> str | None:
    """The module that `importlib.import_module("x")` or `pytest.importorskip("x")` gives."""
    if not isinstance(value, ast.Call) or not value.args or not isinstance(value.func, (ast.Name, ast.Attribute)):
        return None
    called, given = value.func.id if isinstance(value.func, ast.Name) else value.func.attr, value.args[0]
    is_import = called in ("import_module", "importorskip", "__import__")
    return given.value if is_import and isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def _digest_on_disk(path: Path) -> str:
    try:
        return digest(path.read_bytes())
    except OSError:
        return ""


def _is_on_disk(path: Path, source: Source) -> bool:
    try:
        return path.read_bytes() == source.raw
    except OSError:
        return False
