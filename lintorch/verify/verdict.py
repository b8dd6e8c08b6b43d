"""The change a verdict is asked for, and the verdict."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lintorch.source.text import Span
from lintorch.verify.figures import Figures


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
    `retention`: the change is about what is kept alive, so that whether kept values have a graph is no difference, and less must be kept after it.
    """

    path: Path
    symbol: str
    old: str
    new: str
    old_lines: tuple[int, ...] = ()
    probes: tuple[Span, ...] = ()
    retention: bool = False


Levels = tuple[tuple[int, int], ...]  # (nodes, bytes) alive after each step


@dataclass(frozen=True)
class Retained:
    """What a loop keeps alive, before and after a change: growth per step behind a warm-up of some steps, what is held after the last, the levels of all."""

    steps: int
    nodes_per_step: tuple[float, float]
    bytes_per_step: tuple[float, float]
    held_nodes: tuple[int, int]
    held_bytes: tuple[int, int]
    peak_bytes: tuple[int, int]
    sound: bool = True
    levels: tuple[Levels, Levels] = ((), ())

    @classmethod
    def of(cls, before: Mapping[str, Any], after: Mapping[str, Any], sound: bool = True) -> Retained:
        """Two measurements of a worker side by side; `sound` says that nothing but the values of what was given is made up."""
        pairs = {name: (before[name], after[name]) for name in ("nodes_per_step", "bytes_per_step", "held_nodes", "held_bytes", "peak_bytes")}
        levels = tuple((nodes, size) for nodes, size in before["levels"]), tuple((nodes, size) for nodes, size in after["levels"])
        return cls(before["steps"], **pairs, sound=sound, levels=levels)

    @property
    def falls(self) -> bool:
        """Is less kept alive after the change, and nothing more that grows?"""
        growth = (self.nodes_per_step, self.bytes_per_step)
        if any(after > before for before, after in growth):
            return False
        if any(after < before for before, after in growth):
            return True
        levels = (self.held_nodes, self.held_bytes, self.peak_bytes)
        return any(after < before for before, after in levels)

    @property
    def shows_nothing(self) -> bool:
        """Does the measurement contradict that anything is kept: no growth, and no lower level after the change?"""
        return self.sound and not any((self.nodes_per_step[0], self.bytes_per_step[0])) and not self.falls

    @property
    def told(self) -> str:
        """`nodes +21 per step, bytes +8.2 kB per step; after the fix 0 / 0`."""
        nodes, size = self.nodes_per_step, self.bytes_per_step
        if any((*nodes, *size)):
            return f"nodes {nodes[0]:+g} per step, bytes {_size(size[0])} per step; after the fix {nodes[1]:g} / {_size(size[1], sign=False)}"
        held, peak = self.held_bytes, self.peak_bytes
        return (
            f"no growth; held {self.held_nodes[0]} nodes and {_size(held[0], sign=False)}, peak {_size(peak[0], sign=False)}; "
            f"after the fix {self.held_nodes[1]} nodes and {_size(held[1], sign=False)}, peak {_size(peak[1], sign=False)}"
        )


def _size(count: float, sign: bool = True) -> str:
    plus = "+" if sign and count >= 0 else ""
    return f"{plus}{count / 1000:.1f} kB" if abs(count) >= 1000 else f"{plus}{count:g}{'' if count == 0 else ' B'}"


@dataclass(frozen=True)
class Verdict:
    """What running both versions showed, and on what the statement rests.

    `inputs` describes each forward argument (`float32[2, 10]`); `peak_bytes` is (before, after) of forward under no_grad, or None where not measured.
    `peak_training` is the same of a training step. `notes` say what a reader must know of how the target was built.
    `example` is the line that builds and calls what ran, as a user could have given it. `figures` is what a page shows of the runs, where it was asked for.
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
    example: str | None = None
    peak_training: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    retained: Retained | None = None
    figures: Figures | None = None
