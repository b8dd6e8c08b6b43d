"""Where modules are: the folders imports start from, and the way from dotted names to files and back."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from lintorch.project.consulted import Consulted, Seen
from lintorch.source.root import is_marked
from lintorch.there import is_file, is_folder

# How far up a package is looked for beside a folder that nothing marks.
_LEVELS_ABOVE = 3


def installed_folders() -> tuple[Path, ...]:
    """The site-packages of an active virtual environment and of the running interpreter."""
    folders: list[Path] = []
    environment = os.environ.get("VIRTUAL_ENV")
    if environment:
        folders += sorted(Path(environment).glob("lib/python*/site-packages"), reverse=True)
        folders.append(Path(environment, "Lib", "site-packages"))
    folders += (Path(sysconfig.get_path(name)) for name in ("purelib", "platlib"))
    return tuple(dict.fromkeys(folder for folder in folders if is_folder(folder)))


def plain_path(path: Path) -> Path:
    """An absolute path without `..`; symbolic links stay, since a module is named by where it is imported from."""
    return Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links)


def is_standard_library(dotted: str) -> bool:
    """Does a dotted name begin with a module of Python itself?"""
    return dotted.partition(".")[0] in sys.stdlib_module_names or dotted.startswith("builtins.")


class Locator:
    """Finds the files of modules below `root` and the `search` folders; folders are listed once, nothing is opened."""

    def __init__(self, root: Path, search: tuple[Path, ...], consulted: Consulted | None = None) -> None:
        self.root = plain_path(root)
        self._consulted = consulted
        self._asked: dict[tuple[Path, str], frozenset[Seen]] = {}
        self._listings: dict[Path, frozenset[str]] = {}
        self._installed = tuple(map(plain_path, search))
        own = dict.fromkeys(folder for folder in self._layouts() if is_folder(folder) and not self._holds(folder, "__init__.py"))
        self._roots = list(dict.fromkeys((*own, *self._installed)))
        self._own = len(own)
        self._above = () if is_marked(self.root) else tuple(self.root.parents)[:_LEVELS_ABOVE]

    def _layouts(self) -> Iterator[Path]:
        """The folders that packages of a project usually stand in, those of repositories with several packages last."""
        yield from (self.root / "src", self.root)
        yield from (self.root / name for name in ("lib", "libs", "python", "source"))
        for group in (self.root, self.root / "packages"):
            yield from (group / name / "src" for name in sorted(self._listed(group)) if "." not in name)

    @property
    def searched(self) -> int:
        """How many folders are searched; more of them may give a name that was not found before."""
        return len(self._roots)

    def name(self, path: Path) -> tuple[str, bool]:
        """The dotted name of a file and whether it is a package's `__init__`; the folder it is imported from becomes one to search."""
        start = self._import_folder(path.parent)
        if start not in self._roots:
            self._roots.insert(self._own, start)  # before installed packages
            self._own += 1
        parts = path.parent.relative_to(start).parts
        if path.name == "__init__.py" and parts:
            return ".".join(parts), True
        return ".".join((*parts, path.name.removesuffix(".py"))), False

    def long_name(self, path: Path) -> str:
        """The dotted name of a file seen from the project's root, for a file whose own name another file took."""
        inner = path.relative_to(self.root) if path.is_relative_to(self.root) else path.relative_to(path.anchor)
        return ".".join(part for part in (*inner.parent.parts, inner.stem) if part != "__init__")

    def is_installed(self, path: Path) -> bool:
        """Does the file stand in one of the searched folders rather than in the project?"""
        return any(path.is_relative_to(folder) for folder in self._installed)

    def is_script(self, path: Path) -> bool:
        """Does the file stand outside any package, so that its own folder is searched first when it runs?"""
        return not self._holds(path.parent, "__init__.py")

    def neighbour(self, path: Path, head: str) -> str | None:
        """The dotted name that `import head` means in the script at `path`, where a neighbouring file or package answers it."""
        if path.parent in self._roots:
            return None
        file = self._below(path.parent, [head])
        return self.name(file)[0] if file else None

    def file(self, dotted: str) -> Path | None:
        """The file of a module or package, None where no folder holds one."""
        parts = dotted.split(".")
        found = next((found for root in self._roots if (found := self._below(root, parts))), None)
        return found or self._below_own_name(parts) or self._beside_above(parts)

    def _below_own_name(self, parts: list[str]) -> Path | None:
        """The file where the project's folder is itself the package that its files import from, known by no `__init__`."""
        return self._below(self.root, parts[1:]) if len(parts) > 1 and parts[0] == self.root.name else None

    def _beside_above(self, parts: list[str]) -> Path | None:
        """The file in a package that stands beside a folder further up, where nothing marks a project: examples next to an unpacked package."""
        packages = (folder for folder in self._above if self._holds(folder, parts[0]) and self._holds(folder / parts[0], "__init__.py"))
        return next((found for folder in packages if (found := self._below(folder, parts))), None)

    def _below(self, root: Path, parts: list[str]) -> Path | None:
        folder = root
        for part in parts[:-1]:
            if not self._holds(folder, part):
                return None
            folder /= part
        last = parts[-1]
        if self._holds(folder, last) and self._holds(folder / last, "__init__.py"):
            return _file(folder / last / "__init__.py")
        return _file(folder / f"{last}.py") if self._holds(folder, f"{last}.py") else None

    def _import_folder(self, folder: Path) -> Path:
        """The folder that imports of a file in `folder` start from: above its topmost package, else a searched folder, else the folder itself."""
        top = folder
        while self._holds(top, "__init__.py") and top.parent != top:
            top = top.parent
        if top != folder:
            # A namespace package is known by a folder that imports certainly start from.
            sure = (root for root in (*self._installed, self.root / "src") if top != root and top.is_relative_to(root))
            return next(sure, top)
        above = [root for root in self._roots if folder.is_relative_to(root)]
        return max(above, key=lambda root: len(root.parts), default=folder)

    @property
    def searches(self) -> tuple[Path, ...]:
        """The folders that are searched, in order."""
        return tuple(self._roots)

    def _holds(self, folder: Path, entry: str) -> bool:
        held = entry in self._listed(folder)
        if self._consulted is not None:
            asked = folder, entry
            if asked not in self._asked:
                self._asked[asked] = frozenset((Seen("entry", os.path.join(folder, entry), "1" if held else ""),))  # noqa: PTH118 (the folder may be long)
            self._consulted.note(self._asked[asked])
        return held

    def _listed(self, folder: Path) -> frozenset[str]:
        listing = self._listings.get(folder)
        if listing is None:
            listing = self._listings[folder] = frozenset(_entries(folder))
        return listing


def _file(path: Path) -> Path | None:
    """The path where it is a file: who reads a pipe that is called like a module waits for ever."""
    return path if is_file(path) else None


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 (only the names are wanted)
    except OSError:
        return []
