"""When the search goes on without values: only where the nearest attempt was stopped by its size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lintorch.worker.load import Loaded
from lintorch.worker.search import search

Load = Callable[..., Loaded]
HINTS: Any = {"examples": [], "usages": [], "lines": [], "methods": []}
SMALL: Any = {"seconds": 20.0, "bytes": 16_000_000}  # a million elements
NET = """import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1024, 1024), nn.Linear(1024, 1024))

    def forward(self, x):
        return self.layers(x)
"""


def test_a_module_over_the_threshold_has_a_recipe_without_values(project: Load) -> None:
    found: Any = search(project("Net", {"net.py": NET}), HINTS, SMALL)
    assert found.get("fake") is True, found
    assert "1024" in found["hint"]


def test_the_same_module_below_the_threshold_is_run(project: Load) -> None:
    found: Any = search(project("Net", {"net.py": NET}), HINTS, {**SMALL, "bytes": 1 << 30})
    assert "failure" not in found and "fake" not in found


def test_what_fails_for_another_reason_is_no_more_than_a_failure(project: Load) -> None:
    text = NET.replace("return self.layers(x)", "raise ValueError('never')").replace("1024", "32")
    found: Any = search(project("Net", {"net.py": text}), HINTS, SMALL)
    assert "never" in found["failure"]


def test_what_neither_way_runs_is_said_to_need_memory(project: Load) -> None:
    found: Any = search(project("Net", {"net.py": NET.replace("return self.layers(x)", "raise ValueError('never')")}), HINTS, SMALL)
    assert "more memory than the search may use" in found["failure"]
