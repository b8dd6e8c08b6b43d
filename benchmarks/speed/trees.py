"""The trees that are measured: pinned packages, and projects of a given size made of files of one."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.packages import CACHE, PINNED, download, put_under_git, unpack

FOLDER = CACHE / "speed"


@dataclass(frozen=True)
class Tree:
    """A folder of Python files."""

    name: str
    folder: Path
    files: int
    lines: int

    def __str__(self) -> str:
        return f"{self.name} ({self.files:,} files, {self.lines:,} lines)"


def whole(name: str) -> Tree:
    """A pinned package as it was published."""
    package = PINNED[name]
    return _counted(str(package), unpack(download(package), FOLDER / name))


def part(tree: Tree, lines: int) -> Tree:
    """A project of about so many lines: files of a tree, drawn the same way each time."""
    folder = FOLDER / f"{tree.folder.name}-{lines}"
    shutil.rmtree(folder, ignore_errors=True)
    paths = sorted(tree.folder.rglob("*.py"))
    random.Random(0).shuffle(paths)
    left = lines
    for path in paths:
        if (length := _length(path)) <= left * 1.02:
            copy = folder / path.relative_to(tree.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            left -= length
    put_under_git(folder)
    return _counted(f"{lines:,} lines of {tree.name}", folder)


def _counted(name: str, folder: Path) -> Tree:
    paths = list(folder.rglob("*.py"))
    return Tree(name, folder, len(paths), sum(map(_length, paths)))


def _length(path: Path) -> int:
    return path.read_bytes().count(b"\n")
