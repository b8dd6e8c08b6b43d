"""Which files a child read or looked for, as Python's own audit events tell: a verdict rests on them, and on nobody else having written them since."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any, Iterable, List, Optional, Set, Tuple

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_SYSTEM = tuple(os.path.join(os.sep + folder, "") for folder in ("proc", "sys", "dev"))
_PACKAGES = ("site-packages", "dist-packages")


class Opened:
    """Notes what is opened for reading, imports among it, from `begin` on. What C code opens by itself (a mapped checkpoint) raises no event.

    Files of Python and of `packages`, whose versions are known otherwise, are left aside, and so is whatever is below `temp`.
    """

    def __init__(self, packages: Iterable[str], temp: str) -> None:
        self._standard = os.path.join(os.path.dirname(os.__file__), "")
        self._aside = (*_SYSTEM, os.path.join(temp, ""), *(os.path.join(folder, "") for folder in packages))
        self._noted: Set[str] = set()

    def begin(self) -> None:
        """Listen for as long as this process lives: audit hooks cannot be taken back."""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: Tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            if type(path) is str and not (isinstance(flags, int) and flags & _WRITING) and not (isinstance(mode, str) and set(mode) & set("wax+")):
                self._noted.add(path)
        elif event == "import" and type(arguments[1]) is str:  # a compiled module
            self._noted.add(arguments[1])

    @property
    def files(self) -> List[str]:
        """What was noted, absolute and in order; compiled files count as their sources."""
        found = {self._told(path) for path in self._noted.copy()}
        return sorted(path for path in found if path)

    def _told(self, noted: str) -> Optional[str]:
        path = os.path.abspath(noted)
        if path.startswith(self._standard) and not path[len(self._standard) :].startswith(_PACKAGES):
            return None
        if path.startswith(self._aside) or "\0" in path or os.path.isdir(path):
            return None
        return _source(path)


def _source(path: str) -> str:
    if path.endswith(".pyc"):
        try:
            return importlib.util.source_from_cache(path)
        except (ValueError, NotImplementedError):
            return path
    return path
