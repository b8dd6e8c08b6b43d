"""The kinds of demands that an operation, or the text of an error, makes of tensors and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

import torch


@dataclass(frozen=True, eq=False)
class Size:
    """Dimension `dim` of the tensor should be `want`."""

    tensor: torch.Tensor
    dim: int
    want: int


@dataclass(frozen=True, eq=False)
class Rank:
    """The tensor should have `want` dimensions."""

    tensor: torch.Tensor
    want: int


@dataclass(frozen=True, eq=False)
class Fill:
    """The tensor should hold other values: a fill of values.FILLS, whole numbers below `high`."""

    tensor: torch.Tensor
    fill: str
    high: int = 2
    dtype: str = ""


@dataclass(frozen=True, eq=False)
class Multiple:
    """Dimension `dim` of the tensor should be divisible by `by`."""

    tensor: torch.Tensor
    dim: int
    by: int


@dataclass(frozen=True, eq=False)
class Grow:
    """The sizes beyond the first `keep` dimensions are too small."""

    tensor: torch.Tensor
    keep: int = 2


@dataclass(frozen=True)
class Equal:
    """Some number `got`, of a tensor's shape or a constructor's argument, should be `want`."""

    got: int
    want: int


@dataclass(frozen=True)
class Divisible:
    """Some number should be divisible by `by`."""

    number: int
    by: int


Demand = Union[Size, Rank, Fill, Multiple, Grow, Equal, Divisible]
