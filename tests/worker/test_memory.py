"""Peak live bytes agree with the allocator's own events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from lintorch.worker.memory import LiveBytes

UNIT = 64 * 64 * 4  # bytes of one activation


def named(layers: nn.ModuleList, x: torch.Tensor) -> list[torch.Tensor]:
    kept = [x]
    for layer in layers:
        kept.append(layer(kept[-1]))
    return kept[-1:]


def rebound(layers: nn.ModuleList, x: torch.Tensor) -> torch.Tensor:
    for layer in layers:
        x = layer(x)
    return x


def peak(run: Callable[[], Any], *given: torch.Tensor) -> int:
    with LiveBytes(given) as counter:
        result = run()
    del result
    return counter.peak


def allocated(run: Callable[[], Any]) -> int:
    """The peak of bytes the CPU allocator gave out during `run()`, by the profiler's events."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        result = run()
        del result
    live = highest = 0
    for event in sorted((event for event in recorded.profiler.kineto_results.events() if event.name() == "[memory]"), key=lambda event: event.start_ns()):
        live += event.nbytes()
        highest = max(highest, live)
    return highest


LAYERS = nn.ModuleList(nn.Linear(64, 64) for _ in range(12))
NORMS = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 64), nn.Softmax(dim=-1))


def step(run: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], None]:
    def train(x: torch.Tensor) -> None:
        run(x).sum().backward()
        for parameter in (*LAYERS.parameters(), *NORMS.parameters()):
            parameter.grad = None

    return train


RUNS: dict[str, Callable[[torch.Tensor], Any]] = {
    "named": lambda x: named(LAYERS, x),
    "rebound": lambda x: rebound(LAYERS, x),
    "norms": NORMS,
    "views": lambda x: [x[0].t().reshape(-1), x.view(-1)[::2].contiguous()],
    "in place": lambda x: x.clone().mul_(2).relu_(),
}


@pytest.mark.parametrize("name", RUNS)
def test_agrees_with_the_allocator_in_inference(name: str) -> None:
    x = torch.randn(64, 64)
    with torch.no_grad():
        assert peak(lambda: RUNS[name](x)) == pytest.approx(allocated(lambda: RUNS[name](x)), abs=1024)


@pytest.mark.parametrize("run", [lambda x: rebound(LAYERS, x), NORMS], ids=["layers", "norms"])
def test_agrees_with_the_allocator_in_training(run: Callable[[torch.Tensor], torch.Tensor]) -> None:
    x = torch.randn(64, 64)
    step(run)(x)
    assert peak(lambda: step(run)(x)) == pytest.approx(allocated(lambda: step(run)(x)), rel=0.05)


def test_counts_the_activations_that_names_keep() -> None:
    x = torch.randn(64, 64)
    with torch.no_grad():
        assert peak(lambda: named(LAYERS, x), x) == 13 * UNIT
        assert peak(lambda: rebound(LAYERS, x), x) == 3 * UNIT


def test_does_not_count_what_was_there() -> None:
    x = torch.randn(64, 64)
    assert peak(lambda: x.t()) == 0
    assert peak(lambda: x.add_(1)) == 0


def test_counts_growing_storages() -> None:
    assert peak(lambda: torch.empty(0).resize_(1000)) == 4000
