"""Shapes that docstrings give for the parameters of a call: `x (Tensor): features of shape (batch, time, channels)`."""

from __future__ import annotations

import functools
import inspect
import re
from typing import Any, Iterator, List, Optional, Tuple

from .vocabulary import BATCH, DIM, LENGTH, SIDE

_TOKEN = r"(?:\d{1,4}|\*|[A-Za-z_][\w./*+ ]{0,24})"
_LISTED = re.compile(rf"[\[(]\s*({_TOKEN}(?:\s*,\s*{_TOKEN}){{1,5}}),?\s*[\])]")
_JOINED = re.compile(r"(?<![\w.])([A-Z]\w{0,2}(?:\s?[x×*]\s?(?:[A-Z]\w{0,2}|\d{1,4})){1,4})(?![\w.])")
_NO_SIZE = re.compile(
    r"optional|tensor|default|float|\bint\b|str|bool|list|tuple|none|callable|module|array|dict|\.\.\.|e\.g|i\.e|etc|\bor\b|\band\b", re.IGNORECASE
)
_WORDS: Tuple[Tuple[str, int], ...] = (
    (r"^(b|n|bs|bsz|bz|\*|nb)$|batch", BATCH),
    (r"^(h|w|hp|wp|h_in|w_in|hin|win|x|y)$|height|width|rows|cols", SIDE),
    (r"^(c|d|f|e|m|k|cin|c_in|ch|fea|dim|in)$|chan|feat|model|dim|embed|hidden|emb|freq|units|bins|size", DIM),
)


def documented_shape(function: Any, owner: Any, name: str) -> Optional[Tuple[int, ...]]:
    """The shape that the docstring of a function, or of its class, gives for a parameter, in sizes of ours; None where it gives none."""
    for text in (getattr(function, "__doc__", None), getattr(owner, "__doc__", None)):
        found = _shape_in(text, name) if isinstance(text, str) else None
        if found is not None:
            return found
    return None


def documented_texts(kind: type) -> List[str]:
    """The texts that examples in the docstring of a class build one from, in their order."""
    if kind.__module__.partition(".")[0] in ("torch", "builtins", "numpy"):
        return []
    texts = [text for text in (kind.__doc__, kind.__init__.__doc__) if isinstance(text, str)]  # type: ignore[misc]
    pattern = re.compile(rf"\b{re.escape(kind.__name__)}\(\s*([\"'])([^\"'\n]{{1,60}})\1\s*\)")
    return list(dict.fromkeys(found.group(2) for text in texts for found in pattern.finditer(text)))


@functools.lru_cache(maxsize=512)
def _shape_in(text: str, name: str) -> Optional[Tuple[int, ...]]:
    for entry in _entries(inspect.cleandoc(text), name):
        for match in _LISTED.finditer(entry):
            if not _NO_SIZE.search(match.group(1)):
                return _sizes(match.group(1).split(","))
        joined = _JOINED.search(entry)
        if joined is not None:
            return _sizes(re.split(r"[x×*]", joined.group(1)))
    return None


def _entries(text: str, name: str) -> Iterator[str]:
    """What is said under the parameter: from its name at the beginning of a line to the next line that is no deeper."""
    lines = text.split("\n")
    head = re.compile(rf"^(\s*)(?:[-*]\s*|:param\s+(?:[\w.]+\s+)?)?[`*]*{re.escape(name)}[`*]*\s*(?:[:(,]|--?\s)")
    for number, line in enumerate(lines):
        found = head.match(line)
        if found is not None:
            yield " ".join([line[found.end() - 1 :], *_below(lines[number + 1 : number + 8], len(found.group(1)))])


def _below(lines: List[str], indent: int) -> Iterator[str]:
    for line in lines:
        if not line.strip() or len(line) - len(line.lstrip()) <= indent:
            return
        yield line.strip()


def _sizes(parts: List[str]) -> Optional[Tuple[int, ...]]:
    return tuple(_size(part.strip(), number) for number, part in enumerate(parts)) if len(parts) <= 5 else None


def _size(word: str, place: int) -> int:
    if word.isdigit():
        return max(int(word), 1)
    spoken = word.lower()
    known = next((size for pattern, size in _WORDS if re.search(pattern, spoken)), LENGTH)
    return BATCH if place == 0 and word == "*" else known
