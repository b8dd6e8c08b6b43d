"""Is an import attempted where the program is ready for its failure?"""

from __future__ import annotations

import ast
import functools
import linecache
import os
import types
from typing import FrozenSet, Optional, Tuple

_HERE = os.path.dirname(os.path.abspath(__file__))
_CATCHING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "suppress"})
_HOOKS = tuple(os.path.join(_HERE, name) for name in ("importing.py", "sliced.py"))


def guarded(frame: Optional[types.FrameType], roots: Tuple[str, ...]) -> bool:
    """Does a caller in the project's files, up to the worker's own code, run inside a try (or suppress) that catches ImportError?"""
    while frame is not None:
        filename = frame.f_code.co_filename
        if filename.startswith(_HERE) and not filename.startswith(_HOOKS):
            return False
        if filename.startswith(roots) and frame.f_lineno in _guarded_lines(filename):
            return True
        frame = frame.f_back
    return False


@functools.lru_cache(maxsize=None)
def _guarded_lines(filename: str) -> FrozenSet[int]:
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except SyntaxError:
        return frozenset()
    lines = set()
    for node in ast.walk(tree):
        if (isinstance(node, ast.Try) and any(_catches(handler.type) for handler in node.handlers)) or (isinstance(node, ast.With) and _suppresses(node)):
            lines.update(line for part in node.body for line in range(part.lineno, (part.end_lineno or part.lineno) + 1))
    return frozenset(lines)


def _catches(kind: Optional[ast.expr]) -> bool:
    return kind is None or _names_catching(kind)


def _suppresses(node: ast.With) -> bool:
    return any(isinstance(item.context_expr, ast.Call) and _names_catching(item.context_expr.func) for item in node.items)


def _names_catching(expression: ast.expr) -> bool:
    names = (part.id if isinstance(part, ast.Name) else part.attr for part in ast.walk(expression) if isinstance(part, (ast.Name, ast.Attribute)))
    return any(name in _CATCHING for name in names)
