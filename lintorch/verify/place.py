"""Where a file stands for the import system: its dotted name, and the folders that imports start from."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from lintorch.project.locate import Locator, plain_path
from lintorch.source.notebook import SUFFIX
from lintorch.source.root import find_root
from lintorch.there import is_folder


def import_place(path: Path) -> tuple[str, tuple[str, ...]]:
    """The dotted name of a file and the folders to put before sys.path, the one it is imported from first."""
    path = plain_path(path)
    root = find_root(path)
    if path.suffix == SUFFIX:  # nothing can import it, and its name may be any
        return f"notebook_{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}", tuple(dict.fromkeys(map(str, (path.parent, root))))
    dotted, is_package = _locator(root).name(path)
    start = path.parents[dotted.count(".") + is_package]
    folders = (start, root / "src", root)
    return dotted, tuple(dict.fromkeys(str(folder) for folder in folders if is_folder(folder)))


@functools.lru_cache(maxsize=64)
def _locator(root: Path) -> Locator:
    return Locator(root, ())
