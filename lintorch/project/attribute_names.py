"""Which attribute names the other files of a project mention: text alone, read once, for questions that any reader of an attribute would answer."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from lintorch.project.consulted import NOTHING, Consulted, Seen, digest
from lintorch.there import is_file

# Only code that works with torch can hold an instance of a module: it imports torch, or is handed modules and asks something of them that only modules have.
_TORCH = re.compile(
    rb"^[ \t]*(?:from|import)[ \t]+(?:torch|pytorch|lightning)|\b(?:named_)?(?:modules|parameters|children)\(|_hook\(|\.backward\(", re.MULTILINE
)
_NAME = re.compile(rb"(\bself)?(?:\.|['\"])([A-Za-z_]\w*)")
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "venv", "build", "dist"})
_MOST_FILES = 20000


class AttributeNames:
    """The attribute names and short strings in each Python file under `root` that works with torch; where there are too many files, any may be mentioned."""

    def __init__(self, root: Path, consulted: Consulted) -> None:
        self.root, self._consulted = root, consulted
        self._files: dict[str, list[Path]] | None = None
        self._own: dict[str, list[Path]] = {}
        self._too_many = False
        self._seen: frozenset[Seen] = NOTHING

    def mentioned_outside(self, name: str, path: Path, cls: str) -> bool:
        """May another file than `path` read an attribute of that name of an instance of `cls`? Its own self counts only where a file names the class."""
        if self._files is None:
            self._files = self._read()
            self._seen = frozenset((tree(self.root),))
        self._consulted.note(self._seen)
        here = path.absolute()
        if self._too_many or any(other != here for other in self._files.get(name, ())):
            return True
        return any(other != here and _names_class(other, cls) for other in self._own.get(name, ()))

    def _read(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for count, path in enumerate(python_files(self.root)):
            if count >= _MOST_FILES:
                self._too_many = True
                return {}
            for own, name in _names_in(path):
                (self._own if own else found).setdefault(name, []).append(path.absolute())
        return found


def tree(root: Path) -> Seen:
    """What tells one state of all that these questions look at from another: every Python file under `root` that is looked at, with its text."""
    files = itertools.islice(python_files(root), _MOST_FILES + 1)
    return Seen("tree", str(root), digest("\0".join(f"{path}\0{digest(content(path))}" for path in files).encode(errors="surrogatepass")))


def python_files(root: Path) -> Iterator[Path]:
    """The Python files of a project that are its own, in order."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        # A pipe or a device may be called so too, and who reads one waits for ever.
        yield from (file for name in sorted(files) if name.endswith(".py") and is_file(file := Path(folder) / name))


def content(path: Path) -> bytes:
    """What a file holds; nothing where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _names_in(path: Path) -> set[tuple[bool, str]]:
    """The names, and whether it is self that they are asked of."""
    raw = content(path)
    return {(bool(own), name.decode()) for own, name in _NAME.findall(raw)} if _TORCH.search(raw) else set()


def _names_class(path: Path, cls: str) -> bool:
    return re.search(rb"\b%s\b" % re.escape(cls.encode()), content(path)) is not None
