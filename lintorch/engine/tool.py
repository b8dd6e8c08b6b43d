"""Which lintorch this is, so exactly that no two that may say different things are the same."""

from __future__ import annotations

import functools
import importlib.metadata
import os
from collections.abc import Iterator
from pathlib import Path

from lintorch import __version__
from lintorch.catalogue import load_catalogue
from lintorch.project.consulted import digest


@functools.cache
def tool_mark() -> str:
    """The versions of lintorch and libcst, and the state of every file of lintorch and of the rule packs: a checkout changes under one version."""
    folders = {Path(__file__).parent.parent, *(registered.page_path.parent for registered in load_catalogue().rules)}
    states = [state for folder in sorted(folders) for state in sorted(_states(str(folder)))]
    return digest(repr((__version__, importlib.metadata.version("libcst"), states)).encode(errors="surrogatepass"))


def _states(folder: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir() and entry.name != "__pycache__":
                yield from _states(entry.path)
            elif entry.name.endswith(".py"):
                status = entry.stat()
                yield entry.path, status.st_size, status.st_mtime_ns
