"""Where values go, also round a loop."""

from __future__ import annotations

import textwrap

import pytest

from lintorch.flow.fate import Fate
from tests.flow.flows import flow_of


def fates(body: str, name: str) -> set[Fate]:
    flow = flow_of("import torch\n\ndef f(net, loss_of, x, y, rate):\n" + textwrap.indent(body, "    "), "f")
    flow.training.fates.of(next(iter(flow.graph.definitions.values())))  # what was asked before does not change the answer
    return {fate for made in flow.graph.definitions.values() if made.name == name for fate in flow.training.fates.of(made)}


@pytest.mark.parametrize(
    ("body", "name", "expected"),
    [
        pytest.param("total = x\nprint(total)", "total", set(), id="read"),
        pytest.param("a = x\nb = a\nb.backward()", "a", {Fate.BACKWARD}, id="by another name"),
        pytest.param("a = x\na /= 2\na += 1\na.backward()", "a", {Fate.BACKWARD}, id="scaled in place"),
        pytest.param("a, b = x, y\nreturn b", "a", set(), id="in parallel"),
        pytest.param("a = x\nfor i in y:\n    b = a + 1\n    a = b * 2\nreturn a", "b", {Fate.RETURNED}, id="round a loop"),
        pytest.param(
            "fast = x\nfor _ in y:\n    grads = torch.autograd.grad(loss_of(fast), fast)\n"
            "    fast = [w - rate * g for w, g in zip(fast, grads)]\nloss_of(fast).backward()",
            "grads",
            {Fate.BACKWARD, Fate.ESCAPES},
            id="by two names of one loop",
        ),
    ],
)  # fmt: skip
def test_what_becomes_of_a_value(body: str, name: str, expected: set[Fate]) -> None:
    assert fates(body, name) == expected
