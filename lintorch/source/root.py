"""The folder that a file's project begins at."""

from __future__ import annotations

import os
from pathlib import Path

from lintorch.there import exists, is_folder

_MARKS = ("pyproject.toml", ".git", "setup.py", "setup.cfg", ".hg")


def find_root(path: Path) -> Path:
    """The nearest folder at or above `path` that marks a project (pyproject.toml, .git, setup.py, ...); else the folder that holds the file's package."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links)
    folder = path if is_folder(path) else path.parent
    return next(filter(is_marked, (folder, *folder.parents)), None) or _outside_packages(folder)


def is_marked(folder: Path) -> bool:
    """Does a folder mark a project?"""
    return any(exists(folder / mark) for mark in _MARKS)


def _outside_packages(folder: Path) -> Path:
    while exists(folder / "__init__.py") and folder != folder.parent:
        folder = folder.parent
    return folder
