"""Graphs that are retained for nobody."""

from __future__ import annotations

import textwrap

import pytest

from tests.flow.flows import flow_of

CODE = """
import torch
from torch import nn


class Stateful(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        self.state = self.layer(x) + self.state
        return self.state


def f(model: nn.Module, other: nn.Module, criterion, loader, x, y, given):
    stateful = Stateful()
{body}
"""
KEEP = "backward(retain_graph=True)"


def needless(body: str) -> list[int]:
    flow = flow_of(CODE.format(body=textwrap.indent(body, "    ")), "f")
    return [flow.line(found.call) - 17 for found in flow.training.retained_graphs]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(f"loss = criterion(model(x), y)\nloss.{KEEP}", [2], id="alone"),
        pytest.param(f"for x, y in loader:\n    loss = criterion(model(x), y)\n    loss.{KEEP}", [3], id="in each turn"),
        pytest.param(f"for x, y in loader:\n    x = x.to('cuda')\n    loss = criterion(model(x), y)\n    loss.{KEEP}\n    print(x)", [4], id="data used on"),
        pytest.param(f"for x in loader:\n    if y:\n        a = model(x).sum()\n    else:\n        a = model(x).mean()\n    a.{KEEP}", [6], id="in branches"),
        pytest.param(f"h = model(x)\na = h.sum()\na.{KEEP}\nh.mean().{KEEP}", [4], id="the last of two"),
        pytest.param(f"a = criterion(other(model(x).detach()), y)\na.{KEEP}\nmodel(x).sum().backward()", [2], id="nothing shared"),
        pytest.param(f"h = model(x)\nfor _ in range(2):\n    criterion(other(h), y).{KEEP}", [], id="shared by turns"),
        pytest.param(f"for row in model(x):\n    row.{KEEP}", [], id="row by row"),
        pytest.param(f"for row in model(x):\n    criterion(other(row), y).{KEEP}", [], id="rows of one result"),
        pytest.param(f"h = model(x)\nh.sum().{KEEP}\ntorch.autograd.grad(h.mean(), x)", [], id="grad follows"),
        pytest.param(f"loss = criterion(model(x), y)\nloss.{KEEP}\nreturn loss", [], id="returned"),
        pytest.param(f"loss = criterion(model(x), y)\nloss.{KEEP}\ncriterion(loss)", [], id="handed on"),
        pytest.param(f"loss = criterion(model(x), y)\nmodel.loss = loss\nloss.{KEEP}", [], id="stored"),
        pytest.param(f"given.{KEEP}", [], id="given"),
        pytest.param(f"(given + 1).{KEEP}", [], id="computed from what is given"),
        pytest.param(f"criterion(stateful(x), y).{KEEP}", [], id="state within a module"),
        pytest.param(f"h = x\nfor _ in loader:\n    h = model(h)\n    h.sum().{KEEP}", [], id="chained"),
        pytest.param("criterion(model(x), y).backward(retain_graph=given)", [], id="perhaps"),
        pytest.param("criterion(model(x), y).backward(retain_graph=True, create_graph=True)", [], id="created too"),
    ],
)
def test_who_goes_over_the_graph_again(body: str, expected: list[int]) -> None:
    assert needless(body) == expected


@pytest.mark.parametrize(
    ("call", "reported"),
    [
        pytest.param("step(batch)", True, id="a batch"),
        pytest.param("step(*hidden)", False, id="something"),
        pytest.param("step((batch, 3))", True, id="a tuple of data"),
        pytest.param("step((batch, hidden))", False, id="a tuple with a result"),
        pytest.param("step(net(batch))", False, id="a result"),
        pytest.param("step(hidden)", False, id="a name of a result"),
    ],
)
def test_what_callers_give(call: str, reported: bool) -> None:
    code = f"""
from torch import nn

net = nn.Linear(4, 4)


def step(x=None):
    loss = net(x).sum()
    loss.backward(retain_graph=True)


def train(loader):
    for batch in loader:
        hidden = net(batch)
        {call}
"""
    assert bool(flow_of(code, "step").training.retained_graphs) is reported


def test_a_model_of_the_script() -> None:
    code = """
import given
import torch

model, data = given.load()


def train():
    loss = torch.nn.functional.cross_entropy(model(data.x)[data.mask], data.y)
    loss.backward(retain_graph=True)
    return float(loss)
"""
    assert flow_of(code, "train").training.retained_graphs
