"""What flow says of the operations of torch, measured on the samples that torch tests itself with."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from lintorch.flow.differentiable import gives_indices, is_differentiable_function, is_differentiable_method, is_torch_function
from lintorch.flow.torch_names import CUTTING_FUNCTIONS, CUTTING_METHODS

pytestmark = pytest.mark.long
_Outcome = tuple[str, tuple[bool, ...]]
torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")  # what torch's own samples need

# What is left silent though its result has a graph that nobody follows, or where only some inputs give one.
_SILENT = {"unique", "unique_consecutive", "bernoulli", "normal", "item", "fill", "zero_"}


def _outcomes() -> Iterator[_Outcome]:
    """For each operation and sample: its name, and whether each of the results requires grad where every floating input does."""
    from torch.testing._internal.common_methods_invocations import op_db
    from torch.utils import _pytree

    def asks(value: object) -> object:
        floating = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.detach().clone().requires_grad_() if floating and isinstance(value, torch.Tensor) else value

    operations: list[Any] = op_db
    for op in operations:
        if op.name.startswith(("_", "masked.", "ops.", "jiterator")) or torch.float32 not in op.supported_dtypes("cpu"):
            continue
        for sample in list(op.sample_inputs("cpu", torch.float32))[:6]:
            value, arguments, keywords = _pytree.tree_map(asks, (sample.input, sample.args, sample.kwargs))
            try:
                made = op.op(value, *arguments, **keywords)
            except (RuntimeError, TypeError, ValueError, IndexError, AssertionError):
                continue  # samples of other dtypes
            parts = made if isinstance(made, tuple) else (made,)
            if all(isinstance(part, torch.Tensor) for part in parts):
                yield op.name, tuple(part.requires_grad for part in parts)


@pytest.fixture(scope="module")
def outcomes() -> list[_Outcome]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(_outcomes())


def test_what_is_said_to_hand_on_graphs_does(outcomes: list[_Outcome]) -> None:
    without = {name for name, graphs in outcomes if not any(graphs)}
    assert not {name for name in without if is_differentiable_function(f"torch.{name}") or ("." not in name and is_differentiable_method(name))}


def test_what_is_said_to_have_no_graph_has_none(outcomes: list[_Outcome]) -> None:
    having = {name for name, graphs in outcomes if any(graphs)} - _SILENT
    assert not having & (CUTTING_FUNCTIONS | CUTTING_METHODS)


def test_most_of_what_hands_on_graphs_is_known(outcomes: list[_Outcome]) -> None:
    having = {name for name, graphs in outcomes if any(graphs) and hasattr(torch, name)} - _SILENT
    assert not {name for name in having if is_torch_function(f"torch.{name}") and not is_differentiable_function(f"torch.{name}")}


def test_pairs_with_indices_are_known(outcomes: list[_Outcome]) -> None:
    pairs = {name for name, graphs in outcomes if graphs == (True, False) and hasattr(torch.Tensor, name)}
    assert pairs - _SILENT - {"lu", "geqrf"} == {name for name in pairs if gives_indices(name, dimension=True)}
