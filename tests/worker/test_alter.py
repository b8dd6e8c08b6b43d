"""The canary alters every kind of value, keeps its form, and sees gradients come back."""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from lintorch.worker.alter import NAME, Canary, alter
from lintorch.worker.observe import Record, add_value


@dataclasses.dataclass
class Output:
    loss: torch.Tensor
    count: int


Pair = collections.namedtuple("Pair", "a b")


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def digest(value: Any) -> str:
    record = Record()
    add_value(record, value, "value")
    return record.result()


VALUES = [
    torch.randn(3, 2),
    torch.zeros(3),
    torch.tensor(0.0),
    torch.tensor(2.5),
    torch.randn(2, dtype=torch.cfloat),
    torch.randn(3).half(),
    torch.arange(3),
    torch.tensor([True, False]),
    torch.eye(2).to_sparse(),
    torch.empty(1, 3).fill_(1e30),
    (torch.ones(2), 1),
    [torch.ones(2)],
    [],
    {"k": torch.ones(1)},
    Output(torch.ones(1), 2),
    Pair(torch.ones(1), 2),
    torch.Size([2, 3]),
    pack_padded_sequence(torch.randn(3, 2, 1), torch.tensor([3, 1])),
    torch.randn(2, 3).max(dim=1),
    True,
    3,
    2.5,
    0.0,
    1j,
    "text",
    None,
    Colour.RED,
    torch.float32,
    torch.float64,
]


@pytest.mark.parametrize("value", VALUES, ids=[f"{type(value).__name__}{place}" for place, value in enumerate(VALUES)])
def test_an_altered_value_differs(value: Any) -> None:
    assert digest(alter(value)) != digest(value)


@pytest.mark.parametrize("value", [value for value in VALUES if isinstance(value, torch.Tensor)])
def test_an_altered_tensor_keeps_its_form(value: torch.Tensor) -> None:
    altered = alter(value)
    assert (altered.dtype, altered.shape, altered.layout) == (value.dtype, value.shape, value.layout)


@pytest.mark.parametrize("value", [torch.randn(4, 6), torch.ones(4, 6), torch.zeros(4, 6)])
@pytest.mark.parametrize("normalise", [nn.LayerNorm(6), nn.BatchNorm1d(6), nn.Softmax(dim=-1), nn.Softmax(dim=0)], ids=lambda module: type(module).__name__)
def test_no_normalisation_takes_it_out_again(normalise: nn.Module, value: torch.Tensor) -> None:
    with torch.no_grad():
        assert float((normalise(alter(value)) - normalise(value)).abs().max()) > 1e-3


def test_an_altered_module_computes_something_else() -> None:
    layer = nn.Linear(2, 2)
    assert not torch.equal(alter(layer)(torch.ones(2)), layer(torch.ones(2)))
    assert alter(layer).in_features == 2


def test_drawing_no_random_numbers() -> None:
    before = torch.get_rng_state()
    alter(torch.randn(0).new_ones(3))
    assert torch.equal(torch.get_rng_state(), before)


def test_only_the_active_probe_is_altered() -> None:
    canary, value = Canary(), torch.ones(2)
    assert canary(0, value) is value
    canary.active = 1
    assert canary(0, value) is value
    assert not torch.equal(canary(1, value), value)
    assert canary.reached == {1}


def test_sees_whether_gradients_come_back() -> None:
    canary, weight = Canary(), torch.ones(2, requires_grad=True)
    canary.active = 0
    (canary(0, weight * 2) * 0).sum().backward()
    assert (canary.asked_gradient, canary.got_gradient) == ({0}, set())
    canary(0, weight * 2).sum().backward()
    assert canary.got_gradient == {0}
    canary.active = 1
    canary(1, torch.ones(2))
    assert 1 not in canary.asked_gradient


def test_is_found_in_builtins(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    monkeypatch.setattr(builtins, NAME, None, raising=False)
    canary = Canary()
    canary.install()
    assert eval(f"{NAME}(0, 7)") == 7
