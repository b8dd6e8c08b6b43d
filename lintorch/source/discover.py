"""The Python files below the paths a user gives."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lintorch.settings import Settings
from lintorch.source.ignores import Ignores, enclosing_ignores, folder_ignores, leaves_out

# Folders of tools and of installed or built code; a package that happens to have one of the latter names is still looked into.
_NEVER = frozenset({"__pycache__", "__pypackages__", "node_modules", "site-packages"})
_UNLESS_PACKAGE = frozenset({"build", "dist", "venv", "_build", "buck-out"})

_ENDINGS = (".py", ".ipynb")


class Skipped(NamedTuple):
    """A path that was asked for or found but cannot be checked, and why."""

    path: Path
    reason: str


def discover(paths: Sequence[Path | str], settings: Settings, forced: bool = False) -> tuple[list[Path], list[Skipped]]:
    """The files to check, in the order of `paths` and sorted within folders, each once, and what had to be left out.

    A file named explicitly is taken, unless `forced` says that `settings.exclude` holds for it too. In folders: Python files and notebooks
    that neither `settings.exclude` nor a .gitignore leaves out.
    """
    walk = _Walk(settings)
    for path in map(Path, paths):
        if not (forced and walk.excludes(path)):
            walk.take(path)
    return walk.files, walk.skipped


def is_left_out(path: Path, settings: Settings) -> bool:
    """Would a walk over the folders round a file pass it over, by `settings.exclude` or a .gitignore?"""
    real = os.path.realpath(path)
    with contextlib.suppress(OSError):  # a document whose folder is yet to be made
        if leaves_out(enclosing_ignores(real), real):
            return True
    return _Walk(settings).excludes(path)


class _Place(NamedTuple):
    """A folder or link to look at: its path as the user would write it, its absolute path, and the patterns that hold where it stands."""

    path: Path
    absolute: str
    ignores: tuple[Ignores, ...]


class _Walk:
    """The files found so far. Every folder and file is visited once, under its own name rather than that of a link to it."""

    def __init__(self, settings: Settings) -> None:
        self.files: list[Path] = []
        self.skipped: list[Skipped] = []
        self._seen: set[str] = set()
        self._excludes = (Ignores(os.path.realpath(settings.root), settings.exclude),) if settings.exclude else ()

    def excludes(self, path: Path) -> bool:
        """Do the settings leave out a path that a user gave, or a folder it is in?"""
        return leaves_out(self._excludes, os.path.realpath(path))

    def take(self, path: Path) -> None:
        """Add a path a user gave: a file whatever its name, or what a folder holds."""
        try:
            mode = path.stat().st_mode
        except OSError as error:
            self._skip(path, error)
            return
        real = os.path.realpath(path)
        if stat.S_ISDIR(mode):
            # Patterns that leave the folder itself out do not hold for what was asked for by name.
            ignores = (given for given in (*enclosing_ignores(real), *self._excludes) if not given.verdict(real + os.sep))
            self.files += sorted(self._below(_Place(path, real, tuple(ignores))), key=lambda file: file.parts)
        else:
            self.files += self._checkable(path, real, stat.S_ISREG(mode))

    def _below(self, top: _Place) -> Iterator[Path]:
        """The files below a folder; links are followed last, so that what they lead to is found under its own name first."""
        links: list[_Place] = []
        yield from self._tree(top, links, explicit=True)
        while links:
            yield from self._link(links.pop(0), links)

    def _link(self, link: _Place, links: list[_Place]) -> Iterator[Path]:
        try:
            mode = link.path.stat().st_mode
        except OSError as error:
            self._skip(link.path, error)
            return
        if stat.S_ISDIR(mode):
            yield from self._tree(link, links, explicit=False)
        else:
            yield from self._checkable(link.path, os.path.realpath(link.absolute), stat.S_ISREG(mode))

    def _tree(self, top: _Place, links: list[_Place], explicit: bool) -> Iterator[Path]:
        """The files of a folder and the folders in it; links met on the way are added to `links`."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            real = os.path.realpath(folder.absolute)
            if real in self._seen:
                continue
            self._seen.add(real)
            for entry, place in self._entries(folder, explicit and folder is top):
                if entry.is_symlink():
                    links.append(place)
                elif entry.is_dir():
                    waiting.append(place)
                else:
                    yield from self._checkable(place.path, real + os.sep + entry.name, entry.is_file())

    def _entries(self, folder: _Place, explicit: bool) -> Iterator[tuple[os.DirEntry[str], _Place]]:
        """The entries of a folder that may lead to files to check."""
        try:
            entries = {entry.name: entry for entry in os.scandir(folder.absolute)}
        except OSError as error:
            self._skip(folder.path, error)
            return
        if not explicit and ("pyvenv.cfg" in entries or (folder.path.name in _UNLESS_PACKAGE and "__init__.py" not in entries)):
            return
        ignores = folder.ignores + folder_ignores(folder.absolute, entries)
        for name, entry in entries.items():
            if name.startswith(".") or name in _NEVER:
                continue
            is_folder = _is_folder(entry)
            if is_folder or name.endswith(_ENDINGS):
                absolute = folder.absolute + os.sep + name
                if not leaves_out(ignores, absolute + os.sep if is_folder else absolute):
                    yield entry, _Place(folder.path / name, absolute, ignores)

    def _checkable(self, path: Path, real: str, regular: bool) -> list[Path]:
        """The file as a list; empty where it was found before or is nothing to read."""
        if not regular:
            self.skipped.append(Skipped(path, "is not a regular file"))
            return []
        if real in self._seen:
            return []
        self._seen.add(real)
        return [path]

    def _skip(self, path: Path, error: OSError) -> None:
        broken = isinstance(error, FileNotFoundError) and path.is_symlink()
        self.skipped.append(Skipped(path, "is a link to nothing" if broken else f"cannot be read ({error.strerror})"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links that lead round in a circle; whoever follows them is told
        return False
