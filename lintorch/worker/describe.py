"""From live objects to values that make others like them: how an argument that was seen is written down."""

from __future__ import annotations

import enum
import inspect
from typing import Any, Dict, List, Optional, Tuple

import torch

from .classes import name_of
from .configs import constructible
from .make import Given
from .tree import signature
from .values import Built, Code, Items, Literal, Named, Record, Table, Tensor, Value

_DEEPEST = 4
_LONGEST = 64


class Describer:
    """Describes objects. `known` has the values of objects, by id, that were made from them."""

    def __init__(self, known: Dict[int, Value]) -> None:
        self.known = known

    def describe(self, thing: Any, depth: int = _DEEPEST) -> Optional[Value]:
        """A value for the object; None where none is known that would do."""
        if id(thing) in self.known:
            return self.known[id(thing)]
        if thing is None or type(thing) in (bool, int, float, str, complex):
            return Literal(thing)
        if isinstance(thing, torch.Tensor):
            return described_tensor(thing)
        if depth == 0:
            return None
        if isinstance(thing, (list, tuple, dict)):
            return _spelled(thing) or self._container(thing, depth)
        return self._object(thing, depth)

    def _container(self, thing: Any, depth: int) -> Optional[Value]:
        if isinstance(thing, dict):
            pairs = [(key, self.describe(item, depth - 1)) for key, item in thing.items()]
            told = tuple((key, item) for key, item in pairs if item is not None)
            return Table(told) if len(told) == len(pairs) <= _LONGEST else None
        try:
            inside = list(thing)[: _LONGEST + 1]
        except Exception:  # a class of the project's own that lets nobody count it
            return None
        items = [self.describe(item, depth - 1) for item in inside]
        known = tuple(item for item in items if item is not None)
        return Items("list" if isinstance(thing, list) else "tuple", known) if len(known) == len(items) <= _LONGEST else None

    def _object(self, thing: Any, depth: int) -> Optional[Value]:
        if isinstance(thing, (torch.dtype, torch.device)):
            return Code(str(thing)) if isinstance(thing, torch.dtype) else Literal(str(thing))
        if isinstance(thing, enum.Enum):
            named = name_of(type(thing))
            return Named(f"{named.name}.{thing.name}") if named is not None else None
        if isinstance(thing, type) or inspect.isroutine(thing):
            return name_of(thing) if not inspect.ismethod(thing) else None
        if isinstance(thing, Given):
            return self._record(thing, depth)
        return self._instance(thing, depth)

    def _record(self, thing: Given, depth: int) -> Optional[Value]:
        pairs = [(name, self.describe(item, depth - 1)) for name, item in vars(thing).items() if not name.startswith("_")]
        return Record(tuple((name, item) for name, item in pairs if item is not None))

    def _instance(self, thing: Any, depth: int) -> Optional[Value]:
        """An instance made anew: from the attributes named like its constructor's parameters, or by default with those attributes that differ set."""
        named = name_of(type(thing))
        if named is None or type(thing).__module__ == "builtins":
            return None
        if isinstance(thing, (torch.nn.Sequential, torch.nn.ModuleList)):
            return self._modules(named, thing, depth)
        if constructible(type(thing)) and not isinstance(thing, torch.nn.Module):
            return self._changed(named, thing, depth)
        return self._remade(named, thing, depth)

    def _modules(self, named: Named, thing: Any, depth: int) -> Optional[Value]:
        items = [self.describe(item, depth - 1) for item in list(thing)[: _LONGEST + 1]]
        known = tuple(item for item in items if item is not None)
        if len(known) != len(items) or len(items) > _LONGEST:
            return None
        return Built(named, (("*args", Items("list", known)),) if isinstance(thing, torch.nn.Sequential) else (("modules", Items("list", known)),))

    def _changed(self, named: Named, thing: Any, depth: int) -> Optional[Value]:
        try:
            usual = vars(type(thing)())
            own = vars(thing)
        except Exception:
            return None
        different = [(name, item) for name, item in own.items() if name not in usual or not _same(usual[name], item)]
        told = [(name, self.describe(item, depth - 1)) for name, item in different]
        return Built(named, (), tuple((name, item) for name, item in told if item is not None))

    def _remade(self, named: Named, thing: Any, depth: int) -> Optional[Value]:
        shape = signature(type(thing))
        given: List[Tuple[str, Value]] = []
        for parameter in shape.parameters.values() if shape is not None else ():
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                continue
            value = self._kept(thing, parameter, depth)
            if value is not None:
                given.append((f"={parameter.name}", value))
            elif parameter.default is parameter.empty:
                return None
        return Built(named, tuple(given)) if shape is not None else None

    def _kept(self, thing: Any, parameter: inspect.Parameter, depth: int) -> Optional[Value]:
        """What the constructor got for a parameter, where an attribute of that name keeps it."""
        try:
            kept = getattr(thing, parameter.name)
        except Exception:
            return None
        if isinstance(kept, torch.Tensor) and parameter.name == "bias":  # `bias=True` becomes a parameter of that name
            return Literal(True)
        return None if isinstance(kept, torch.Tensor) or inspect.ismethod(kept) else self.describe(kept, depth - 1)


def _spelled(thing: Any) -> Optional[Value]:
    """A container of a class of the project's own, built from its text where that gives an equal one: `Irreps("2x0e + 1x1o")`."""
    if not isinstance(thing, (tuple, list)) or hasattr(thing, "_fields") or type(thing).__module__.partition(".")[0] in ("builtins", "torch"):
        return None
    named = name_of(type(thing))
    try:
        text = str(thing)
        return Built(named, (("text", Literal(text)),)) if named is not None and _same(type(thing)(text), thing) else None
    except Exception:
        return None


def _same(one: Any, other: Any) -> bool:
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:
        return False


def described_tensor(tensor: torch.Tensor) -> Optional[Value]:
    """A tensor of that shape, dtype and kind of values."""
    if tensor.layout != torch.strided or tensor.is_quantized:
        return None
    shape, dtype = tuple(tensor.shape), str(tensor.dtype).replace("torch.", "")
    with torch.no_grad():
        if tensor.is_floating_point() or tensor.is_complex():
            return Tensor(shape, _drawn(tensor), dtype)
        if tensor.dtype == torch.bool:
            return Tensor(shape, "ones" if bool(tensor.all()) else "bools", dtype)
        low, high = (int(tensor.min()), int(tensor.max())) if tensor.numel() else (0, 1)
        return Tensor(shape, "ones" if low == high == 1 else "ids", dtype, max(high + 1, 2))


def _drawn(tensor: torch.Tensor) -> str:
    if tensor.is_complex() or not tensor.numel() or not bool(torch.isfinite(tensor).all()):
        return "normal"
    low, high = float(tensor.detach().min()), float(tensor.detach().max())
    return "ones" if low == high == 1 else "unit" if low >= 0 and high <= 1 and low != high else "normal"
