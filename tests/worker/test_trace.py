"""What two traces that differ have in common: the operations, and the numbers given to them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from lintorch.worker.trace import Trace, Tracer  # noqa: E402


def trace(function: Callable[[torch.Tensor], torch.Tensor]) -> Trace:
    value = torch.linspace(-1, 1, 8)
    tracer = Tracer()
    tracer.name(value, "value")
    with tracer:
        function(value)
    return tracer.result()


def test_another_constant_is_another_number_in_the_same_form() -> None:
    one, other = trace(lambda x: x * 0.5), trace(lambda x: x * 0.25)
    assert one.form == other.form
    assert one.numbers != other.numbers
    assert one.digest != other.digest


def test_numbers_that_only_double_precision_tells_apart_count_as_the_same() -> None:
    one, other = trace(lambda x: x * 2**-0.5), trace(lambda x: x * (1 / math.sqrt(2)))  # 0.7071067811865476 and 0.7071067811865475
    assert one.numbers == other.numbers
    assert one.digest != other.digest


def test_another_operation_is_another_form() -> None:
    assert trace(lambda x: x * 0.5).form != trace(lambda x: x / 0.5).form
