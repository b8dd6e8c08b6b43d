"""Inputs that stay chained to their earlier values."""

from __future__ import annotations

import textwrap

import pytest

from tests.flow.flows import flow_of

CODE = """
import torch
from torch.autograd import grad as gradient


def clip(x):
    return x.clamp(0, 1)


def restart(x):
    return x.clamp(0, 1).detach()


def f(model, start, labels, criterion, rate, first_order):
    x = start.clone().requires_grad_()
    momentum = torch.zeros_like(start)
    for step in range(10):
{body}
    {end}
"""


def updates(body: str, end: str = "return x.detach()") -> list[str]:
    flow = flow_of(CODE.format(body=textwrap.indent(body, "        "), end=end), "f")
    return [flow.text(found.update.statement) for found in flow.training.chained_inputs if found.update.statement is not None]


GRAD = "(g,) = torch.autograd.grad(criterion(model(x), labels), x)\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(GRAD + "x = x + rate * g", ["x = x + rate * g"], id="moved"),
        pytest.param("g = gradient(model(x).sum(), [x])[0]\nx = x - rate * g", ["x = x - rate * g"], id="by another name"),
        pytest.param(GRAD + "x = x + rate * g\nx = torch.clamp(x, 0, 1)", ["x = x + rate * g"], id="in two statements"),
        pytest.param(GRAD + "x = clip(x + rate * g)", ["x = clip(x + rate * g)"], id="through a helper"),
        pytest.param(GRAD + "momentum = momentum + g\nx = x + momentum", ["x = x + momentum"], id="with momentum"),
        pytest.param("g = 0\nfor _ in range(2):\n    g += gradient(model(x), x)[0]\nx = x + g", ["x = x + g"], id="gradients summed"),
        pytest.param(GRAD + "x = restart(x + rate * g)", [], id="a helper cuts"),
        pytest.param(GRAD + "x = criterion(x + rate * g)", [], id="through something unknown"),
        pytest.param(GRAD + "x = (x + rate * g).detach().requires_grad_()", [], id="cut"),
        pytest.param("x = x.detach().requires_grad_()\n" + GRAD + "x = x + rate * g", [], id="cut at the start"),
        pytest.param(GRAD + "x = x.data + rate * g", [], id="of its data"),
        pytest.param(GRAD + "with torch.no_grad():\n    x = x + rate * g", [], id="without gradients"),
        pytest.param(GRAD + "x = start + rate * g", [], id="from the start"),
        pytest.param("g = gradient(model(x), x, create_graph=not first_order)[0]\nx = x + g", [], id="unrolled, perhaps"),
    ],
)
def test_what_a_loop_chains(body: str, expected: list[str]) -> None:
    assert updates(body) == expected


@pytest.mark.parametrize(
    ("end", "count"),
    [
        pytest.param("return x.detach()", 1, id="cut"),
        pytest.param("print(x.max().item())", 1, id="looked at"),
        pytest.param("return x", 0, id="returned"),
        pytest.param("model(x).sum().backward()", 0, id="differentiated"),
        pytest.param("model.x = x", 0, id="stored"),
    ],
)
def test_what_becomes_of_it(end: str, count: int) -> None:
    assert len(updates(GRAD + "x = x + rate * g", end)) == count
