"""The settings in force: a frozen value with defaults. Reading them from pyproject.toml is the doors' work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """What a run was asked to do. `line_length` counts code points; `examples` maps a class name to example calls."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    line_length: int = 88
    single_use_style: str = "nested"
    allow: str = "tested"
    fail_on: str = "warning"
    include_generated: bool = False
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    python: str | None = None
    jobs: int = 0
    time_limit: float = 60.0
    memory_limit: int = 4 << 30
