"""What is handed over where code wants a submodule, a factory of submodules or a function, and nothing says which."""

from __future__ import annotations

from typing import Any

import torch


class Through(torch.nn.Module):
    """A module that takes any arguments when built and when called, and gives its first floating tensor back, scaled by a parameter.

    As a class it also serves as a factory; a parameter makes gradients flow through its place.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(0.75))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        first = next(iter([*args, *kwargs.values()]), None)
        return first * self.gain if isinstance(first, torch.Tensor) and first.is_floating_point() else first


class Several(Through):
    """Passes its first input on as each item of a tuple: stands for a submodule whose answer is taken apart."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, *given: Any, **named: Any) -> Any:
        """The first argument, so many times."""
        return (super().forward(*given, **named),) * self.count


class Positive(Through):
    """Passes its first input on made positive: stands for what gives the scales, rates or concentrations of a distribution."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The first argument, softly rectified and away from zero; a share of it where the shares of something are wanted all the same."""
        given = super().forward(*args, **kwargs)
        return torch.nn.functional.softplus(given) + 0.1 if isinstance(given, torch.Tensor) and given.is_floating_point() else given


class PositivePair(Positive):
    """Passes its first input on as each item of a tuple, made positive."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The first argument made positive, so many times."""
        return (super().forward(*args, **kwargs),) * self.count


class Answer:
    """A function that gives one `value` whatever it is asked: stands for `dataset.num("item")`. The value is set afterwards."""

    value: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.value
