"""Unknowns answer by how they are used, the same way each time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import torch

from lintorch.worker.choices import Choices, models_of, settings_of
from lintorch.worker.outline import outline
from lintorch.worker.pliable import ELEMENTS, SIDE, Lenient, World, enter, unknown

NOWHERE = Choices("", "/nowhere.py", ())


@pytest.fixture(autouse=True)
def world() -> Iterator[World]:
    made = World(NOWHERE, {"model"}, number=3, seed=0, everything=False)
    enter(made)
    with Lenient():
        yield made


def test_an_unknown_is_the_same_under_its_name() -> None:
    assert torch.equal(unknown("data"), unknown("data"))
    assert not torch.equal(unknown("data"), unknown("other"))
    batch = unknown("batch")
    assert batch.x is batch.x
    assert torch.equal(batch["x"], unknown("batch")["x"])


def test_it_unpacks_iterates_and_counts() -> None:
    x, (y, z) = unknown("pair")
    assert not torch.equal(y, z)
    assert len(list(unknown("loader"))) == ELEMENTS
    b, c, h, w = x.shape
    assert (b, c, h, w) == (SIDE,) * 4
    assert list(range(unknown("n"))) == [0, 1, 2]
    assert not torch.equal(next(unknown("batches")), next(unknown("batches")))


def test_a_model_is_trained_by_an_unknown_optimizer(world: World) -> None:
    model, optimizer, criterion = unknown("model"), unknown("optimizer"), unknown("criterion")
    (parameter,) = model.parameters()
    before = parameter.detach().clone()
    loss = criterion(model(unknown("x")), unknown("y"))
    assert loss.requires_grad
    assert not criterion(unknown("x")).requires_grad
    loss.backward()
    optimizer.step()
    assert not torch.equal(parameter, before)
    optimizer.zero_grad()
    assert parameter.grad is None


def test_operations_that_do_not_fit_give_unknowns_with_their_graph(world: World) -> None:
    out = unknown("model")(unknown("x"))
    loss = torch.nn.functional.nll_loss(out[unknown("mask")], unknown("y").long())
    assert loss.requires_grad
    assert loss.dim() == 0
    assert world.replaced
    with pytest.raises(RuntimeError):
        torch.ones(2, 3) @ torch.ones(2, 3)


def test_nothing_is_hidden_from_backward() -> None:
    loss = unknown("model")(unknown("x")).square()
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


def test_names_are_read_off_the_text() -> None:
    text = "model.train()\nself.net.parameters()\nclip(x, max_norm=args.clip)\nrun(enabled=amp)\nf(std=self.noise)\nself.noise.x\n"
    assert models_of(text) == {"model", "self.net"}
    assert settings_of(text) == {"args.clip": 0.1, "amp": False}


def test_an_outline_only_defines() -> None:
    text = "import time\nSIZE = 3\nopen('/nonexistent')\ndata, other = time.time(), [\n  2]\nfor i in range(3):\n    print(i)\n"
    text += "def f(x):\n    assert x\n    return SIZE\n"
    names: dict = {"__lintorch_unknown__": str.upper}
    exec(outline(text), names)
    assert (names["SIZE"], names["data"], names["other"], names["i"]) == (3, "DATA", "OTHER", "I")
    assert names["f"](0) == 3
    assert len(outline(text).split("\n")) == len(text.split("\n"))


TESTS = """\
def f(flag, n):
    while n < 3:
        if flag:
            break
        if n:
            wanted()
        n += 1
"""


def test_questions_are_answered_towards_the_wanted_lines() -> None:
    enter(World(Choices(TESTS, "/asked.py", [6]), set(), number=3, seed=0, everything=False))
    calls: list[int] = []
    names = {"wanted": lambda: calls.append(1)}
    exec(compile(TESTS, "/asked.py", "exec"), names)
    started = time.monotonic()
    names["f"](unknown("flag"), unknown("n"))
    assert len(calls) > 3
    assert time.monotonic() - started < 10
