"""Two values have the same record if and only if nothing about them differs."""

from __future__ import annotations

import collections
import dataclasses
import random
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from lintorch.worker.differences import differences
from lintorch.worker.nesting import rebuild, tensors, walk
from lintorch.worker.observe import Listing, Owners, Record, StateDigests, add_globals, add_value, outlook


@dataclasses.dataclass
class Output:
    loss: torch.Tensor
    hidden: Any = None


class Plain:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


Pair = collections.namedtuple("Pair", "a b")


def digest(value: Any) -> str:
    record = Record()
    add_value(record, value, "output", Owners())
    return record.result()


def ramp(*shape: int) -> torch.Tensor:
    return torch.arange(float(torch.Size(shape).numel())).reshape(shape)


SAME: dict[str, Callable[[], Any]] = {
    "tensor": lambda: ramp(2, 3),
    "nan": lambda: torch.tensor([float("nan"), 1.0]),
    "half": lambda: ramp(3).half(),
    "bool": lambda: ramp(3) > 1,
    "complex": lambda: torch.complex(ramp(3), ramp(3)).conj(),
    "sparse": lambda: torch.eye(3).to_sparse(),
    "sparse rows": lambda: torch.eye(3).to_sparse_csr(),
    "empty": lambda: torch.empty(0, 3),
    "strided": lambda: ramp(3, 4).t(),
    "expanded": lambda: ramp(3, 1).expand(3, 4),
    "tuple": lambda: (ramp(2), [ramp(3), None], {"k": 1.5}),
    "dataclass": lambda: Output(ramp(1), [ramp(2)]),
    "named tuple": lambda: Pair(ramp(1), 2),
    "object": lambda: Plain(x=ramp(2), name="n"),
    "packed": lambda: pack_padded_sequence(ramp(3, 2, 1), torch.tensor([3, 1])),
    "distribution": lambda: torch.distributions.Normal(ramp(2), ramp(2) + 1),
    "array": lambda: numpy.arange(3.0),
    "set": lambda: {"b", "a", "c"},
    "numbers": lambda: (1, 2.5, 3j, "s", b"b", None, True, ..., torch.float32, slice(1, 2)),
    "top of max": lambda: ramp(2, 3).max(dim=1),
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_equal_values_have_equal_records(make: Callable[[], Any]) -> None:
    assert digest(make()) == digest(make())


DIFFERENT: dict[str, tuple[Any, Any]] = {
    "value": (ramp(3), ramp(3) + torch.tensor([0.0, 0.0, 1e-6])),
    "sign of zero": (torch.tensor(0.0), torch.tensor(-0.0)),
    "dtype": (ramp(3), ramp(3).double()),
    "dtype of nothing": (torch.empty(0), torch.empty(0).double()),
    "shape": (ramp(4), ramp(2, 2)),
    "stride": (ramp(2, 2), ramp(2, 2).t().contiguous().t()),
    "graph": (ramp(2), ramp(2).requires_grad_()),
    "parameter": (ramp(2).requires_grad_(), torch.nn.Parameter(ramp(2))),
    "conjugate bit": (torch.complex(ramp(2), ramp(2)).conj(), torch.complex(ramp(2), ramp(2)).conj().resolve_conj()),
    "layout": (torch.eye(2), torch.eye(2).to_sparse()),
    "sparse value": (torch.eye(2).to_sparse(), (2 * torch.eye(2)).to_sparse()),
    "container": ((ramp(1),), [ramp(1)]),
    "length": ([ramp(1)], [ramp(1), ramp(1)]),
    "key": ({"a": 1}, {"b": 1}),
    "order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "class": (Output(ramp(1)), Pair(ramp(1), None)),
    "number": (1, 2),
    "type of number": (1, 1.0),
    "truth": (True, 1),
    "none": (None, 0),
    "text": ("a", "b"),
    "array": (numpy.arange(3.0), numpy.arange(3.0) + 1),
    "nested": ([[ramp(2), [ramp(3)]]], [[ramp(2), [ramp(3) * 2]]]),
    "deque": (collections.deque([1]), collections.deque([2])),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_different_values_have_different_records(one: Any, other: Any) -> None:
    assert digest(one) != digest(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_a_difference_of_digests_is_a_difference_of_listings(one: Any, other: Any) -> None:
    assert compare(one, other)


def compare(one: Any, other: Any) -> list[dict[str, Any]]:
    """What the comparison of two listings says."""
    listed, blobs = [], []
    for value in (one, other):
        listing = Listing()
        add_value(listing, value, "output", Owners())
        raws = [raw for raw in listing.raws if raw is not None]
        places = iter(range(len(raws)))
        entries = [[path, facts, None if raw is None else next(places)] for (path, facts), raw in zip(listing.entries, listing.raws, strict=True)]
        listed.append({"run": {"output": entries}})
        blobs.append(raws)
    return differences(*listed, *blobs)


TOLD = [
    (ramp(2), ramp(2) + 0.5, "far", "max abs 5.0e-01 at 2 of 2 places"),
    (torch.tensor(1.0), torch.tensor(1.0 + 1e-6), "close", "max abs 9.5e-07"),
    (torch.tensor(1.0).double(), torch.tensor(1.0).double() + 1e-6, "far", "max abs 1.0e-06"),
    (torch.tensor(1.0).half(), torch.tensor(1.001).half(), "close", "max abs 9.8e-04"),
    (torch.tensor(1), torch.tensor(2), "far", "max abs 1.0e+00"),
    (torch.tensor(True), torch.tensor(False), "far", "max abs 1.0e+00"),
    (torch.tensor(1j), torch.tensor(2j), "far", "max abs 1.0e+00"),
    (torch.tensor(0.0), torch.tensor(-0.0), "close", "signs of zeros differ"),
    (torch.tensor(float("inf")), torch.tensor(1.0), "far", "max abs inf"),
    (torch.tensor(float("inf")), torch.tensor(float("-inf")), "far", "max abs inf"),
    (torch.tensor(float("nan")), torch.tensor(1.0), "far", "max abs inf"),
    (torch.tensor(float("nan")), torch.tensor([0x7FC00001], dtype=torch.int32).view(torch.float32)[0], "nan", "bits of NaNs differ"),
    (ramp(2), ramp(2).double(), "far", "dtype was float32, is float64"),
    (ramp(4), ramp(2, 2), "far", "shape was [4], is [2, 2]"),
    (ramp(2, 2), ramp(2, 2).t().contiguous().t(), "far", "stride was [2, 1], is [1, 2]"),
    (ramp(2).requires_grad_(), ramp(2), "far", "has no graph any more"),
    (ramp(2), ramp(2).requires_grad_(), "far", "has a graph now"),
    (1, 2, "far", "was 1, is 2"),
    (None, ramp(2), "far", "was None, is a float32 tensor of shape (2,)"),
    ({"a": 1}, {"b": 1}, "far", "is gone"),
]


@pytest.mark.parametrize(("one", "other", "kind", "what"), TOLD, ids=[what for *_, what in TOLD])
def test_a_difference_is_told_by_size(one: Any, other: Any, kind: str, what: str) -> None:
    first = compare(one, other)[0]
    assert (first["kind"], first["what"]) == (kind, what)


def test_a_difference_names_its_path() -> None:
    assert [difference["path"] for difference in compare({"a": [ramp(1), ramp(2)]}, {"a": [ramp(1), ramp(2) + 1]})] == ["output['a'][1]"]
    assert compare(Output(ramp(1), 1), Output(ramp(1), 2))[0]["path"] == "output.hidden"


def test_shared_memory_is_part_of_the_record() -> None:
    value = ramp(3)
    assert digest((value, value)) != digest((value, value.clone()))
    assert digest((value, value[1:])) != digest((value, value[1:].clone()))
    assert compare((value, value), (value, value.clone()))[0]["what"] == "shared memory with output[0], had its own memory now"


def test_a_recursive_value_ends() -> None:
    value: list[Any] = [ramp(1)]
    value.append(value)
    assert digest(value) == digest(value)


def test_rebuilding_keeps_the_form_and_shares_nothing() -> None:
    given = (ramp(2), [ramp(3)], {"k": ramp(4)}, Output(ramp(1)), Pair(ramp(2), 1), pack_padded_sequence(ramp(3, 2, 1), torch.tensor([3, 1])))
    copied = rebuild(given, torch.clone)
    assert digest(copied) == digest(given)
    originals = {tensor.data_ptr() for _, tensor in tensors(given, "")}
    assert originals.isdisjoint(tensor.data_ptr() for _, tensor in tensors(copied, ""))


def test_code_is_opaque() -> None:
    assert [leaf.kind for leaf in walk([len, lambda: 0, torch.nn.Linear(1, 1), int], "")] == ["node"] + ["opaque"] * 4


def test_global_state_is_recorded() -> None:
    def state() -> str:
        record = Record()
        add_globals(record)
        return record.result()

    before = state()
    assert state() == before
    for draw in (lambda: torch.rand(1), random.random, lambda: numpy.random.rand()):
        draw()
        assert state() != before
        before = state()
    with torch.no_grad():
        assert state() != before
    torch.set_default_dtype(torch.float64)
    try:
        assert state() != before
    finally:
        torch.set_default_dtype(torch.float32)


def test_digests_of_state_are_kept_only_while_nothing_is_written() -> None:
    digests, large = StateDigests(), torch.zeros(1 << 19)
    first = digests.of(large, thorough=False)
    assert digests.of(large, thorough=False) == first
    large.add_(1)
    second = digests.of(large, thorough=False)
    assert second != first
    large.data.add_(1)  # moves no counter
    assert digests.of(large, thorough=True) != second


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([ramp(2)], "good"),
        ([torch.ones(3)], "flat"),
        ([torch.tensor(2.0)], "flat"),
        ([torch.tensor([float("nan")] * 2)], "nan"),
        ([], "flat"),
        ([torch.tensor([float("nan"), 1.0, 2.0])], "good"),
        ([torch.tensor([float("nan"), 1.0])], "flat"),
        ([torch.tensor([True, False])], "good"),
        ([torch.tensor([float("inf")])], "nan"),
        ([torch.tensor([float("nan")]), torch.ones(2)], "flat"),
        ([torch.tensor([1j, 2j])], "good"),
    ],
)
def test_outlook_of_outputs(outputs: list[torch.Tensor], expected: str) -> None:
    assert outlook(outputs) == expected
