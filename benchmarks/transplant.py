"""Let a running process go on with another version of a file: the functions that changed get new code, wherever they are held."""

from __future__ import annotations

import ast
import functools
import gc
import inspect
import types
from collections.abc import Iterator, Sequence
from typing import Any


class Elsewhere(Exception):
    """What changed is not the body of a function: only an import would show it."""


Held = Sequence[Any]  # types.FunctionType and functools._lru_cache_wrapper, which takes no parameters while it runs


def held() -> Held:
    """All functions and remembering functions of this process, to be asked before gc.freeze hides them."""
    return [value for value in gc.get_objects() if isinstance(value, types.FunctionType | functools._lru_cache_wrapper)]


def transplant(file: str, old: ast.Module, new: ast.Module, among: Held) -> None:
    """Give each function of `file` that differs its new code, and forget what was remembered; raises Elsewhere where that is not enough."""
    living = [value for value in among if isinstance(value, types.FunctionType) and value.__code__.co_filename == file]
    for before, after in list(changed(compile(old, file, "exec"), compile(new, file, "exec"))):
        holders = [function for function in living if function.__code__ == before]
        if not holders or before.co_freevars != after.co_freevars:
            raise Elsewhere
        for function in holders:
            function.__code__ = after
    for value in among:
        if isinstance(value, functools._lru_cache_wrapper) and value.__module__.startswith("lintorch"):
            value.cache_clear()


def changed(old: types.CodeType, new: types.CodeType) -> Iterator[tuple[types.CodeType, types.CodeType]]:
    """The outermost functions whose code is not the same; raises Elsewhere where the module or a class body is not."""
    inner, other = _inner(old), _inner(new)
    if old.co_code != new.co_code or _plain(old) != _plain(new) or old.co_names != new.co_names or len(inner) != len(other):
        raise Elsewhere
    for before, after in zip(inner, other, strict=True):
        if not before.co_flags & inspect.CO_OPTIMIZED:
            yield from changed(before, after)
        elif before != after:
            yield before, after


def _inner(code: types.CodeType) -> list[types.CodeType]:
    return [value for value in code.co_consts if isinstance(value, types.CodeType)]


def _plain(code: types.CodeType) -> list[object]:
    return [(type(value), value) for value in code.co_consts if not isinstance(value, types.CodeType)]
