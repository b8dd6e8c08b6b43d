"""The retention witness: runs a loop and tells how many autograd nodes and how many bytes each step leaves alive."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from .witness_live import Observer

__all__ = ["Loop", "Step", "Steps", "Witness", "WitnessError", "measure", "measure_loop"]

WARMUP = 4
STEPS = 8

Step = Callable[[], object]


class WitnessError(Exception):
    """The loop ended before the steps asked for were taken, so nothing was measured."""


@dataclass(frozen=True)
class Witness:
    """What a loop keeps alive after `2 * steps` steps behind a warm-up.

    `nodes_per_step` and `bytes_per_step` grow without end as measured; `held_nodes` and `held_bytes` are alive after the last step (nodes and storages made
    by the steps only, gradients among them), `peak_bytes` is the most alive within one. `collectable`: what grows lies in reference cycles and goes when the
    garbage collector runs; else the figures are those with a collection after each step. `levels` are the (nodes, bytes) alive after each step, those of
    the warm-up included.
    """

    steps: int
    nodes_per_step: float
    bytes_per_step: float
    held_bytes: int
    held_nodes: int
    peak_bytes: int
    collectable: bool
    levels: tuple[tuple[int, int], ...] = ()

    @property
    def grows(self) -> bool:
        """Whether each step leaves something behind."""
        return self.nodes_per_step > 0 or self.bytes_per_step > 0

    def as_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)


class Steps(Iterator[int]):
    """Counts the steps of a loop: each `next` ends one step, takes its levels and begins the next.

    Iterate it once per step, or let a data loader do it: `((torch.randn(8, 4), torch.randn(8, 1)) for _ in steps)`.
    """

    def __init__(self, observer: Observer, total: int, collect: bool) -> None:
        self.levels: list[tuple[int, int]] = []
        self._observer = observer
        self._total = total
        self._collect = collect
        self._begun = 0

    def __len__(self) -> int:
        return self._total

    def __next__(self) -> int:
        """The number of the step that begins, from 0; StopIteration after the last."""
        if self._begun == 0:
            self._observer.begin()
        elif len(self.levels) < self._begun:
            self._end_step()
        if self._begun == self._total:
            raise StopIteration
        self._begun += 1
        return self._begun - 1

    def _end_step(self) -> None:
        if self._collect:
            gc.collect()
        self.levels.append(self._observer.level())


Loop = Callable[[Steps], object]


def measure(make: Callable[[], Step], steps: int = STEPS, warmup: int = WARMUP) -> Witness:
    """Measures the step function that `make` returns; `make` is called anew for each of the two runs.

    Raises what `make` and the step raise.
    """

    def loop(ticks: Steps) -> None:
        step = make()
        for _ in ticks:
            step()

    return measure_loop(loop, steps, warmup)


def measure_loop(run: Loop, steps: int = STEPS, warmup: int = WARMUP) -> Witness:
    """Measures a function that holds its loop inside and takes the steps from the iterator it is given.

    It is run twice from the same seed, without garbage collection and with one after each step. At a step's end the loop's own names still hold what
    that step bound to them, as they do in the program. Raises WitnessError if the loop takes too few steps, and what `run` raises.
    """
    if steps < 1 or warmup < 1:
        raise ValueError("a witness needs at least one step and one step of warm-up")
    try:
        free, free_peak = _observe(run, warmup + 2 * steps, collect=False)
        swept, swept_peak = _observe(run, warmup + 2 * steps, collect=True)
    finally:
        gc.collect()  # what ran may have left cycles, and the witness leaves nothing behind
    leaked = replace(_witness(swept[warmup - 1 :], steps, swept_peak, collectable=False), levels=tuple(swept))
    if leaked.grows:
        return leaked
    uncollected = replace(_witness(free[warmup - 1 :], steps, free_peak, collectable=True), levels=tuple(free))
    return uncollected if uncollected.grows else leaked


def _observe(run: Loop, total: int, collect: bool) -> tuple[list[tuple[int, int]], int]:
    """Levels (nodes, bytes) after each step, and the peak of bytes."""
    with torch.random.fork_rng(devices=[]), _still_collector():
        torch.default_generator.manual_seed(0)
        observer = Observer()
        ticks = Steps(observer, total, collect)
        with observer:
            run(ticks)
    if len(ticks.levels) < total:
        raise WitnessError(f"the loop took {len(ticks.levels)} of {total} steps")
    return ticks.levels, observer.peak


@contextlib.contextmanager
def _still_collector() -> Iterator[None]:
    """Keeps the collector from running by itself; what is frozen meanwhile is thawed afterwards, unless somebody had frozen objects before."""
    enabled, frozen = gc.isenabled(), gc.get_freeze_count()
    gc.disable()
    try:
        yield
    finally:
        if not frozen:
            gc.unfreeze()
        if enabled:
            gc.enable()


def _witness(levels: list[tuple[int, int]], steps: int, peak: int, collectable: bool) -> Witness:
    """`levels` begins with the level after the warm-up and has 2 * steps more."""
    nodes, sizes = [level[0] for level in levels], [level[1] for level in levels]
    return Witness(steps, _growth(nodes, steps), _growth(sizes, steps), sizes[-1], nodes[-1], peak, collectable)


def _growth(levels: list[int], steps: int) -> float:
    """Growth per step that the second half shows as the first half does.

    Of two readings the smaller: the last level against the middle one is fooled by what fills and empties in turn, the lowest of each half by what
    fills up once (a bounded queue) and then stays.
    """
    ends = levels[2 * steps] - levels[steps]
    floors = min(levels[steps:]) - min(levels[: steps + 1])
    return max(0, min(ends, floors)) / steps
