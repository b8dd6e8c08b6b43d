"""Where values stand in the text of a JSON document, so that one of them can be replaced and the rest stay as it is, byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from lintorch.source.text import Span

_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(strict=True)


class Value(NamedTuple):
    """A value and its span in the document."""

    value: Any
    span: Span


def whole(text: str) -> Value:
    """The value of a whole document; raises ValueError where it is none."""
    start = _after_blanks(text, 0)
    found = _at(text, start)
    if _after_blanks(text, found.span.end) != len(text):
        raise ValueError(f"something stands behind the document at offset {found.span.end}")
    return found


def members(text: str, place: Value) -> dict[str, Value]:
    """The members of the object at a place; of a name that is there twice the last, as JSON readers have it."""
    found: dict[str, Value] = {}
    at = _after_blanks(text, place.span.start + 1)
    while text[at] != "}":
        name = _at(text, at)
        value = _at(text, _after_blanks(text, _after_blanks(text, name.span.end) + 1))
        found[name.value] = value
        at = _next(text, value)
    return found


def elements(text: str, place: Value) -> Iterator[Value]:
    """The elements of the array at a place."""
    at = _after_blanks(text, place.span.start + 1)
    while text[at] != "]":
        value = _at(text, at)
        yield value
        at = _next(text, value)


def _at(text: str, start: int) -> Value:
    value, end = _DECODER.raw_decode(text, start)
    return Value(value, Span(start, end))


def _next(text: str, value: Value) -> int:
    """Where the next member or element begins, or the closing bracket stands."""
    at = _after_blanks(text, value.span.end)
    return _after_blanks(text, at + 1) if text[at] == "," else at


def _after_blanks(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    assert match is not None  # it matches nothing at all
    return match.end()
