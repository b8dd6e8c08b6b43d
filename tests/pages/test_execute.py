"""The page harness's own comparison can tell versions apart, and does not where they are the same."""

from __future__ import annotations

import pytest

from tests.pages.execute import differences

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.norm, self.drop = nn.BatchNorm1d(width), nn.Dropout(0.5)

    def forward(self, x):
        {body}
"""
PLAIN = "y = self.first(x)\n        return self.drop(self.norm(y))"


def net(body: str) -> str:
    return NET.format(body=body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("return self.drop(self.norm(self.first(x)))", id="inlined"),
        pytest.param("y = self.drop(self.norm(self.first(x)))\n        return y", id="renamed"),
    ],
)
def test_equivalent_versions_agree(body: str) -> None:
    assert differences(net(PLAIN), net(body), "Net(4), torch.randn(6, 4)") == []


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        pytest.param("return self.drop(self.norm(self.second(x)))", "output[0]", id="another layer"),
        pytest.param("return self.drop(self.norm(self.first(x).detach()))", "gradient of first.weight", id="gradient cut"),
        pytest.param("self.norm(self.first(x))\n        return self.drop(self.norm(self.first(x)))", "norm.running_mean", id="batch norm twice"),
        pytest.param("y = self.drop(self.norm(self.first(x)))\n        torch.rand(1)\n        return y", "random state", id="a draw more"),
        pytest.param("return (self.drop(self.norm(self.first(x))),)", "output[0]", id="another structure"),
        pytest.param("y = self.norm(self.first(x))\n        return self.drop(y) if self.training else y * 1.000001", "eval, seed 0: output[0]", id="eval only"),
        pytest.param("x.data.mul_(2)\n        return self.drop(self.norm(self.first(x / 2)))", "input[0][0]", id="input changed"),
        pytest.param("return self.drop(self.norm(self.first(x)).t().contiguous().t())", "output[0]", id="another stride"),
    ],
)
def test_versions_that_differ_are_told_apart(body: str, seen: str) -> None:
    found = differences(net(PLAIN), net(body), "Net(4), torch.randn(6, 4)")
    assert any(line.endswith(seen) for line in found), found


def test_functions_and_keywords() -> None:
    named, plain = "def f(x, *, scale):\n    y = x * scale\n    return y", "def f(x, *, scale):\n    return x * scale"
    assert differences(named, plain, "f, torch.randn(3), scale=2.0") == []
    assert differences("def f(x):\n    return x.exp()", "def f(x):\n    return x.exp().detach()", "f, torch.randn(3)")
