"""The canary: expressions of a rewrite, altered one at a time, to see whether a run would notice if they were wrong."""

from __future__ import annotations

import builtins
import dataclasses
import enum
from typing import Any, Dict, List, Optional, Set

import torch

from .nesting import rebuild

NAME = "__lintorch_canary__"


class Canary:
    """Called round every probed expression; alters the value of the active probe alone and notes which gradients came back to it."""

    def __init__(self) -> None:
        self.active: Optional[int] = None
        self.turn = 0  # which of several alterations
        self.reached: Set[int] = set()  # probes that were evaluated while active
        self.asked_gradient: Set[int] = set()  # of these, those with a value that has a graph
        self.got_gradient: Set[int] = set()  # and those whose gradient was not all zero

    def install(self) -> None:
        """Make the canary known to code that is loaded from now on."""
        setattr(builtins, NAME, self)

    def __call__(self, probe: int, value: Any) -> Any:
        if probe != self.active:
            return value
        self.reached.add(probe)
        altered = alter(value, self.turn)
        for tensor in _tensors_of(altered):
            if tensor.requires_grad:
                self._watch(probe, tensor)
        return altered

    def _watch(self, probe: int, tensor: torch.Tensor) -> None:
        self.asked_gradient.add(probe)

        def note(gradient: torch.Tensor) -> None:
            if gradient.layout != torch.strided or bool((gradient != 0).any()):
                self.got_gradient.add(probe)

        tensor.register_hook(note)  # type: ignore[no-untyped-call, unused-ignore]


def _tensors_of(value: Any) -> List[torch.Tensor]:
    found: Dict[int, torch.Tensor] = {}
    rebuild(value, lambda tensor: found.setdefault(id(tensor), tensor))
    return list(found.values())


def alter(value: Any, turn: int = 0) -> Any:
    """A value like `value` (type, dtype, shape, graph) that differs from it in every part that can differ; for floats, differently at each turn."""
    if isinstance(value, torch.Tensor):
        return _alter_tensor(value, turn)
    if isinstance(value, torch.nn.Module) or callable(value):
        return _Altered(value, turn)
    if isinstance(value, tuple):
        return _alter_tuple(value, turn)
    if isinstance(value, list):
        return [alter(part, turn) for part in value] or [None]
    if isinstance(value, dict) and value:
        return _alter_mapping(value, turn)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return rebuild(value, lambda tensor: _alter_tensor(tensor, turn))
    return _alter_plain(value, turn)


def _alter_tensor(tensor: torch.Tensor, turn: int) -> torch.Tensor:
    if tensor.layout != torch.strided or tensor.is_nested:
        return tensor * 1.5
    if tensor.is_floating_point() or tensor.is_complex():
        # Uneven, so that no normalisation takes it out again, and away from zero, which a factor would leave as it is.
        wave = torch.cos(torch.arange(tensor.numel(), dtype=torch.float32) * 0.7 + 0.3 + 2 * turn).reshape(tensor.shape)
        return tensor * (1 + 0.5 * wave).to(tensor.dtype) + (0.1 * wave.flip(0) if wave.dim() else 0.1 * wave).to(tensor.dtype)
    if tensor.dtype == torch.bool:
        return ~tensor
    return tensor + 1


def _alter_tuple(value: Any, turn: int) -> Any:
    parts = [alter(part, turn) for part in value]
    if hasattr(value, "_fields"):
        return rebuild(value, lambda tensor: _alter_tensor(tensor, turn))
    return tuple(parts) if type(value) in (tuple, torch.Size) or not parts else type(value)(parts)


def _alter_mapping(value: Dict[Any, Any], turn: int) -> Any:
    altered = rebuild(value, lambda tensor: tensor)
    for key, part in value.items():
        altered[key] = alter(part, turn)
    return altered


def _alter_plain(value: Any, turn: int) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, enum.Enum):
        return next((member for member in type(value) if member is not value), None)
    if isinstance(value, (int, float, complex)):
        return value + 1 if isinstance(value, int) else value * 1.5 + 0.25
    if isinstance(value, str):
        return value + "'"
    if isinstance(value, torch.dtype):
        return torch.float64 if value != torch.float64 else torch.float32
    return _Altered(value, turn)


class _Altered:
    """Stands for an object: behaves like it, but what its calls give is altered, and it is not the object itself."""

    def __init__(self, original: Any, turn: int) -> None:
        self._original, self._turn = original, turn

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return alter(self._original(*args, **kwargs), self._turn)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)
