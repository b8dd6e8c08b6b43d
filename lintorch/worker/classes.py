"""Choosing an object where code wants a submodule, a factory, a function or a config: from the project where it can be, else a stub."""

from __future__ import annotations

import inspect
import sys
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional

import torch

from . import vocabulary
from .annotations import Sort
from .infer import Place
from .sliced import definitions
from .tree import plain
from .uses import Uses
from .values import Built, Items, Literal, Named, Value

THROUGH = Named("lintorch.worker.stubs:Through")
ANSWER = Named("lintorch.worker.stubs:Answer")

# Builds an instance of a class from guesses for its own constructor; None where that leads too deep.
Builder = Callable[[type], Optional[Built]]


def name_of(found: Any) -> Optional[Named]:
    """The name by which a class or function can be imported again."""
    module, qualname = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    return None if not module or not qualname or "<" in qualname else Named(f"{module}:{qualname}")


def choose_factory(sort: Sort, name: str, uses: Uses, place: Place) -> Iterator[Value]:
    """Something to call for a submodule or an activation, by the name of the parameter."""
    if isinstance(sort.object, type) and not inspect.isabstract(sort.object) and sort.object is not torch.nn.Module:
        found = name_of(sort.object)
        if found is not None:
            yield found
    asked = [attribute for attribute in uses.attributes if not attribute.startswith("__")]
    if asked:
        yield from classes_with(globals_of(place).values(), asked, exclude=place.owner)
    yield from _by_name(sort, vocabulary.words(name), uses)
    if sort.kind == "function":
        yield Built(THROUGH)
    yield THROUGH


def _by_name(sort: Sort, spoken: str, uses: Uses) -> Iterator[Value]:
    if sort.kind == "function" and "act" in spoken:
        yield Named("torch:relu")
    elif "act" in spoken or "nonlin" in spoken:
        yield Named("torch.nn:ReLU")
    elif "norm" in spoken and (not uses.calls or len(uses.calls[0].args) <= 1):
        yield Named("torch.nn:LayerNorm")
        yield Named("torch.nn:BatchNorm2d")
    elif "conv" in spoken:
        yield Named("torch.nn:Conv2d")
    elif "linear" in spoken:
        yield Named("torch.nn:Linear")


def globals_of(place: Place) -> Dict[str, Any]:
    """The objects known by name in the files of a place's function and class."""
    known: Dict[str, Any] = {}
    for owner in (plain(place.function), place.owner):
        module = sys.modules.get(getattr(owner, "__module__", None) or "")
        if module is not None and not module.__name__.startswith("torch."):
            known.update(definitions(module))
    return known


def classes_with(known: Iterable[Any], attributes: List[str], exclude: Any = None, modules: bool = True) -> Iterator[Named]:
    """Classes among known objects that have all the attributes (`block.expansion`)."""
    for found in known:
        if (
            isinstance(found, type)
            and found is not exclude
            and issubclass(found, torch.nn.Module) == modules
            and all(declares(found, name) for name in attributes)
        ):
            named = name_of(found)
            if named is not None:
                yield named


def declares(found: type, attribute: str) -> bool:
    """Has the class (or will its instances have) the attribute, by its fields and annotations?"""
    annotated = any(attribute in getattr(kind, "__annotations__", {}) for kind in found.__mro__)
    return hasattr(found, attribute) or annotated


def choose_module(wanted: Any, uses: Uses, build: Builder) -> Iterator[Value]:
    """A submodule: one that passes its input on, with the attributes that are read of it; one of the class asked for."""
    asked = [attribute for attribute in dict.fromkeys(uses.attributes) if not hasattr(torch.nn.Module, attribute) and not attribute.startswith("_")]
    through = Built(
        THROUGH, (), tuple((attribute, Literal(vocabulary.whole_number(attribute))) for attribute in asked if attribute not in ("weight", "bias", "training"))
    )
    real = build(wanted) if isinstance(wanted, type) and wanted is not torch.nn.Module and not inspect.isabstract(wanted) else None
    if real is not None and wanted.forward is not torch.nn.Module.forward:
        yield real
        yield real.maker  # annotated by the class where the class itself is meant
    yield through
    yield Built(Named("torch.nn:Sequential"), (("*args", Items("list", (Built(THROUGH),) * 2)),))  # one whose children are asked for
