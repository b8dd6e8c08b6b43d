"""Walks values of any nesting down to their tensors and plain data, and copies the nesting round other tensors."""

from __future__ import annotations

import copy
import dataclasses
import enum
import types
from typing import Any, Callable, Dict, Iterator, NamedTuple, Set, Tuple

import torch

PLAIN = (
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    type(None),
    type(Ellipsis),
    range,
    slice,
    enum.Enum,
    torch.dtype,
    torch.device,
    torch.layout,
    torch.memory_format,
)
_CODE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, types.GeneratorType, type, torch.nn.Module, torch.Generator)
_DEEPEST = 40


class Leaf(NamedTuple):
    """One place in a value. `kind` is tensor, array (of numpy), plain, node (a container: its type and size) or opaque (nothing of it can be compared)."""

    path: str
    kind: str
    value: Any


def walk(value: Any, path: str) -> Iterator[Leaf]:
    """Every place of `value`, containers before what they hold; `path` names the value itself ("output")."""
    return _walk(value, path, set(), 0)


def _walk(value: Any, path: str, inside: Set[int], depth: int) -> Iterator[Leaf]:
    if isinstance(value, torch.Tensor):
        yield Leaf(path, "tensor", value)
    elif isinstance(value, PLAIN):
        yield Leaf(path, "plain", value)
    elif type(value).__module__ == "numpy" and hasattr(value, "tobytes"):
        yield Leaf(path, "array", value)
    elif isinstance(value, _CODE) or depth > _DEEPEST:
        yield Leaf(path, "opaque", value)
    elif id(value) in inside:
        yield Leaf(path, "node", (type(value).__qualname__, "recursive"))
    else:
        yield from _walk_container(value, path, inside | {id(value)}, depth + 1)


def _walk_container(value: Any, path: str, inside: Set[int], depth: int) -> Iterator[Leaf]:
    parts = _parts(value)
    if parts is None:
        yield Leaf(path, "opaque", value)
        return
    yield Leaf(path, "node", (type(value).__qualname__, len(parts)))
    for step, part in parts.items():
        yield from _walk(part, path + step, inside, depth)


def _parts(value: Any) -> "Dict[str, Any] | None":
    """What a container holds, by the text that leads from it to the part; None for what is no container."""
    fields = getattr(type(value), "_fields", None)
    if isinstance(value, tuple) and fields:
        return {f".{name}": part for name, part in zip(fields, value)}
    if isinstance(value, (list, tuple)) or type(value).__qualname__ == "deque":
        return {f"[{index}]": part for index, part in enumerate(value)}
    if isinstance(value, dict):
        return {f"[{key!r}]": part for key, part in value.items()}
    if isinstance(value, (set, frozenset)):
        return {f"{{{index}}}": part for index, part in enumerate(sorted(value, key=repr))}
    if dataclasses.is_dataclass(value):
        return {f".{field.name}": getattr(value, field.name, None) for field in dataclasses.fields(value)}
    return {f".{name}": part for name, part in vars(value).items()} if hasattr(value, "__dict__") else None


def tensors(value: Any, path: str) -> Iterator[Tuple[str, torch.Tensor]]:
    """The tensors in `value`, in the order of the walk, each with its path."""
    return ((leaf.path, leaf.value) for leaf in walk(value, path) if leaf.kind == "tensor")


def rebuild(value: Any, replace: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """`value` with new containers round new tensors; objects that are neither are shared with the original."""
    if isinstance(value, torch.Tensor):
        return replace(value)
    if isinstance(value, tuple):
        return _rebuild_tuple(value, replace)
    if isinstance(value, list):
        return _filled(value, lambda new: new.__setitem__(slice(None), [rebuild(part, replace) for part in value]))
    if isinstance(value, dict):
        return _filled(value, lambda new: dict.update(new, {key: rebuild(part, replace) for key, part in value.items()}))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _filled(value, lambda new: vars(new).update({name: rebuild(part, replace) for name, part in vars(value).items()}))
    return value


def _rebuild_tuple(value: Any, replace: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    parts = [rebuild(part, replace) for part in value]
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


def _filled(value: Any, fill: Callable[[Any], Any]) -> Any:
    new = copy.copy(value)
    fill(new)
    return new
