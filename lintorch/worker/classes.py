"""Choosing an object where code wants a submodule, a factory, a function or a config: from the project where it can be, else a stub."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, Iterator, List, Optional

import torch

from . import vocabulary
from .infer import Place
from .tree import plain
from .uses import Uses
from .values import Built, Literal, Named, Record, Value

THROUGH = Named("lintorch.worker.stubs:Through")
_CONFIG_WORDS = ("Config", "Configuration", "Args", "Arguments", "Params", "Options", "Hparams", "HParams", "Settings")


def name_of(found: Any) -> Optional[Named]:
    """The name by which a class or function can be imported again."""
    module, qualname = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    return None if not module or not qualname or "<" in qualname else Named(f"{module}:{qualname}")


def choose_factory(sort: Any, name: str, uses: Uses, place: Place) -> Iterator[Value]:
    """Something to call for a submodule or an activation, by the name of the parameter."""
    if isinstance(sort.object, type) and not inspect.isabstract(sort.object) and sort.object is not torch.nn.Module:
        found = name_of(sort.object)
        if found is not None:
            yield found
    asked = [attribute for attribute in uses.attributes if not attribute.startswith("__")]
    if asked:
        yield from (named for named in _classes_with(place, asked))
    spoken = vocabulary.words(name)
    if sort.kind == "function" and "act" in spoken:
        yield Named("torch:relu")
    elif "act" in spoken or "nonlin" in spoken:
        yield Named("torch.nn:ReLU")
    elif "norm" in spoken and uses.calls and len(uses.calls[0].args) <= 1:
        yield Named("torch.nn:LayerNorm")
        yield Named("torch.nn:BatchNorm2d")
    elif "conv" in spoken:
        yield Named("torch.nn:Conv2d")
    elif "linear" in spoken:
        yield Named("torch.nn:Linear")
    if sort.kind == "function":
        yield Built(THROUGH)
    yield THROUGH


def _classes_with(place: Place, attributes: List[str]) -> Iterator[Named]:
    """Module classes known in the file that have the attributes (`block.expansion`)."""
    function = plain(place.function)
    for found in list(function.__globals__.values()) if function is not None else []:
        if isinstance(found, type) and issubclass(found, torch.nn.Module) and found is not place.owner and all(hasattr(found, attribute) for attribute in attributes):
            named = name_of(found)
            if named is not None:
                yield named


def choose_module(wanted: Any, name: str, uses: Uses, place: Place) -> Iterator[Value]:
    """A submodule: one that passes its input on, with the attributes that are read of it."""
    asked = [attribute for attribute in dict.fromkeys(uses.attributes) if not hasattr(torch.nn.Module, attribute) and not attribute.startswith("_")]
    yield Built(THROUGH, (), tuple((attribute, Literal(vocabulary.whole_number(attribute))) for attribute in asked if attribute not in ("weight", "bias", "training")))


def choose_config(wanted: Any, name: str, uses: Uses, place: Place) -> Iterator[Value]:
    """A config: the annotated class, classes named like configs that the file knows, else a record of what is asked."""
    asked = set(uses.attributes)
    seen = []
    for found in [wanted, *_config_classes(place)]:
        named = name_of(found) if isinstance(found, type) else None
        if named is None or named in seen or not constructible(found):
            continue
        seen.append(named)
        if found is wanted or _answers(found, asked):
            yield Built(named)
    yield Record()


def constructible(found: type) -> bool:
    """Can the class be called without arguments, by its signature?"""
    if found in (object, type) or inspect.isabstract(found):
        return False
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return False
    return all(parameter.default is not parameter.empty or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) for parameter in parameters)


def _config_classes(place: Place) -> List[type]:
    function = plain(place.function)
    known = list(function.__globals__.items()) if function is not None else []
    return [found for name, found in known if isinstance(found, type) and (name.endswith(_CONFIG_WORDS) or dataclasses.is_dataclass(found)) and not issubclass(found, torch.nn.Module)]


def _answers(found: type, asked: Any) -> bool:
    """Does an instance have most of the attributes that the code reads?"""
    if not asked:
        return True
    try:
        instance = found()
    except Exception:
        return False
    return sum(hasattr(instance, attribute) for attribute in asked) >= 0.7 * len(asked)
