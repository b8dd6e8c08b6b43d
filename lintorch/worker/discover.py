"""Configs whose attributes are discovered by use: an object that invents what is read of it, and writes down what it invented."""

from __future__ import annotations

import dis
import functools
import sys
import types
from dataclasses import replace
from typing import Any, Callable, Dict, Optional, Tuple

from .guess import attribute_of_call, attribute_of_config
from .make import Given
from .values import Built, Items, Path, Record, Value

_PLAIN_READS = ("LOAD_ATTR", "LOAD_METHOD")
# Called with a path below the record and the value invented there; gives the object that stands for it.
Invent = Callable[[Path, Value], Any]


class Discovering(Given):
    """A Given that answers for attributes it does not have with a guess.

    Only plain reads are answered: `hasattr(config, "x")` and `getattr(config, "x", None)` ask whether there is one, and there is none.
    """

    def __init__(self, attributes: Dict[str, Any], building: bool) -> None:
        super().__init__(attributes)
        self.__dict__["_lintorch"] = Notes(building)

    def __getattr__(self, name: str) -> Any:
        notes: Notes = self.__dict__["_lintorch"]
        if name.startswith("_") or notes.invent is None or not _is_plain_read(sys._getframe(1)):
            raise AttributeError(f"'Given' object has no attribute '{name}'")
        return self._answer(name, sys._getframe(1))

    def __getitem__(self, key: str) -> Any:
        notes: Notes = self.__dict__["_lintorch"]
        if key in self.__dict__ or notes.invent is None or not isinstance(key, str):
            return super().__getitem__(key)
        return self._answer(key, sys._getframe(1))

    def _answer(self, name: str, reader: types.FrameType) -> Any:
        notes: Notes = self.__dict__["_lintorch"]
        value = attribute_of_config(name, reader) if notes.building else attribute_of_call(name)
        notes.invented[name] = value
        made = notes.invent((*notes.path, name), value) if notes.invent is not None else None
        self.__dict__[name] = made
        return made


class Notes:
    """What a discovering record keeps for itself: where it stands in the plan, how to make what it invents, and what it invented."""

    def __init__(self, building: bool) -> None:
        self.building = building
        self.path: Path = ()
        self.invent: Optional[Invent] = None
        self.invented: Dict[str, Value] = {}


def completed(value: Value, made: Any) -> Value:
    """The value with what the records in it, of which `made` was made, invented since."""
    if isinstance(value, Record) and isinstance(made, Discovering):
        known = {**made.__dict__["_lintorch"].invented, **dict(value.attributes)}
        names = [*dict(value.attributes), *(name for name in known if name not in dict(value.attributes))]
        return Record(tuple((name, completed(known[name], made.__dict__.get(name))) for name in names))
    if isinstance(value, Items) and isinstance(made, (list, tuple)) and len(made) == len(value.items):
        return replace(value, items=tuple(completed(item, made[number]) for number, item in enumerate(value.items)))
    if isinstance(value, Built) and value.attributes:
        return replace(value, attributes=tuple((name, completed(item, getattr(made, name, None))) for name, item in value.attributes))
    return value


def _is_plain_read(frame: types.FrameType) -> bool:
    """Does the frame read an attribute by its own instruction, rather than by calling getattr or hasattr?"""
    return frame.f_lasti in _reads(frame.f_code)


@functools.lru_cache(maxsize=512)
def _reads(code: types.CodeType) -> Tuple[int, ...]:
    return tuple(step.offset for step in dis.get_instructions(code) if step.opname in _PLAIN_READS)
