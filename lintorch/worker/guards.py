"""Is an import attempted where the program is ready for its failure?"""

from __future__ import annotations

import functools
import linecache
import os
import re
import types
from typing import List, Optional, Tuple

_HERE = os.path.dirname(os.path.abspath(__file__))
_CATCHING = ("ImportError", "ModuleNotFoundError", "Exception")
_TRY, _WITH, _EXCEPT = re.compile(r"\s*try\s*:"), re.compile(r"\s*with\b"), re.compile(r"\s*except\b([^:]*):")
_HOOKS = tuple(os.path.join(_HERE, name) for name in ("importing.py", "sliced.py"))


def guarded(frame: Optional[types.FrameType], roots: Tuple[str, ...]) -> bool:
    """Does a caller in the project's files, up to the worker's own code, run inside a try (or suppress) that catches ImportError?"""
    while frame is not None:
        filename = frame.f_code.co_filename
        if filename.startswith(_HERE) and not filename.startswith(_HOOKS):
            return False
        if filename.startswith(roots) and _is_guarded(filename, frame.f_lineno):
            return True
        frame = frame.f_back
    return False


@functools.lru_cache(maxsize=4096)
def _is_guarded(filename: str, line: int) -> bool:
    """Is the line inside a `try` that catches ImportError, or a `with suppress`?"""
    # Read off the indentation: parsing whole files takes longer than importing them.
    lines = linecache.getlines(filename)
    depth = _indent(lines[line - 1]) if 0 < line <= len(lines) else 0
    for above in range(line - 2, -1, -1):
        text = lines[above]
        if not text.strip() or _indent(text) >= depth:
            continue
        depth = _indent(text)
        if (_TRY.match(text) and _catches(lines[line:], depth)) or (_WITH.match(text) and "suppress" in text):
            return True
        if depth == 0:
            break
    return False


def _catches(lines: List[str], depth: int) -> bool:
    """Do the `except` clauses that follow at this indentation take an ImportError?"""
    for text in lines:
        if text.strip() and _indent(text) <= depth and not text.lstrip().startswith(("#", ")")):
            clause = _EXCEPT.match(text)
            if clause is None or _indent(text) < depth:
                return False
            if not clause.group(1).strip() or any(name in clause.group(1) for name in _CATCHING):
                return True
    return False


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
