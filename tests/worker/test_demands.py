"""What an operation that raised wants: the first set of demands, carried out on the tensors, makes the same operation pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from lintorch.worker.attempt import Bench, Outcome, Plan
from lintorch.worker.demand import Demand, Equal, Fill, Multiple, Rank, Size
from lintorch.worker.demands import demands
from lintorch.worker.plans import Space
from lintorch.worker.repair import fulfil, repairs, reranked
from lintorch.worker.tune import gap_of, tuned
from lintorch.worker.values import Literal, Tensor


def first(function: Any, *args: Any, **kwargs: Any) -> tuple[Demand, ...]:
    """The likeliest demands of a call that raises."""
    with pytest.raises(Exception) as raised:
        function(*args, **kwargs)
    return demands((function, args, kwargs), raised.value)[0]


def test_a_linear_layer_wants_its_features() -> None:
    (wish,) = first(functional.linear, x := torch.ones(2, 3), torch.ones(5, 4))
    assert isinstance(wish, Size) and wish.tensor is x and (wish.dim, wish.want) == (1, 4)


def test_a_convolution_wants_its_rank_and_channels() -> None:
    rank, size = first(functional.conv2d, torch.ones(2, 3), torch.ones(4, 3, 3, 3))
    assert isinstance(rank, Rank) and rank.want == 4
    assert isinstance(size, Size) and (size.dim, size.want) == (1, 3)


def test_an_embedding_wants_whole_numbers_below_its_length() -> None:
    (wish,) = first(functional.embedding, torch.tensor([7]), torch.ones(5, 2))
    assert isinstance(wish, Fill) and (wish.fill, wish.high) == ("ids", 5)


def test_groups_want_a_multiple() -> None:
    (wish,) = first(functional.group_norm, torch.ones(2, 6, 4), 4)
    assert isinstance(wish, Multiple) and (wish.dim, wish.by) == (1, 4)


@pytest.mark.parametrize(
    ("function", "args", "dim", "want"),
    [
        (torch.matmul, (torch.ones(2, 3), torch.ones(4, 2)), 1, 4),
        (torch.cat, ([torch.ones(2, 3), torch.ones(4, 3)], 1), 0, 2),
        (torch.add, (torch.ones(2, 3), torch.ones(2, 4)), 1, 3),
        (torch.einsum, ("bi,ij->bj", torch.ones(2, 3), torch.ones(4, 2)), 0, 3),
        (torch.split, (torch.ones(2, 3), [2, 2], 1), 1, 4),
    ],
)
def test_two_tensors_that_do_not_fit(function: Any, args: Any, dim: int, want: int) -> None:
    (wish,) = first(function, *args)
    assert isinstance(wish, Size) and (wish.dim, wish.want) == (dim, want)


def test_class_labels_are_whole_numbers_of_the_right_shape() -> None:
    wishes = first(functional.cross_entropy, torch.ones(2, 5, 3), torch.ones(2, 5, 4))
    assert isinstance(wishes[0], Fill) and wishes[0].high == 5
    assert isinstance(wishes[1], Rank) and wishes[1].want == 2


def test_an_operation_without_a_rule_of_its_own() -> None:
    (wish,) = first(torch.bitwise_and, torch.ones(2, dtype=torch.int64), torch.ones(3, dtype=torch.int64))
    assert isinstance(wish, Size) and wish.want == 2


def outcome_of(function: Any, plan: Plan) -> Outcome:
    return Bench(function, torch).run(plan)


def test_a_repair_meets_the_demand() -> None:
    layer = torch.nn.Linear(7, 2)
    plan = Plan(None, (("x", Tensor((2, 32))),))
    (better, *_) = repairs(plan, outcome_of(lambda x: layer(x), plan), Space())
    assert dict(better.call)["x"] == Tensor((2, 7))


def test_a_number_of_the_call_may_become_negative() -> None:
    def total(x: torch.Tensor, dim: int) -> torch.Tensor:
        if dim != -2:
            raise ValueError(f"expected -2, got {dim}")
        return x.sum(dim)

    plan = Plan(None, (("x", Tensor((2, 3))), ("dim", Literal(4))))
    outcome = Outcome("forward", error=ValueError("x"))
    proposals = list(fulfil(plan, outcome, (Equal(4, -2),)))
    assert [dict(found.call)["dim"] for found in proposals] == [Literal(-2)]
    assert outcome_of(total, proposals[0]).phase == "done"


@pytest.mark.parametrize(("rank", "shape"), [(0, ()), (1, (2,)), (2, (2, 5)), (3, (2, 3, 5)), (4, (2, 32, 16, 16))])
def test_another_rank_keeps_batch_and_features(rank: int, shape: tuple[int, ...]) -> None:
    assert reranked(Tensor((2, 3, 5)), rank).shape == shape


def test_one_size_far_inside_is_found_by_measuring() -> None:
    conv, fc = torch.nn.Conv2d(1, 2, 5, stride=3), torch.nn.Linear(2 * 7 * 7, 3)

    def run(x: torch.Tensor) -> torch.Tensor:
        return fc(conv(x).flatten(1))

    bench, plan = Bench(run, torch), Plan(None, (("x", Tensor((2, 1, 16, 16))),))
    outcome = bench.run(plan)
    gap = gap_of(outcome)
    assert gap is not None and (gap.got, gap.want) == (2 * 4 * 4, 98)
    found = tuned(bench, plan, outcome)
    assert found is not None and bench.run(found).phase == "done"


def test_no_single_size_makes_it_pass() -> None:
    def run(x: torch.Tensor) -> torch.Tensor:
        return x.sum((-1, -2)).reshape(5, 5)

    bench, plan = Bench(run, torch), Plan(None, (("x", Tensor((2, 3, 8, 8))),))
    assert tuned(bench, plan, bench.run(plan)) is None
