"""The file system as it is now, asked the questions that earlier answers rest on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from lintorch.project.attribute_names import tree
from lintorch.project.consulted import Seen, digest


class Present:
    """Answers each question once: make one for each run."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._folders: dict[str, frozenset[str]] = {}

    def holds(self, seen: Iterable[Seen]) -> bool:
        """Would every question be answered as it was?"""
        return all(self.answer(kind, what) == answer for kind, what, answer in seen)

    def answer(self, kind: str, what: str) -> str:
        """The answer of now; an unknown kind of question has none, so that whatever rests on it is out of date."""
        known = self._known.get((kind, what))
        if known is None:
            known = self._known[kind, what] = self._answered(kind, what)
        return known

    def _answered(self, kind: str, what: str) -> str:
        if kind == "file":
            return _file_digest(what)
        if kind == "entry":
            folder, name = os.path.split(what)
            return "1" if name in self._names(folder) else ""
        return tree(Path(what)).answer if kind == "tree" else "unknown"

    def _names(self, folder: str) -> frozenset[str]:
        if folder not in self._folders:
            try:
                self._folders[folder] = frozenset(os.listdir(folder))  # noqa: PTH208 (only the names are wanted)
            except OSError:
                self._folders[folder] = frozenset()
        return self._folders[folder]


def _file_digest(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (thousands of files: Path.open costs as much again)
            return digest(file.read())
    except OSError:
        return ""
