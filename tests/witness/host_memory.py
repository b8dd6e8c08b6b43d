"""What a retained graph costs the host after backward: `python -m tests.witness.host_memory` prints the resident bytes that each step adds."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch
from torch import nn

STEPS = 4000


def resident() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def growth(variant: str) -> float:
    """Resident bytes per step of a training loop that adds up its losses with their graphs ("loss"), or detached ("loss.detach()")."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs, targets = torch.randn(32, 64), torch.randint(64, (32,))
    total, before = torch.zeros(()), 0
    for step in range(STEPS + 500):
        if step == 500:
            before = resident()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total = total + (loss if variant == "loss" else loss.detach())
    return (resident() - before) / STEPS


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or ["loss.detach()", "loss"]:
        print(f"total = total + {name}: {growth(name):,.0f} bytes per step")
