"""Patterns that leave files out: .gitignore files as git reads them, and `exclude` settings in the same language."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lintorch.there import exists

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


class Ignores:
    """Patterns relative to the folder they stand in (an absolute path without links)."""

    def __init__(self, folder: str, lines: Iterable[str]) -> None:
        # To git, "x/**" speaks of everything in x and not of x, which pathspec does not tell apart.
        self._spec = _spec(tuple(f"{line.rstrip()}/*" if line.rstrip().endswith("/**") else line for line in lines))
        self._prefix = folder.rstrip(os.sep) + os.sep

    def verdict(self, path: str) -> bool | None:
        """Is an absolute path left out (True), kept by a negated pattern (False), or not spoken of (None)? Folders end in a separator."""
        inner = path[len(self._prefix) :] if path.startswith(self._prefix) else path.lstrip(os.sep)
        verdict: bool | None = self._spec.check_file(inner.replace(os.sep, "/")).include
        return verdict


def leaves_out(ignores: Sequence[Ignores], path: str) -> bool:
    """Do the patterns leave a path out? The last that speak of it decide, as with .gitignore files from the root down."""
    return next((verdict for ignore in reversed(ignores) if (verdict := ignore.verdict(path)) is not None), False)


def folder_ignores(folder: str, entries: Container[str]) -> tuple[Ignores, ...]:
    """The patterns of a folder's .gitignore, and at the top of a repository those of .git/info/exclude before them."""
    names = (name for name, needed in ((".git/info/exclude", ".git"), (".gitignore", ".gitignore")) if needed in entries)
    return tuple(Ignores(folder, lines) for name in names if (lines := _read(Path(folder, name))))


def enclosing_ignores(folder: str) -> tuple[Ignores, ...]:
    """The patterns above a folder up to the top of its repository, outermost first; none where there is no repository."""
    above = [str(parent) for parent in Path(folder).parents]
    top = next((index for index, parent in enumerate([folder, *above]) if exists(Path(parent, ".git"))), 0)
    return tuple(ignores for parent in reversed(above[:top]) for ignores in folder_ignores(parent, os.listdir(parent)))  # noqa: PTH208 (names only)


def _read(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []


@lru_cache(maxsize=256)
def _spec(lines: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:  # git passes over lines it cannot read; pathspec refuses the whole file
        return GitIgnoreSpec.from_lines(line for line in lines if _is_readable(line))


def _is_readable(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
