"""The witness turned on lintorch's own verifier: observing a module, and tracing it, keeps nothing of it alive from one run to the next."""

from __future__ import annotations

import torch
from torch import nn

from lintorch.worker.measure import traces
from lintorch.worker.observe import in_brief
from lintorch.worker.protocol import Plan
from lintorch.worker.runs import Runner, Sink, Subject, Variant
from lintorch.worker.witness import Steps, measure_loop

PLAN = Plan(seeds=[0], modes=["train", "eval"], repeats=1)


class Net(nn.Module):
    """Keeps its outputs where it is asked to: what the verifier runs may do so, and then it shows."""

    def __init__(self, keeps: bool) -> None:
        super().__init__()
        self.layer, self.norm, self.drop = nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Dropout(0.3)
        self.kept: list[torch.Tensor] | None = [] if keeps else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.drop(self.norm(torch.tanh(self.layer(x))))
        if self.kept is not None:
            self.kept.append(y)
        return y


def subject(keeps: bool) -> Subject:
    torch.manual_seed(0)
    x = torch.randn(4, 6)
    return Subject(Net(keeps), [Variant(("__call__", (x,), {}), {0: [x]}, with_grad=True)], {})


def observing(steps: Steps, keeps: bool) -> None:
    runner = Runner(subject(keeps), PLAN, in_brief, Sink())
    for _ in steps:
        for _seen in runner.run_all():
            pass


def test_observing_keeps_nothing() -> None:
    seen = measure_loop(lambda steps: observing(steps, keeps=False))
    assert not seen.grows, seen


def test_what_the_module_itself_keeps_is_seen() -> None:
    assert measure_loop(lambda steps: observing(steps, keeps=True)).grows


def test_tracing_keeps_nothing() -> None:
    def tracing(steps: Steps) -> None:
        traced = subject(keeps=False)
        for _ in steps:
            traces(traced, PLAN, Sink())

    seen = measure_loop(tracing)
    assert not seen.grows, seen
