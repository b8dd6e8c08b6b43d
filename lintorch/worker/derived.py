"""Concrete subclasses to run a base class through."""

from __future__ import annotations

import inspect
from typing import Any, Iterator, List

from .load import Loaded
from .sliced import definitions

MOST = 3


def needs_subclass(target: type, failure: str) -> bool:
    """Is the class one that only its subclasses can be built from or called?"""
    signs = ("NotImplementedError", "abstract", f"'{target.__name__}' object has no attribute", "nothing that holds a tensor came back")
    return inspect.isabstract(target) or any(sign in failure for sign in signs)


def subclasses(loaded: Loaded) -> List[type]:
    """Subclasses of the loaded class in its module that are not abstract themselves, in the order of the file."""
    definitions(loaded.module)
    found = [
        kind
        for kind in _derived(loaded.object)
        if kind.__module__ == loaded.module.__name__ and not inspect.isabstract(kind) and _is_reachable(kind, loaded.module)
    ]
    return list(dict.fromkeys(found))[:MOST]


def _derived(kind: type) -> Iterator[type]:
    children: List[type] = kind.__subclasses__()
    for child in children:
        yield child
        yield from _derived(child)


def _is_reachable(kind: type, module: Any) -> bool:
    """Can the class be found again in the module by its qualified name?"""
    found = module
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is kind
