"""Values to build a module from and to call it with: data that can be changed, written as JSON, shown as Python, and made real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple, Union

# How a tensor is filled: values of both signs, values between 0 and 1, whole numbers in [0, high), falling lengths from high on,
# offsets that rise from 0 to high, booleans,
# a mask that leaves out the last quarter, ones, or zeros.
FILLS = ("normal", "unit", "ids", "lengths", "offsets", "bools", "mask", "ones", "zeros")


@dataclass(frozen=True)
class Literal:
    """A number, a string, a boolean, None."""

    value: Union[int, float, str, bool, None, complex]


@dataclass(frozen=True)
class Tensor:
    """A tensor by shape, dtype name and fill; `high` bounds the whole numbers."""

    shape: Tuple[int, ...]
    fill: str = "normal"
    dtype: str = "float32"
    high: int = 2


@dataclass(frozen=True)
class Items:
    """A tuple or list (`kind`) of values."""

    kind: str
    items: Tuple["Value", ...]


@dataclass(frozen=True)
class Table:
    """A dict with string (or number) keys."""

    items: Tuple[Tuple[Any, "Value"], ...]


@dataclass(frozen=True)
class Named:
    """An object by name: dotted from an importable module ("torch.nn:LayerNorm"), or from the loaded file (":Block")."""

    name: str


@dataclass(frozen=True)
class Built:
    """What calling `maker` gives, attributes set afterwards: a submodule, a config."""

    maker: Named
    arguments: Tuple[Tuple[str, "Value"], ...] = ()
    attributes: Tuple[Tuple[str, "Value"], ...] = ()


@dataclass(frozen=True)
class Record:
    """An object of which only the attributes are known: those that were asked for."""

    attributes: Tuple[Tuple[str, "Value"], ...] = ()


@dataclass(frozen=True)
class Code:
    """A Python expression, evaluated where the file's names and torch are known."""

    text: str


Value = Union[Literal, Tensor, Items, Table, Named, Built, Record, Code]
Arguments = Tuple[Tuple[str, Value], ...]  # by parameter name; "*name" holds Items for extra positional ones, "**name" a Table

_TAGS: Dict[str, type] = {kind.__name__.lower(): kind for kind in (Literal, Tensor, Items, Table, Named, Built, Record, Code)}


def to_json(value: Any) -> Any:
    """A value (or a tuple of them) as JSON."""
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if type(value).__name__.lower() in _TAGS:
        fields = {name: to_json(field) for name, field in vars(value).items()}
        return {"is": type(value).__name__.lower(), **fields}
    return value


def from_json(data: Any) -> Any:
    """The value that `to_json` wrote."""
    if isinstance(data, list):
        return tuple(from_json(item) for item in data)
    if isinstance(data, dict):
        return _TAGS[data["is"]](**{name: from_json(field) for name, field in data.items() if name != "is"})
    return data


def children(value: Value) -> List[Tuple[Any, Value]]:
    """The values directly inside, each with its key."""
    if isinstance(value, Items):
        return list(enumerate(value.items))
    if isinstance(value, Table):
        return list(value.items)
    if isinstance(value, Record):
        return list(value.attributes)
    if isinstance(value, Built):
        return [(("argument", name), child) for name, child in value.arguments] + [(("attribute", name), child) for name, child in value.attributes]
    return []


Path = Tuple[Any, ...]


def leaves(value: Value, path: Path = ()) -> List[Tuple[Path, Value]]:
    """Every value that holds no other, with its path."""
    inside = children(value)
    return [leaf for key, child in inside for leaf in leaves(child, (*path, key))] if inside else [(path, value)]


def at(value: Value, path: Path) -> Value:
    """The value at a path."""
    for key in path:
        value = dict(children(value))[key]
    return value


def _swapped(pairs: Tuple[Tuple[Any, Value], ...], key: Any, path: Path, new: Value) -> Tuple[Tuple[Any, Value], ...]:
    return tuple((name, put(child, path, new) if name == key else child) for name, child in pairs)


def put(value: Value, path: Path, new: Value) -> Value:
    """`value` with what stands at `path` replaced."""
    if not path:
        return new
    key, rest = path[0], path[1:]
    if isinstance(value, Items):
        return Items(value.kind, tuple(put(child, rest, new) if number == key else child for number, child in enumerate(value.items)))
    if isinstance(value, Table):
        return Table(_swapped(value.items, key, rest, new))
    if isinstance(value, Record):
        return Record(_swapped(value.attributes, key, rest, new))
    if isinstance(value, Built) and key[0] == "argument":
        return Built(value.maker, _swapped(value.arguments, key[1], rest, new), value.attributes)
    if isinstance(value, Built):
        return Built(value.maker, value.arguments, _swapped(value.attributes, key[1], rest, new))
    raise KeyError(path)
