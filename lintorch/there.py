"""Is a file or folder there? Without an answer there is none: pathlib's own questions raise where a folder on the way may not be searched."""

from __future__ import annotations

import os
from pathlib import Path


def exists(path: Path) -> bool:
    """Is there anything at a path?"""
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: Path) -> bool:
    """Is there a regular file at a path?"""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Is there a folder at a path?"""
    return os.path.isdir(path)  # noqa: PTH112
