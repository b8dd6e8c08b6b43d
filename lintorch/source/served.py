"""Paths as servers know them: with slashes, and from the folder of the run, which is the top of the checkout."""

from __future__ import annotations

from pathlib import Path, PurePath


def served(path: str) -> str:
    """The path from the current folder where it is below it, else as it was given."""
    pure = PurePath(path)
    here = Path.cwd()
    return (pure.relative_to(here) if pure.is_relative_to(here) else pure).as_posix()
