"""Frozen values as plain JSON and back, by the types their fields declare. Never pickle: a cache may come from anywhere, and reading it must run nothing."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import functools
import types
import typing
from typing import Any


class Undecodable(Exception):
    """Data that is no value of the wanted type."""


def encoded(value: Any) -> Any:
    """A value of dataclasses, named tuples, enumerations, tuples and mappings as lists, objects and plain values."""
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return [encoded(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, tuple | list):
        return [encoded(item) for item in value]
    if isinstance(value, collections.abc.Mapping):
        return {str(key): encoded(item) for key, item in value.items()}
    return value


def decoded(wanted: Any, data: Any) -> Any:
    """The value of a type from what `encoded` made of it; raises Undecodable."""
    origin = typing.get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        return None if data is None else decoded(next(one for one in typing.get_args(wanted) if one is not types.NoneType), data)
    if origin is tuple:
        return _decoded_tuple(typing.get_args(wanted), _checked(list, data))
    if origin in (collections.abc.Mapping, dict):
        return {key: decoded(typing.get_args(wanted)[1], item) for key, item in _checked(dict, data).items()}
    if not isinstance(wanted, type):
        raise Undecodable(f"{wanted} is no type of a cached value")
    if issubclass(wanted, enum.Enum):
        return _member(wanted, data)
    if dataclasses.is_dataclass(wanted) or hasattr(wanted, "_fields"):
        kinds = _kinds(typing.cast(Any, wanted))
        return wanted(*_decoded_tuple(kinds, _checked(list, data)))
    return _checked((int, float) if wanted is float else wanted, data)


def _decoded_tuple(kinds: tuple[Any, ...], data: list[Any]) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(decoded(kinds[0], item) for item in data)
    if len(kinds) != len(data):
        raise Undecodable("fields are missing or left over")
    return tuple(map(decoded, kinds, data))


def _checked(kind: Any, data: Any) -> Any:
    if not isinstance(data, kind):
        raise Undecodable(f"{type(data).__name__} where {kind} was wanted")
    return data


def _member(kind: type[enum.Enum], data: Any) -> enum.Enum:
    try:
        return kind(data)
    except ValueError as error:
        raise Undecodable(str(error)) from None


@functools.cache
def _kinds(kind: Any) -> tuple[Any, ...]:
    """The types of the fields, in order."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else list(kind._fields)
    return tuple(hints[name] for name in names)
