"""Calls that have backward run on what they are given: `self.update(loss)`, where the method runs `loss.backward()` whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import Backward, anchored, backward_calls, roots_of
from lintorch.flow.event import Binding, Kind, Region, RegionKind
from lintorch.flow.handing import parameters_of
from lintorch.flow.segment import Unmappable

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import FunctionEntry

_STRAIGHT = (RegionKind.WITH, RegionKind.TRY)


def handed_backwards(training: TrainingFlow) -> Iterator[Backward]:
    """The calls of functions of the project that run backward on an argument, in order."""
    for event in training.flow.graph.events:
        call = event.node if event.kind is Kind.CALL else None
        if not isinstance(call, cst.Call) or not call.args:
            continue
        entry = training.wanting.named(call)
        if entry is None or entry is training.flow.entry or "backward" not in entry.mentions:
            continue
        run_on = _run_on(training, entry)
        roots = [(root, run_on[parameter]) for value, parameter in parameters_of(call, entry) if parameter in run_on for root in roots_of(value)]
        if roots:
            yield Backward(event, tuple(root for root, _ in roots), any(retains for _, retains in roots), handed=True)


def _run_on(training: TrainingFlow, entry: FunctionEntry) -> dict[str, bool]:
    """The parameters that a function always runs backward on, and whether their graphs outlive it."""
    if "runs backward on" not in entry.memo:
        entry.memo["runs backward on"] = {}
        with suppress(Unmappable):
            entry.memo["runs backward on"] = dict(_found(training, entry))
    found: dict[str, bool] = entry.memo["runs backward on"]
    return found


def _found(training: TrainingFlow, entry: FunctionEntry) -> Iterator[tuple[str, bool]]:
    other = training.flow.of(entry)
    calls = [backward for backward in backward_calls(other.graph) if _is_straight(backward.event.region)]
    for made, backward in anchored(calls, other.chains, other.training.loads).items():
        if made.binding is Binding.PARAMETER:
            yield made.name, backward.retains


def _is_straight(region: Region) -> bool:
    """Does the code of the region run whenever the function does?"""
    while region.kind in _STRAIGHT and region.parent is not None:
        region = region.parent
    return region.kind is RegionKind.BODY
