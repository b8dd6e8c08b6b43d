"""A module's values: taken, moved, matched with another version's, put in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lintorch.worker.observe import raw_bytes
from lintorch.worker.state import Unmatched, held_tensors, install, match, meta_and_bytes, perturb, plain_attributes, tensor_from, unique_tensors


class Everything(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.same = self.fc
        self.zero = nn.Parameter(torch.zeros(3, 2))
        self.tiny = nn.Parameter(torch.full((4,), 1e-6))
        self.unfilled = nn.Parameter(torch.full((2,), float("nan")))
        self.register_parameter("missing", None)
        self.register_buffer("variance", torch.ones(3))
        self.register_buffer("mask", torch.tensor([0.0, float("-inf")]))
        self.register_buffer("count", torch.tensor(3), persistent=False)
        self.loose = torch.ones(2)
        self.listed = [torch.ones(1), {"k": torch.ones(1)}]
        self.spectrum = nn.Parameter(torch.zeros(3, dtype=torch.cfloat))
        self.name, self.sizes, self.helper = "n", (1, 2), object()


def values(target: nn.Module) -> dict[str, bytes]:
    return {path: bytes(raw_bytes(tensor)) for path, (_, tensor) in unique_tensors(target).items()}


def sent(target: nn.Module) -> list[Any]:
    return [meta_and_bytes(path, tensor) for path, (_, tensor) in unique_tensors(target).items()]


def test_every_tensor_is_held_under_each_of_its_names() -> None:
    kinds = {path: kind for path, kind, _ in held_tensors(Everything())}
    assert kinds["fc.weight"] == "parameter"
    assert kinds["count"] == "buffer"
    assert kinds["loose"] == kinds["listed[0]"] == kinds["listed[1]['k']"] == "attribute"
    assert "missing" not in kinds
    tied = nn.ModuleDict({"a": nn.Linear(2, 2, bias=False), "b": nn.Linear(2, 2, bias=False)})
    tied["b"].weight = tied["a"].weight
    assert [path for path, _, _ in held_tensors(tied)] == ["a.weight", "b.weight"]
    assert list(unique_tensors(tied)) == ["a.weight"]


def test_plain_data_is_an_attribute_and_objects_are_not() -> None:
    own = dict(dict(plain_attributes(Everything()))[""])
    assert own["name"] == "n"
    assert own["sizes"] == (1, 2)
    assert own["missing"] is None
    assert own["training"] is True
    assert "helper" not in own
    assert "_parameters" not in own


def test_perturbing_moves_what_hides_things() -> None:
    target = Everything()
    before = {path: tensor.clone() for path, (_, tensor) in unique_tensors(target).items()}
    perturb(target, 1.0)
    after = {path: tensor for path, (_, tensor) in unique_tensors(target).items()}
    for path in ("fc.weight", "fc.bias", "zero", "tiny", "unfilled", "spectrum", "variance"):
        assert bool((after[path] != before[path]).all()), path
        assert bool(torch.isfinite(torch.view_as_real(after[path]) if after[path].is_complex() else after[path]).all())
    assert float(after["tiny"].abs().max()) > 1e-2  # a branch scaled by 1e-6 would hide what it scales
    assert bool((after["variance"] > 0).all())
    assert bool(torch.isinf(after["mask"][1]))
    for path in ("count", "loose"):
        assert torch.equal(after[path], before[path])


def test_perturbing_is_reproducible() -> None:
    torch.manual_seed(0)
    one = Everything()
    torch.manual_seed(0)
    other = Everything()
    torch.manual_seed(1)  # what is drawn elsewhere makes no difference
    perturb(one, 1.0)
    perturb(other, 1.0)
    assert values(one) == values(other)


def test_what_is_sent_is_put_in() -> None:
    source, target = Everything(), Everything()
    perturb(source, 1.0)
    frame = sent(source)
    install(target, match(target, [meta for meta, _ in frame]), {meta["path"]: tensor_from(meta, blob) for meta, blob in frame})
    assert values(target) == values(source)


DENSE = [torch.ones(2, 3), torch.ones(3).half(), torch.tensor(True), torch.empty(0, 2), torch.ones(2).to(torch.cfloat), torch.ones(2, 3).t()]


@pytest.mark.parametrize("tensor", DENSE)
def test_a_tensor_survives_the_way(tensor: torch.Tensor) -> None:
    received = tensor_from(*meta_and_bytes("x", tensor))
    assert received is not None
    assert received.dtype == tensor.dtype
    assert torch.equal(received, tensor)


@pytest.mark.parametrize("tensor", [torch.eye(2).to_sparse(), torch.ones(2, device="meta")])
def test_a_tensor_that_is_not_dense_stays(tensor: torch.Tensor) -> None:
    assert tensor_from(*meta_and_bytes("x", tensor)) is None


def metas(target: nn.Module) -> list[Any]:
    return [meta for meta, _ in sent(target)]


def test_matches_by_name_before_order() -> None:
    one = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    other = nn.ModuleDict({"b": nn.Linear(2, 2), "a": nn.Linear(2, 2)})
    assert all(own == original for own, original in match(other, metas(one)).items())


def test_matches_renamed_modules_in_order() -> None:
    one = nn.ModuleDict({"a": nn.Linear(2, 3), "b": nn.Linear(3, 2)})
    other = nn.ModuleDict({"first": nn.Linear(2, 3), "b": nn.Linear(3, 2)})
    assert match(other, metas(one)) == {"first.weight": "a.weight", "first.bias": "a.bias", "b.weight": "b.weight", "b.bias": "b.bias"}


@pytest.mark.parametrize("other", [nn.Linear(2, 3, bias=False), nn.Linear(3, 2), nn.Linear(2, 3).double(), nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))])
def test_says_what_does_not_correspond(other: nn.Module) -> None:
    with pytest.raises(Unmatched, match="do not correspond"):
        match(other, metas(nn.Linear(2, 3)))


def test_an_expanded_buffer_can_be_put_in() -> None:
    target = nn.Module()
    target.register_buffer("scale", torch.ones(1).expand(3))
    install(target, {"scale": "scale"}, {"scale": torch.tensor([1.0, 2.0, 3.0])})
    assert target.scale.tolist() == [1.0, 2.0, 3.0]
