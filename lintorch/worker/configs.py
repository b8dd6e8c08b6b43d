"""Choosing a config: a class of the project, with its sizes made small, or a record that discovers what is read of it."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, Iterator, List, Optional, Tuple

import torch

from . import vocabulary
from .classes import Builder, globals_of, name_of
from .infer import Place
from .standin import is_stand_in
from .uses import Uses
from .values import Built, Items, Literal, Named, Record, Value

_CONFIG_WORDS = ("Config", "Configuration", "Args", "Arguments", "Params", "Options", "Hparams", "HParams", "Settings", "Cfg")
_DEEPEST = 3  # configs in configs


def choose_config(wanted: Any, uses: Uses, place: Place, build: Builder) -> Iterator[Value]:
    """A config: the annotated class, then classes named like configs that the file knows, the best answering first; last a record."""
    asked = {name for name in (*uses.attributes, *uses.methods) if not name.startswith("_")}
    yield from _spaces(wanted)
    if isinstance(wanted, type) and not inspect.isabstract(wanted) and wanted not in (object, type):
        yield from _instances(wanted, build)
    known = [(_share_answered(found, asked), number, found) for number, found in enumerate(_config_classes(place)) if found is not wanted]
    for share, _, found in sorted(known, key=lambda entry: (-entry[0], entry[1])):
        if share >= 0.7:
            yield from _instances(found, build)
    yield Record()


def _spaces(wanted: Any) -> Iterator[Value]:
    """Spaces of observations and actions, as environments of gym and gymnasium have them: a vector, an image, a choice."""
    library = getattr(wanted, "__module__", "").partition(".")[0]
    name = getattr(wanted, "__name__", "")
    if library not in ("gym", "gymnasium") or name not in ("Space", "Box", "Discrete"):
        return
    low, high = ("=low", Literal(-1.0)), ("=high", Literal(1.0))
    box = Named(f"{library}.spaces:Box")
    found: List[Value] = [
        Built(box, (low, high, ("=shape", Items("tuple", (Literal(vocabulary.DIM),))))),
        Built(box, (("=low", Literal(0)), ("=high", Literal(255)), ("=shape", Items("tuple", tuple(map(Literal, (3, 64, 64))))), ("=dtype", Literal("uint8")))),
    ]
    discrete: List[Value] = [Built(Named(f"{library}.spaces:Discrete"), (("=n", Literal(4)),))]
    yield from discrete if name == "Discrete" else found if name == "Box" else [*found, *discrete]


def _instances(found: type, build: Builder) -> Iterator[Value]:
    named = name_of(found)
    instance = _instance(found) if named is not None and constructible(found) else None
    if named is not None and instance is not None:
        small = shrunk(instance)
        if small:
            yield Built(named, (), small)
        yield Built(named)
    else:
        real = build(found)
        if real is not None:
            yield real


def constructible(found: type) -> bool:
    """Can the class be called without arguments, by its signature?"""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return False
    return all(parameter.default is not parameter.empty or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) for parameter in parameters)


def _instance(found: type) -> Any:
    try:
        return found()
    except Exception:
        return None


def _config_classes(place: Place) -> List[type]:
    """Classes named like configs in the files of the function and of the class."""
    classes = {name: found for name, found in globals_of(place).items() if isinstance(found, type)}
    named = [found for name, found in classes.items() if name.endswith(_CONFIG_WORDS) or _sounds_like_config(found)]
    return [found for found in dict.fromkeys(named) if not issubclass(found, torch.nn.Module) and not is_stand_in(found)]


def _share_answered(found: type, asked: Any) -> float:
    """The share of the attributes read that an instance has."""
    if not asked or not constructible(found):
        return 0.0
    instance = _instance(found)
    return sum(hasattr(instance, name) for name in asked) / len(asked) if instance is not None else 0.0


def shrunk(instance: Any, depth: int = _DEEPEST) -> Tuple[Tuple[str, Value], ...]:
    """The attributes of a config that should be smaller, with their smaller values; configs in it are made anew, smaller."""
    found: List[Tuple[str, Value]] = []
    for name, value in sorted(vars(instance).items()) if hasattr(instance, "__dict__") else []:
        smaller = None if name.startswith("_") else smaller_value(name, value) or (_nested(value, depth) if depth else None)
        if smaller is not None:
            found.append((name, smaller))
    return tuple(found)


def _nested(value: Any, depth: int) -> Optional[Value]:
    """A smaller config of the same class as one that a config holds."""
    found = type(value)
    named = name_of(found) if _sounds_like_config(found) and constructible(found) else None
    small = shrunk(value, depth - 1) if named is not None else ()
    return Built(named, (), small) if named is not None and small else None


def _sounds_like_config(found: type) -> bool:
    return (found.__name__.endswith(_CONFIG_WORDS) or dataclasses.is_dataclass(found)) and not is_stand_in(found)


def smaller_value(name: str, value: Any) -> Optional[Value]:
    """A smaller stand-in for a number or a list of numbers, None where it is small enough."""
    if is_stand_in(value):
        return Literal(vocabulary.real_number(name) if vocabulary.sounds_real(name) else vocabulary.whole_number(name))
    if isinstance(value, bool):
        return None
    if isinstance(value, int) and vocabulary.says(_RATES, name):
        return None  # what is worked out from it (windows, hops) would come to nothing, and it costs nothing itself
    if isinstance(value, int):
        small = _small(name, value)
        return Literal(small) if small < value else None
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, int) and not isinstance(item, bool) for item in value):
        items = tuple(_small(name, item) for item in value)
        return Items("list" if isinstance(value, list) else "tuple", tuple(Literal(item) for item in items)) if items != tuple(value) else None
    return None


_RATES = r"(sample|sampling)_?(rate|freq\w*)|sr|fs|f_?s(ample)?|samplerate"


def _small(name: str, value: int) -> int:
    known = vocabulary.known_number(name)
    if known is not None:
        return min(value, max(known, 1)) if known else min(value, vocabulary.DIM - 1)
    return min(value, vocabulary.DIM)
