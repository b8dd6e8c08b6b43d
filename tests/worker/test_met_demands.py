"""An operation whose inputs do not fit passes after a few repairs, whichever of its inputs is wrong, and in whatever way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from lintorch.worker.attempt import Bench, Plan
from lintorch.worker.plans import Space
from lintorch.worker.repair import repairs
from lintorch.worker.values import Tensor

STEPS, WIDTH = 3, 12  # repairs one after another, and how many are tried of each


def ids(*shape: int) -> Tensor:
    return Tensor(shape, "ids", "int64", 9)


def floats(*shape: int) -> Tensor:
    return Tensor(shape)


def bools(*shape: int) -> Tensor:
    return Tensor(shape, "bools", "bool")


def passes(function: Callable[..., Any], given: tuple[Tensor, ...]) -> int | None:
    """After how many repairs the function returns, None where it does not after STEPS of them."""
    bench = Bench(function, torch)
    plans = [Plan(None, tuple((name, value) for name, value in zip("abc", given, strict=False)))]
    for step in range(STEPS + 1):
        outcomes = [(plan, bench.run(plan)) for plan in plans]
        if any(outcome.phase == "done" for _, outcome in outcomes):
            return step
        plans = [repaired for plan, outcome in outcomes for repaired in repairs(plan, outcome, Space())[:WIDTH]][:40]
    return None


WRONG: dict[str, tuple[Callable[..., Any], tuple[Tensor, ...]]] = {
    "linear of whole numbers": (lambda a: functional.linear(a, torch.ones(5, 4)), (ids(2, 3),)),
    "linear of images": (lambda a: functional.linear(a, torch.ones(5, 4)), (floats(2, 4, 3, 3),)),
    "a convolution of whole numbers": (lambda a: functional.conv1d(a, torch.ones(4, 3, 3)), (ids(2, 3),)),
    "a convolution in groups": (lambda a: functional.conv2d(a, torch.ones(4, 2, 3, 3), groups=2), (floats(2, 3, 8, 8),)),
    "a convolution of too little": (lambda a: functional.conv2d(a, torch.ones(4, 3, 7, 7)), (floats(2, 3, 4, 4),)),
    "a transposed convolution": (lambda a: functional.conv_transpose2d(a, torch.ones(5, 4, 3, 3)), (floats(2, 3, 8, 8),)),
    "a norm of a batch": (lambda a: functional.batch_norm(a, torch.zeros(5), torch.ones(5)), (floats(2, 3, 4),)),
    "a norm of a batch of one": (lambda a: functional.batch_norm(a, None, None, training=True), (floats(1, 3),)),
    "a norm of an instance of one": (lambda a: functional.instance_norm(a), (floats(1, 3, 1),)),
    "a norm of features": (lambda a: functional.layer_norm(a, (3, 5)), (floats(2, 4, 6),)),
    "a norm of more features than there are": (lambda a: functional.layer_norm(a, (3, 5)), (floats(5),)),
    "a norm of groups": (lambda a: functional.group_norm(a, 4, torch.ones(8), torch.ones(8)), (floats(2, 6, 4),)),
    "rows by numbers beyond": (lambda a: functional.embedding(a, torch.ones(5, 2)), (ids(2, 3),)),
    "rows by floats": (lambda a: functional.embedding(a, torch.ones(5, 2)), (floats(2, 3),)),
    "a batched product of two ranks": (torch.bmm, (floats(2, 3), floats(2, 3, 4))),
    "a batched product of other batches": (torch.bmm, (floats(2, 3, 4), floats(5, 4, 6))),
    "a product of floats and numbers": (torch.matmul, (floats(2, 3), ids(3, 4))),
    "a product of ranks": (torch.mm, (floats(2, 3, 4), floats(4, 2))),
    "sums of ranks": (torch.add, (floats(2, 3, 4), floats(3, 3))),
    "a loss of other shapes": (functional.mse_loss, (floats(2, 3), floats(2, 3, 4))),
    "a loss of chances": (functional.binary_cross_entropy, (floats(2, 3), floats(2, 4))),
    "a loss of classes by floats": (functional.cross_entropy, (floats(2, 5, 3), floats(2, 1))),
    "a likelihood of numbers beyond": (functional.nll_loss, (floats(2, 5), ids(2))),
    "a likelihood of the wrong rank": (functional.nll_loss, (floats(2, 5), ids(2, 3))),
    "parts of two ranks": (lambda a, b: torch.cat([a, b], 1), (floats(2, 3, 4), floats(2, 3))),
    "parts side by side": (lambda a, b: torch.cat((a, b), axis=-1), (floats(2, 3), floats(4, 3))),
    "parts of a stack": (lambda a, b: torch.stack([a, b]), (floats(2, 3), floats(2, 4))),
    "parts of a stack of two ranks": (lambda a, b: torch.stack([a, b]), (floats(2, 3), floats(2, 3, 4))),
    "a view of another size": (lambda a: a.view(2, 12), (floats(2, 3, 5),)),
    "a view by multiples": (lambda a: a.view(-1, 8), (floats(2, 3),)),
    "a shape with the rest before": (lambda a: a.reshape(2, -1, 5), (floats(2, 3),)),
    "a dimension that is not there": (lambda a: a.mean(3), (floats(2, 3),)),
    "two dimensions exchanged": (lambda a: a.transpose(1, 2), (floats(2, 3),)),
    "a dimension in parts": (lambda a: a.unflatten(1, (4, 3)), (floats(2, 5),)),
    "a dimension in parts with a rest": (lambda a: torch.unflatten(a, -1, (-1, 4)), (floats(2, 6),)),
    "an order of dimensions": (lambda a: a.permute(0, 2, 3, 1), (floats(2, 3),)),
    "repeats of fewer dimensions": (lambda a: a.repeat(2, 1), (floats(2, 3, 4),)),
    "pieces": (lambda a: a.split([2, 2, 3], dim=-1), (floats(2, 3),)),
    "attention of other widths": (functional.scaled_dot_product_attention, (floats(2, 3, 4), floats(2, 3, 5), floats(2, 3, 5))),
    "attention of other lengths": (functional.scaled_dot_product_attention, (floats(2, 3, 4), floats(2, 3, 4), floats(2, 6, 4))),
    "attention with a mask": (lambda a, b, c: functional.scaled_dot_product_attention(a, b, b, c), (floats(2, 3, 4), floats(2, 5, 4), bools(7, 9))),
    "heads of another width": (lambda a: torch.nn.MultiheadAttention(8, 2)(a, a, a), (floats(2, 3, 4),)),
    "heads of images": (lambda a: torch.nn.MultiheadAttention(8, 2)(a, a, a), (floats(2, 3, 4, 4),)),
    "heads with padding": (lambda a, b: torch.nn.MultiheadAttention(8, 2)(a, a, a, key_padding_mask=b), (floats(3, 2, 8), bools(5, 4))),
    "values gathered by floats": (lambda a, b: torch.gather(a, 1, b), (floats(2, 3), floats(2, 2))),
    "values gathered of another rank": (lambda a, b: torch.gather(a, 1, b), (floats(2, 3, 4), ids(2, 2))),
    "an item beyond": (lambda a: a[:, 5], (floats(2, 3),)),
    "an item of a dimension that is not there": (lambda a: a[:, 0, 1], (floats(2, 3),)),
    "items by numbers beyond": (lambda a, b: a[b], (floats(2, 3), ids(4))),
    "items by a mask of another size": (lambda a, b: a[b], (floats(2, 3), bools(4))),
    "masked by floats": (lambda a, b: a.masked_fill(b, 0.0), (floats(2, 3), floats(2, 3))),
    "masked by another shape": (lambda a, b: a.masked_fill(b, 0.0), (floats(2, 3), bools(2, 4))),
    "pools of vectors": (lambda a: functional.max_pool2d(a, 2), (floats(2, 3),)),
    "pools of too little": (lambda a: functional.avg_pool2d(a, 8), (floats(2, 3, 4, 4),)),
    "another resolution": (lambda a: functional.interpolate(a, scale_factor=2, mode="bilinear"), (floats(2, 3),)),
    "shuffled pixels": (lambda a: functional.pixel_shuffle(a, 2), (floats(2, 3, 4, 4),)),
    "unshuffled pixels": (lambda a: functional.pixel_unshuffle(a, 2), (floats(2, 3, 5, 5),)),
    "letters for dimensions": (lambda a, b: torch.einsum("bhi,bhj->bij", a, b), (floats(2, 3, 4), floats(2, 5, 4))),
    "letters for other ranks": (lambda a, b: torch.einsum("bi,ij->bj", a, b), (floats(2, 3, 4), floats(4, 2))),
    "counts of floats": (torch.bincount, (floats(2, 3),)),
    "bits of floats": (torch.bitwise_and, (floats(2, 3), ids(2, 3))),
    "the mean of whole numbers": (torch.mean, (ids(2, 3),)),
}


@pytest.mark.parametrize(("function", "given"), WRONG.values(), ids=WRONG)
def test_an_operation_passes_after_a_few_repairs(function: Callable[..., Any], given: tuple[Tensor, ...]) -> None:
    steps = passes(function, given)
    assert steps is not None, "no repairs make it pass"
    assert steps > 0, "it was right from the beginning"
