"""What a page shows of two runs beside the verdict: live bytes over operations, and the gradients that were compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# (number of operations done, bytes live then) for as many points as were kept.
Series = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Gradient:
    """A gradient of one call, before and after: its largest magnitude (None where it has none), and whether its bytes are equal."""

    name: str
    kind: str
    largest: tuple[float | None, float | None]
    equal: bool


@dataclass(frozen=True)
class Figures:
    """Live bytes of forward under no_grad and of a training step, (before, after), and the gradients; `left_out` counts gradients beyond those."""

    forward: tuple[Series, Series] | None
    training: tuple[Series, Series] | None
    gradients: tuple[Gradient, ...]
    left_out: int = 0

    @classmethod
    def of(cls, before: Mapping[str, Any], after: Mapping[str, Any]) -> Figures:
        """What two workers measured, side by side."""
        later = {one["name"]: one for one in after["gradients"]}
        gradients = [_gradient(one, later[one["name"]]) for one in before["gradients"] if one["name"] in later]
        return cls(_both(before, after, "forward"), _both(before, after, "training"), tuple(gradients), before["left_out"])


def _both(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> tuple[Series, Series] | None:
    if not before[name] or not after[name]:
        return None
    return tuple((place, size) for place, size in before[name]), tuple((place, size) for place, size in after[name])


def _gradient(before: Mapping[str, Any], after: Mapping[str, Any]) -> Gradient:
    same = before["digest"] is not None and before["digest"] == after["digest"] and before["kind"] == after["kind"]
    return Gradient(before["name"], before["kind"], (before["largest"], after["largest"]), same)
