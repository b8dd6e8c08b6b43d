"""The change a verdict is asked for, and the verdict."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from lintorch.source.text import Span


class Status(enum.Enum):
    """What was seen, strongest first."""

    SAME_TRACE = "same-trace"
    TESTED = "tested"
    CLOSE = "close"
    UNDECIDED = "undecided"
    REFUTED = "refuted"


@dataclass(frozen=True)
class Change:
    """All edits of one class (or free function) of one file: two whole texts and what must be seen of the difference.

    `symbol` is the class's (or function's) qualified name in the file. `old_lines` are the 1-based lines of `old` that must have run.
    `probes` are spans of expressions in `new`; each, deliberately altered, must change something observed (the canary).
    """

    path: Path
    symbol: str
    old: str
    new: str
    old_lines: tuple[int, ...] = ()
    probes: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What running both versions showed, and on what the statement rests.

    `inputs` describes each forward argument (`float32[2, 10]`); `peak_bytes` is (before, after) of forward under no_grad, or None where not measured.
    `peak_training` is the same of a training step. `notes` say what a reader must know of how the target was built.
    `reason` is None only for same-trace and tested. `hint` is a ready example line for the user to complete where nothing could be built.
    """

    status: Status
    reason: str | None = None
    inputs: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    modes: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    gradients: str = "compared"
    peak_bytes: tuple[int, int] | None = None
    hint: str | None = None
    peak_training: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
