"""Torch's factories, and what else knows no unknowns, made to take them; and everything stays on the processor.

Their arguments are parsed before any mode is asked. The process is thrown away after its run.
"""

from __future__ import annotations

import functools
from typing import Any

import torch

from .nesting import tensors
from .pliable import ELEMENTS, Pliable, replacement


def adapt_factories() -> None:
    """Let torch's factories take an unknown where they want a size."""
    for name in ("zeros", "ones", "rand", "randn", "empty", "full", "arange", "randint", "linspace", "eye", "randperm"):
        setattr(torch, name, _adapted(getattr(torch, name)))
    for name in ("FloatTensor", "DoubleTensor", "HalfTensor", "LongTensor", "IntTensor", "ByteTensor", "BoolTensor"):
        setattr(torch.cuda, name, getattr(torch, name))
    for kind in (torch.Tensor, torch.nn.Module):
        vars_of: Any = kind
        vars_of.cuda = _staying
    for name in ("from_numpy", "as_tensor", "tensor"):
        setattr(torch, name, _accepting(getattr(torch, name)))
    for name in ("cat", "concat", "stack", "hstack", "vstack"):
        setattr(torch, name, _listing(getattr(torch, name)))
    for name in ("add", "sub", "addcmul", "addcdiv", "clamp", "lerp"):
        setattr(torch, name, _numbering(getattr(torch, name)))


def _staying(owner: Any, *args: Any, **kwargs: Any) -> Any:
    """In place of `.cuda()`: everything runs on the processor."""
    return owner


def _numbering(function: Any) -> Any:
    @functools.wraps(function)
    def compute(*args: Any, **kwargs: Any) -> Any:
        numbers = {key: float(value) if isinstance(value, Pliable) and key in ("alpha", "value", "min", "max") else value for key, value in kwargs.items()}
        return function(*args, **numbers)

    return compute


def _listing(function: Any) -> Any:
    @functools.wraps(function)
    def join(parts: Any, *args: Any, **kwargs: Any) -> Any:
        return function([parts.element(number) for number in range(2)] if isinstance(parts, Pliable) else parts, *args, **kwargs)

    return join


def _accepting(factory: Any) -> Any:
    @functools.wraps(factory)
    def make(data: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(data, Pliable):
            return data.detach()
        try:
            return factory(data, *args, **kwargs)
        except (RuntimeError, TypeError, ValueError):
            if not any(isinstance(tensor, Pliable) for _, tensor in tensors(data, "")):
                raise
            return replacement(factory, factory.__name__, (data,), {}).detach()  # a copy never has a graph

    return make


def pliable_isinstance(value: Any, kinds: Any) -> bool:
    """`isinstance`, which nothing is an instance of an unknown for."""
    known = tuple(kind for kind in (kinds if isinstance(kinds, tuple) else (kinds,)) if not isinstance(kind, Pliable))
    return isinstance(value, known)


def pliable_range(*bounds: Any) -> range:
    """`range`, which has elements where an unknown is among its bounds."""
    made = range(*map(int, bounds))
    return made if made or not any(isinstance(bound, Pliable) for bound in bounds) else range(ELEMENTS)


def _adapted(factory: Any) -> Any:
    @functools.wraps(factory)
    def make(*args: Any, **kwargs: Any) -> Any:
        sizes = [_as_size(value) for value in args]
        try:
            return factory(*sizes, **{key: _as_size(value) for key, value in kwargs.items()})
        except (RuntimeError, TypeError):
            if not any(isinstance(tensor, Pliable) for _, tensor in tensors((args, kwargs), "")):
                raise
            return replacement(factory, factory.__name__, args, {})

    return make


def _as_size(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(map(_as_size, value)) if type(value) in (tuple, list) else tuple(map(_as_size, value))
    return int(value) if isinstance(value, Pliable) else value
