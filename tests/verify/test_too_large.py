"""A module of more than a billion parameters: traced without values within a gigabyte of memory, and never called equal for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintorch.settings import Settings
from lintorch.verify.verdict import Change, Status
from lintorch.verify.verifier import Verifier

BIG = """import torch
from torch import nn


class Big(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(16384, 16384) for _ in range(4)])
        self.head = nn.Linear(16384, classes)

    def forward(self, x):
        for layer in self.layers:
            y = torch.relu(layer(x))
            x = x + y
        return self.head(x)
"""
TWO_LINES = "y = torch.relu(layer(x))\n            x = x + y"


@pytest.fixture(scope="module")
def within_a_gigabyte() -> object:
    with Verifier(Settings(time_limit=60, min_isolation="none", memory_limit=1 << 30)) as running:
        yield running


@pytest.mark.parametrize(("line", "told"), [("x = x + torch.relu(layer(x))", "equal"), ("x = x - torch.relu(layer(x))", "differ")])
def test_a_billion_parameters_are_traced_without_values(line: str, told: str, within_a_gigabyte: Verifier, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(BIG)
    verdict = within_a_gigabyte.verify(Change(path, "Big", BIG, BIG.replace(TWO_LINES, line), (), ()))
    assert verdict.status is Status.UNDECIDED
    assert verdict.reason == f"too large to be run here; fake traces {told}"


def test_what_is_small_enough_by_another_argument_is_run_with_values(within_a_gigabyte: Verifier, tmp_path: Path) -> None:
    text = BIG.replace("classes=10", "width=16384").replace("16384, 16384", "width, width").replace("nn.Linear(16384, classes)", "nn.Linear(width, 10)")
    path = tmp_path / "net.py"
    path.write_text(text)
    verdict = within_a_gigabyte.verify(Change(path, "Big", text, text.replace(TWO_LINES, "x = x + torch.relu(layer(x))"), (), ()))
    assert verdict.status in (Status.TESTED, Status.SAME_TRACE), verdict
