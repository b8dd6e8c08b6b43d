"""Where a file stands for the import system: its dotted name, and the folders that imports start from."""

from __future__ import annotations

import functools
from pathlib import Path

from lintorch.project.locate import Locator, plain_path
from lintorch.source.root import find_root


def import_place(path: Path) -> tuple[str, tuple[str, ...]]:
    """The dotted name of a file and the folders to put before sys.path, the one it is imported from first."""
    path = plain_path(path)
    root = find_root(path)
    dotted, is_package = _locator(root).name(path)
    start = path.parents[dotted.count(".") + is_package]
    folders = (start, root / "src", root)
    return dotted, tuple(dict.fromkeys(str(folder) for folder in folders if folder.is_dir()))


@functools.lru_cache(maxsize=64)
def _locator(root: Path) -> Locator:
    return Locator(root, ())
