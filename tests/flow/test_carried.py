"""Recurrent state that goes from step to step with its history."""

from __future__ import annotations

import textwrap

import pytest

from tests.flow.flows import flow_of

TRAINING = """
import torch
from torch import nn


def repackage(h):
    return h.detach()


def rename(h):
    return h


def f(model: nn.Module, cell, loader, criterion, layers, hidden):
{body}
"""


def states(body: str) -> list[str]:
    flow = flow_of(TRAINING.format(body=textwrap.indent(body, "    ")), "f")
    return [flow.text(state.statement) for state in flow.training.carried_states]


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        pytest.param("hidden = model(x, hidden)\ncriterion(hidden, y).backward()", ["hidden = model(x, hidden)"], id="handed on"),
        pytest.param("hidden = cell(x, hidden)\ncriterion(hidden, y).backward()", ["hidden = cell(x, hidden)"], id="by something unknown"),
        pytest.param("out, hidden = model(x, hx=hidden)\nout.mean().backward()", ["out, hidden = model(x, hx=hidden)"], id="by keyword"),
        pytest.param("hidden = cell(hidden, x)\nhidden.mean().backward()", ["hidden = cell(hidden, x)"], id="before the input"),
        pytest.param("out, new = model(x, hidden)\nout.mean().backward()\nhidden = new", ["hidden = new"], id="by another name"),
        pytest.param("hidden = rename(hidden)\nout, hidden = model(x, hidden)\nout.mean().backward()", ["out, hidden = model(x, hidden)"], id="by a helper"),
        pytest.param(
            "hidden = tuple(h for h in hidden)\nout, hidden = model(x, hidden)\nout.mean().backward()", ["out, hidden = model(x, hidden)"], id="repacked"
        ),
        pytest.param("hidden = repackage(hidden)\nout, hidden = model(x, hidden)\nout.mean().backward()", [], id="a helper cuts"),
        pytest.param("hidden = tuple(h.detach() for h in hidden)\nout, hidden = model(x, hidden)\nout.mean().backward()", [], id="repacked and cut"),
        pytest.param("out, new = model(x, hidden)\nout.mean().backward()\nhidden = new.detach()", [], id="cut afterwards"),
        pytest.param("out, hidden = model(x, hidden)\nout.mean().backward()\nhidden.detach_()", [], id="cut in place"),
        pytest.param("if y:\n    hidden = hidden.detach()\nout, hidden = model(x, hidden)\nout.mean().backward()", [], id="cut now and then"),
        pytest.param("hidden = model.begin()\nout, hidden = model(x, hidden)\nout.mean().backward()", [], id="begun anew"),
        pytest.param("with torch.no_grad():\n    hidden = model(x, hidden)\nhidden.sum().backward()", [], id="without gradients"),
        pytest.param("hidden = model(x, hidden)\nprint(hidden.argmax().item())", ["hidden = model(x, hidden)"], id="in inference"),
        pytest.param("hidden = cell(x, hidden)\nprint(hidden.argmax().item())", [], id="in inference, of something unknown"),
        pytest.param("for x in xs:\n    hidden = cell(x, hidden)\nhidden.mean().backward()", ["hidden = cell(x, hidden)"], id="through sequences"),
    ],
)
def test_the_turns_of_a_loop(turn: str, expected: list[str]) -> None:
    assert states(f"for x, y in loader:\n{textwrap.indent(turn, '    ')}") == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            "for x, y in loader:\n    hidden = 0\n    for part in x:\n        hidden = cell(part, hidden)\n    hidden.mean().backward()", id="in a step"
        ),
        pytest.param("for layer in layers:\n    hidden = layer(4, hidden)\n    hidden.mean().backward(retain_graph=True)", id="layers"),
        pytest.param("count = 0\nfor x, y in loader:\n    loss, count = cell(x, count)\n    loss.backward()", id="a number"),
    ],
)
def test_what_is_no_state(body: str) -> None:
    assert states(body) == []


MODULE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 4)
        self.state = None

    def forward(self, x):
{body}
{rest}
"""


@pytest.mark.parametrize(
    ("body", "rest", "expected"),
    [
        pytest.param("out, self.state = self.rnn(x, self.state)\nreturn out", "", 1, id="unpacked"),
        pytest.param("out, h = self.rnn(x, self.state)\nself.state = h\nreturn out", "", 1, id="stored"),
        pytest.param("out, h = self.rnn(x, self.state)\nself.state = tuple(s for s in h)\nreturn out", "", 1, id="repacked"),
        pytest.param("if self.state is None:\n    self.state = torch.zeros(4)\nout, self.state = self.rnn(x, self.state)\nreturn out", "", 1, id="begun"),
        pytest.param("out, h = self.rnn(x, self.state)\nself.state = tuple(s.detach() for s in h)\nreturn out", "", 0, id="cut"),
        pytest.param("self.state = None\nout, self.state = self.rnn(x, self.state)\nreturn out", "", 0, id="begun anew"),
        pytest.param("out, self.state = self.rnn(x, self.state)\nreturn out", "    def reset(self):\n        self.state = None\n", 0, id="reset"),
        pytest.param("out, self.state = self.rnn(x, self.state)\nreturn out", "\ndef train(net):\n    net.state = None\n", 0, id="reset by others"),
        pytest.param(
            "out, self.state = self.rnn(x, self.state)\nreturn out", "\nclass B:\n    def f(self):\n        self.state = None\n", 1, id="of another class"
        ),
        pytest.param("out, self.state = self.rnn(x)\nreturn out", "", 0, id="not read"),
    ],
)
def test_state_on_a_module(body: str, rest: str, expected: int) -> None:
    flow = flow_of(MODULE.format(body=textwrap.indent(body, "        "), rest=rest), "Net.forward")
    assert len(flow.training.carried_states) == expected
