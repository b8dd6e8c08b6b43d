"""A unified diff of what a run would change, fit for `git apply` and `patch`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import PurePath

from lintorch.engine.result import FileResult, Run


def render(run: Run) -> str:
    """The diff of every changed file."""
    return "".join(part for file in run.files for part in _file(file))


def _file(file: FileResult) -> Iterator[str]:
    if file.text is None or file.original is None:
        return
    path = PurePath(file.path).as_posix()
    # Not str.splitlines: patch tools know the newline alone.
    before, after = (_lines(file.original.written(text)) for text in (file.original.text, file.text))
    for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
