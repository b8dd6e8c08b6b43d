"""Names and source text come from anywhere: nothing in them may act on a terminal or break a format."""

from __future__ import annotations

import re
import unicodedata

TAB = "    "
# C0 and C1 controls (escape sequences begin with them), DEL, bidirectional overrides that reorder what is read, line separators, lone surrogates.
_HOSTILE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with everything that would act instead of being shown written as an escape, tabs as four blanks."""
    return _HOSTILE.sub(_escaped, text).replace("\t", TAB)


def _escaped(match: re.Match[str]) -> str:
    number = ord(match.group())
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def width(text: str) -> int:
    """How many columns of a terminal a visible text takes."""
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
