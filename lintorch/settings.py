"""The settings in force: a frozen value with defaults. Reading them from pyproject.toml is the doors' work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


class UsageError(Exception):
    """Something asked for that cannot be done; str() is the one line a user sees: what, where, and what to do."""


@dataclass(frozen=True)
class Settings:
    """What a run was asked to do. `line_length` counts code points; `examples` maps a class name to example calls.

    `root` is the folder that `exclude` and `per_file_ignores` are relative to. `illustrated`: a page with pictures is made of the run, so that results
    carry the text of their files and what is drawn. These two are never set by a configuration file.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    line_length: int = 88
    single_use_style: str = "nested"
    allow: str = "tested"
    fail_on: str = "warning"
    severity: Mapping[str, str] = field(default_factory=dict)
    unused_ignores: bool = False
    include_generated: bool = False
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    python: str | None = None
    jobs: int = 0
    time_limit: float = 60.0
    memory_limit: int = 4 << 30
    min_isolation: str = "rlimits only"
    root: Path = field(default_factory=Path)
    illustrated: bool = False


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the known word closest to a mistyped one, or nothing where none is close."""
    import difflib

    folded, names = word.casefold(), {name.casefold(): name for name in known}
    close = difflib.get_close_matches(folded, names, n=max(1, len(names)), cutoff=0.5)
    # A slip changes a letter where it stands: among equally close words the one with most letters in their places.
    best = max(close, key=lambda name: (difflib.SequenceMatcher(None, name, folded).ratio(), sum(map(str.__eq__, name, folded))), default=None)
    return f"; did you mean {names[best]}?" if best is not None else ""
