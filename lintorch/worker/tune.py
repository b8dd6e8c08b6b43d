"""Solving for one input size: how a size far inside depends on it is measured by running, not derived."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

import torch

from .attempt import Bench, Outcome, Plan
from .demand import Size
from .demands import demands
from .plans import get, has, set_at
from .values import Path, Tensor

LARGEST = 1024
_RUNS = 14


class Gap(NamedTuple):
    """A size (or a number of elements) that an operation got, and the one it wants."""

    function: str
    got: int
    want: int


class Knob(NamedTuple):
    """Dimensions of one input that are turned together."""

    path: Path
    dims: Tuple[int, ...]


def tuned(bench: Bench, plan: Plan, outcome: Outcome) -> Optional[Plan]:
    """The plan with one input size such that the operation that failed gets what it wants; None where no single size does that."""
    gap = gap_of(outcome)
    if gap is None:
        return None
    for knob in _knobs(plan, outcome):
        found = _solve(bench, plan, outcome, knob, gap)
        if found is not None:
            return found
    return None


def is_flattening(outcome: Outcome) -> bool:
    """Did a view fail, or a linear layer on an image that was flattened? Then one size inside an image is what is wanted."""
    name = getattr(outcome.operation[0], "__name__", "") if outcome.operation is not None else ""
    return name in ("view", "reshape", "linear") and any(isinstance(made, torch.Tensor) and made.dim() >= 4 for made in outcome.inputs.values())


def gap_of(outcome: Outcome) -> Optional[Gap]:
    """What the failed operation got and wanted, where that is a size."""
    if outcome.operation is None or outcome.error is None:
        return None
    function, args, kwargs = outcome.operation
    name = getattr(function, "__name__", "")
    if name in ("view", "reshape"):
        return _view_gap(name, args)
    for wishes in demands((function, args, kwargs), outcome.error):
        wish = wishes[0]
        if len(wishes) == 1 and isinstance(wish, Size) and outcome.sources.get(id(wish.tensor)) and wish.dim < wish.tensor.dim():
            return Gap(name, wish.tensor.shape[wish.dim], wish.want)
    return None


def _view_gap(name: str, args: Any) -> Optional[Gap]:
    sizes = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list, torch.Size)) else args[1:]
    if not isinstance(args[0], torch.Tensor) or not sizes or not all(isinstance(size, int) for size in sizes):
        return None
    if sizes[0] == -1 and args[0].dim():  # the batch is what is left over: what stands behind it is compared
        return Gap(name, args[0].numel() // max(args[0].shape[0], 1), math.prod(sizes[1:]))
    return None if -1 in sizes else Gap(name, args[0].numel(), math.prod(sizes))


def _knobs(plan: Plan, outcome: Outcome) -> Iterator[Knob]:
    """The sizes that may be turned: both sides of images together, then single ones, never a batch or a channel."""
    assert outcome.operation is not None
    behind: List[Path] = sorted({path for tensor in _tensors(outcome) for path in outcome.sources.get(id(tensor), ())}, key=str)
    for path in behind:
        leaf = get(plan.call, path) if has(plan.call, path) else None
        if not isinstance(leaf, Tensor) or len(leaf.shape) < 2:
            continue
        rank = len(leaf.shape)
        if rank >= 4:
            yield Knob(path, (rank - 2, rank - 1))
        yield Knob(path, (rank - 1,))
        if rank >= 3:
            yield Knob(path, (rank - 2,))


def _tensors(outcome: Outcome) -> List[torch.Tensor]:
    assert outcome.operation is not None
    return [value for value in outcome.operation[1] if isinstance(value, torch.Tensor)]


def _turned(plan: Plan, knob: Knob, size: int) -> Plan:
    leaf = get(plan.call, knob.path)
    assert isinstance(leaf, Tensor)
    sizes = list(leaf.shape)
    for dim in knob.dims:
        sizes[dim] = size
    return replace(plan, call=set_at(plan.call, knob.path, replace(leaf, shape=tuple(sizes))))


def _solve(bench: Bench, plan: Plan, outcome: Outcome, knob: Knob, gap: Gap) -> Optional[Plan]:
    """Bisect: what is got grows with the size, if it depends on it at all."""
    leaf = get(plan.call, knob.path)
    assert isinstance(leaf, Tensor)
    low, high = 1, LARGEST
    size = _guess(leaf.shape[knob.dims[0]], gap, len(knob.dims))
    for _ in range(_RUNS):
        size = max(low, min(size, high))
        trial = _turned(plan, knob, size)
        seen = bench.run(trial)
        if seen.rank > outcome.rank:
            return trial
        now = gap_of(seen)
        if now is None or now.function != gap.function:  # it stopped earlier: too small, or too much
            if seen.rank[0] < outcome.rank[0] or not _is_small(seen):
                return None
            low = size + 1
        elif now.got < now.want:
            low = size + 1
        else:
            high = size - 1
        if low > high:
            return None
        size = (low + high) // 2 if high < LARGEST else size * 2
    return None


def _is_small(outcome: Outcome) -> bool:
    return any(word in str(outcome.error) for word in ("too small", "Kernel size", "Padding size", "greater than actual", "less than"))


def _guess(now: int, gap: Gap, dims: int) -> int:
    """The size that would do if what is got were proportional to it."""
    return max(int(round(now * (gap.want / max(gap.got, 1)) ** (1 / dims))), 1)
