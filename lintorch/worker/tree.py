"""The syntax tree of a live function: found by file and line, so that the text that was really compiled is read."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import types
from typing import Any, Dict, Optional, Union

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]


@functools.lru_cache(maxsize=256)
def _functions(filename: str) -> Dict[int, Function]:
    """The functions of a file by the line their code object names as first (that of the first decorator)."""
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: Dict[int, Function] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found[min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])] = node
    return found


def plain(function: Any) -> Optional[types.FunctionType]:
    """The Python function behind methods, partials and decorators that keep `__wrapped__`; None for builtins."""
    for _ in range(20):
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, (types.MethodType, staticmethod, classmethod)):
            function = function.__func__
        elif hasattr(function, "__wrapped__") and isinstance(function, types.FunctionType):
            function = function.__wrapped__  # type: ignore[attr-defined]
        else:
            break
    return function if isinstance(function, types.FunctionType) else None


def function_tree(function: Any) -> Optional[Function]:
    """The definition of a live function, or None where its text is not at hand."""
    found = plain(function)
    if found is None:
        return None
    return _functions(found.__code__.co_filename).get(found.__code__.co_firstlineno)


def signature(function: Any) -> Optional[inspect.Signature]:
    """The signature as Python sees it, decorators unwrapped; None where there is none."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None
