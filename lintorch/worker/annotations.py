"""What a parameter's annotation says about its value."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import inspect
import numbers
import typing
from typing import Any, Dict, List, Tuple

import torch

# A sort is what kind of value a parameter wants, with what is known about its inside.


@dataclasses.dataclass(frozen=True)
class Sort:
    """The kind of a value. `kind`: int float bool str tensor module factory function config sequence table device dtype choice enum none unknown.

    `inside` are the sorts of items; `object` is the class, enum or list of choices behind it; `dtype` and `fill` refine a tensor.
    """

    kind: str
    inside: Tuple["Sort", ...] = ()
    object: Any = None
    container: str = "tuple"
    optional: bool = False
    fill: str = ""
    others: Tuple["Sort", ...] = ()  # what a union allows besides


UNKNOWN = Sort("unknown")
_PLAIN: Dict[Any, str] = {int: "int", float: "float", bool: "bool", str: "str", complex: "float", torch.device: "device", torch.dtype: "dtype"}
_TENSOR_FILLS = {"LongTensor": "ids", "IntTensor": "ids", "BoolTensor": "bools"}
_SEQUENCES = (list, tuple, set, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection, torch.nn.ModuleList)


def resolve(annotation: Any, function: Any) -> Any:
    """An annotation as an object: strings are evaluated in the function's globals, None where that fails."""
    if not isinstance(annotation, str):
        return annotation
    names = getattr(inspect.unwrap(function), "__globals__", {}) if callable(function) else {}
    try:
        return eval(annotation, {**vars(typing), **names})
    except Exception:
        return _by_text(annotation)


def _by_text(annotation: str) -> Any:
    """Annotations whose names are missing or newer than the interpreter, by their look."""
    bare = annotation.replace(" ", "").replace("|None", "").replace("None|", "")
    if bare.startswith("Optional["):
        bare = bare[len("Optional[") : -1]
    if bare.rpartition(".")[2] == "Tensor" or "Tensor," in annotation:
        return torch.Tensor
    return {"int": int, "float": float, "bool": bool, "str": str, "int|float": float, "float|int": float}.get(bare)


def sort_of(annotation: Any) -> Sort:
    """The sort an annotation object stands for."""
    if annotation is None or annotation is inspect.Parameter.empty or annotation is Any:
        return UNKNOWN
    if isinstance(annotation, (typing.TypeVar,)):
        return sort_of(annotation.__bound__)
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is not None or inside:
        return _generic(origin, inside)
    if annotation in (None, type(None)):
        return Sort("none")
    if isinstance(annotation, type):
        return _plain(annotation)
    if callable(annotation) and getattr(annotation, "__supertype__", None):  # NewType
        return sort_of(annotation.__supertype__)
    return UNKNOWN


def _plain(annotation: type) -> Sort:
    if annotation is torch.Size:
        return Sort("sequence", inside=(Sort("int"), Sort("int")), object="fixed")
    if annotation in _PLAIN:
        return Sort(_PLAIN[annotation])
    if issubclass(annotation, numbers.Number):
        return Sort("number")
    if annotation.__name__ in _TENSOR_FILLS:
        return Sort("tensor", fill=_TENSOR_FILLS[annotation.__name__])
    if issubclass(annotation, torch.Tensor) or annotation.__name__ in ("Tensor", "FloatTensor", "ndarray"):
        return Sort("tensor")
    if issubclass(annotation, torch.nn.Module):
        return Sort("module", object=annotation)
    if issubclass(annotation, enum.Enum):
        return Sort("enum", object=annotation)
    if issubclass(annotation, dict) or annotation is collections.abc.Mapping:
        return Sort("table", object=annotation)
    if issubclass(annotation, (list, tuple)) or annotation in _SEQUENCES:
        return Sort("sequence", container="list" if issubclass(annotation, list) else "tuple", object=annotation if hasattr(annotation, "_fields") else None)
    if annotation is collections.abc.Callable:  # type: ignore[comparison-overlap]
        return Sort("function")  # type: ignore[unreachable]
    return Sort("config", object=annotation)


def _generic(origin: Any, inside: Tuple[Any, ...]) -> Sort:
    if origin is typing.Union or str(origin) == "<class 'types.UnionType'>":
        return _union([part for part in inside if part is not type(None)], type(None) in inside)
    if origin is typing.Literal:
        return Sort("choice", object=list(inside))
    if str(origin).endswith("Annotated"):
        return sort_of(inside[0])
    if origin is type:
        return Sort("factory", object=inside[0] if isinstance(inside[0], type) else None)
    if origin is collections.abc.Callable:
        return Sort("function", object=inside)
    if isinstance(origin, type) and issubclass(origin, collections.abc.Mapping):
        return Sort("table", inside=tuple(sort_of(part) for part in inside[1:]))
    if isinstance(origin, type) and (issubclass(origin, (list, tuple)) or origin in _SEQUENCES):
        return _sequence(origin, inside)
    return sort_of(origin) if isinstance(origin, type) else UNKNOWN


def _sequence(origin: type, inside: Tuple[Any, ...]) -> Sort:
    items = [part for part in inside if part is not Ellipsis and part != ()]
    variadic = origin is not tuple or Ellipsis in inside
    sorts = tuple(sort_of(part) for part in items)
    return Sort("sequence", inside=sorts, container="tuple" if issubclass(origin, tuple) else "list", object="any length" if variadic else "fixed")


_PREFERENCE = ("tensor", "int", "float", "bool", "choice", "str", "enum", "factory", "module", "function", "config", "sequence", "table")


def _union(parts: List[Any], optional: bool) -> Sort:
    sorts = [sort_of(part) for part in parts]
    ranked = sorted(sorts, key=lambda sort: _PREFERENCE.index(sort.kind) if sort.kind in _PREFERENCE else len(_PREFERENCE))
    best = ranked[0] if ranked else UNKNOWN
    return dataclasses.replace(best, optional=optional or best.optional, others=tuple(ranked[1:]))


def annotated(function: Any, parameter: inspect.Parameter) -> Sort:
    """The sort that a parameter's annotation gives, unknown where it has none or it leads nowhere."""
    try:
        return sort_of(resolve(parameter.annotation, function))
    except Exception:
        return UNKNOWN
