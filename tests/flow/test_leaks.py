"""Which sums, lists and best values keep graphs, in training scripts where little is known of models and losses. Marked lines are the answers."""

from __future__ import annotations

import textwrap

import pytest

from tests.flow.flows import flow_of

STEP = "opt.zero_grad()\nloss.backward()\nopt.step()\n"
LOSS = "loss = crit(model(x), y)\n"


def turn(body: str, depth: int = 1) -> str:
    return textwrap.indent(body, "    " * depth)


def leaks(code: str, name: str) -> tuple[list[int], list[int]]:
    """The lines of the answers, and those marked."""
    flow = flow_of(code, name)
    training = flow.training
    kept = (*training.leaking_totals, *training.leaking_collections, *(best.kept for best in training.live_bests))
    return sorted({flow.line(one.statement) for one in kept}), [number for number, line in enumerate(code.splitlines(), 1) if "# here" in line]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"total = 0\nfor x, y in data:\n{turn(LOSS + STEP)}    total += loss  # here\nbest = total", id="a sum"),
        pytest.param(
            f"best = 9\nfor _ in range(3):\n    total = 0\n    for x, y in data:\n{turn(LOSS + STEP, 2)}        total += loss  # here\n"
            "    total /= len(data)\n    if total < best:\n        best = total  # here",
            id="the best sum",
        ),
        pytest.param(
            f"means = []\nfor _ in range(3):\n    total = 0\n    for x, y in data:\n{turn(LOSS + STEP, 2)}        total += loss.item()\n"
            "    means.append(total / len(data))",
            id="sums of numbers",
        ),
        pytest.param(f"kept = torch.zeros(9)\nfor i, (x, y) in enumerate(data):\n{turn(LOSS + STEP)}    kept[i] = loss  # here", id="a tensor's places"),
        pytest.param(
            f"a = b = 0\nfor x, y in data:\n    first, second = model(x, y)\n    loss = first + 0.1 * second\n{turn(STEP)}"
            "    a = a + first  # here\n    b += second  # here",
            id="terms of a loss",
        ),
        pytest.param(
            f"total = 0\nfor x, y in data:\n    base = given(x).item()\n    loss = crit(model(x), y) + base\n{turn(STEP)}    total += base",
            id="a number that is a term",
        ),
        pytest.param(
            f"model.train()\nfor x, y in data:\n{turn(LOSS + STEP)}model.eval()\ntotal = 0\n"
            "for x, y in data:\n    total += crit(model(x), y)  # here\nprint(total)",
            id="a loss function known by its use",
        ),
        pytest.param(
            f"best = at = 9\nfor i, (x, y) in enumerate(data):\n{turn(LOSS + STEP)}    if loss < best:\n        best, at = loss, i  # here", id="best and where"
        ),
        pytest.param(
            f"best = 9\nfor x, y in data:\n{turn(LOSS + STEP)}    better = loss < best\n    if better:\n        best = loss  # here", id="a named test"
        ),
        pytest.param(
            f"mean = 0\nfor i, (x, y) in enumerate(data):\n{turn(LOSS + STEP)}    mean = (mean * i + loss) / (i + 1)  # here", id="a running mean"
        ),
        pytest.param(f"log = []\nfor x, y in data:\n{turn(LOSS + STEP)}    log.append(dict(loss=loss, n=1))  # here", id="a record"),
        pytest.param(
            f"total = 0\nfor x, y in data:\n    {LOSS}    with given.scale_loss(loss, opt) as scaled:\n        scaled.backward()\n    total += loss  # here",
            id="scaled by a context manager",
        ),
        pytest.param(
            "total = 0\nfor x, weight in data:\n    part = model(x)\n    part.backward(weight * x.grad)\n    total += weight * given(x)\nreturn total",
            id="a gradient is no loss",
        ),
        pytest.param(
            f"total = 0\nfor x, y in data:\n    {LOSS}    given.backward(loss)\n    total += loss  # here\nreturn total", id="backward of an argument"
        ),
        pytest.param("model.eval()\ntotal = 0\nfor x, y in data:\n    total += crit(model(x), y)  # here\nreturn total", id="an evaluation"),
        pytest.param("total = 0\nfor x, y in data:\n    total += crit(model(x), y)\nprint(total)", id="a function of no known kind"),
        pytest.param(
            "for x, y in data:\n    parts = []\n    loss = 0\n    for a, b in zip(model(x), y):\n        part = crit(a, b)\n        loss += part\n"
            "        parts.append(part)\n    loss.backward()\n    print([part.item() for part in parts])",
            id="the terms of one loss",
        ),
    ],
)  # fmt: skip
def test_what_training_keeps(body: str) -> None:
    found, expected = leaks(f"import torch\n\ndef f(model, data, crit, opt, given):\n{turn(body)}\n", "f")
    assert found == expected


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param("kept = []\n    def step():\n        {}kept.append(loss)  # here", id="made by the function around"),
        pytest.param("for kept in data:\n        kept = []\n    def step():\n        {}kept.append(loss)", id="made anew"),
        pytest.param("def step():\n        {}kept.append(loss)", id="unknown"),
    ],
)
def test_containers_of_the_function_around(begun: str) -> None:
    lines = (LOSS + "loss.backward()\n").replace("\n", "\n        ")
    found, expected = leaks(f"def f(model, x, y, crit, data):\n    {begun.format(lines)}\n    return step\n", "f.step")
    assert found == expected


def test_the_loss_function_of_another_method() -> None:
    methods = """
class Trainer:
    def __init__(self, model, crit, score):
        self.model, self.crit, self.metric = model, crit, score

    def train(self, data):
        for x, y in data:
            loss = self.crit(self.model(x), y)
            loss.backward()

    def test(self, data):
        self.model.eval()
        total = 0
        for x, y in data:
            total += self.crit(self.model(x), y)  # here
        print(total)

    def score(self, data):
        self.model.eval()
        total = 0
        for x, y in data:
            total += self.metric(self.model(x), y)
        print(total)
"""
    found, expected = leaks(methods, "Trainer.test")
    assert found == expected
    assert not leaks(methods, "Trainer.score")[0]


@pytest.mark.parametrize(("flag", "here"), [("", "  # here"), ("retain_graph=True", "")])
def test_losses_that_another_method_ran_backward_on(flag: str, here: str) -> None:
    methods = f"""
class Trainer:
    def step(self, x, y):
        loss = self.crit(self.model(x), y)
        loss.backward({flag})
        return loss

    def train(self, data):
        total = 0
        for x, y in data:
            total += self.step(x, y){here}
        return total / len(data)
"""
    found, expected = leaks(methods, "Trainer.train")
    assert found == expected
