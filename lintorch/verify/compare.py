"""Compares what two children observed, by the digests they sent. No tensor is looked at here, and no torch is needed.

Equality of digests is equality of bytes. How much a difference amounts to, and whether it is within tolerance, is asked of a third child that
runs nobody's code (worker/differences.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Sections of a run that decide. Warnings and prints are observed too: a difference there alone is no refutation, and no yes either.
DECIDING = ("raised", "output", "gradient", "argument", "state", "attributes", "globals")
HEARD = ("warnings", "prints")
_OUT_OF_MEMORY = ("MemoryError", "not enough memory", "can't allocate memory", "OutOfMemoryError")


@dataclass(frozen=True)
class Difference:
    """A section of a run that differs."""

    run: str
    section: str

    def __str__(self) -> str:
        return f"{self.section} {'differ' if self.section.endswith('s') else 'differs'} ({self.run})"


Run = Mapping[str, Any]


def differences(before: Sequence[Run], after: Sequence[Run], sections: Iterable[str]) -> list[Difference]:
    """The sections that differ, run by run in order."""
    wanted = tuple(sections)
    pairs = zip(before, after, strict=False)
    found = [Difference(old["key"], section) for old, new in pairs for section in wanted if old["digests"][section] != new["digests"][section]]
    if len(before) != len(after):
        found.append(Difference("plan", "number of runs"))
    return found


def first_raise(runs: Sequence[Run]) -> tuple[str, str] | None:
    """The first run that raised and what; None if none did."""
    return next(((run["key"], run["raised"]) for run in runs if run["raised"]), None)


def is_out_of_memory(raised: str) -> bool:
    """Does what was raised say only that the limits were too narrow?"""
    return any(sign in raised for sign in _OUT_OF_MEMORY)


def vacuous(runs: Sequence[Run]) -> str | None:
    """Why these runs show nothing, if they do not: every output NaN, or constant whatever goes in."""
    outlooks = {run["outlook"] for run in runs}
    if "good" in outlooks:
        return None
    if outlooks == {"nan"}:
        return "every output is NaN or infinite"
    outputs: dict[str, set[str]] = {}
    for run in runs:
        outputs.setdefault(run["key"].split(", ")[1], set()).add(run["digests"]["output"])
    return "outputs are constant" if all(len(found) == 1 for found in outputs.values()) else None


def initial_difference(before: Mapping[str, tuple[str, bool]], after: Mapping[str, tuple[str, bool]]) -> tuple[str, bool] | None:
    """The first tensor constructed differently under the same seed, and whether it is certain (a constant, not a draw)."""
    for path, (digest, constant) in before.items():
        other = after.get(path)
        if other is not None and other[0] != digest:
            return path, constant and other[1]
    return None
