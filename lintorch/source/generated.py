"""Is a file made by another program?"""

from __future__ import annotations

import re

from lintorch.source.text import Source

_HEADER = re.compile(r"(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*[ \t\f]*(?:#[^\r\n]*)?")
# The two must stand close together: a licence that speaks of "generated works" is far from any "do not edit".
_GENERATED = r"\b(?:auto)?[- ]?(?:re)?generated\b"
_HANDS_OFF = r"\b(?:do not|don't|never) (?:\w+ )?(?:edit|modify)\b"
_CLAIM = re.compile(f"{_GENERATED}.{{0,200}}{_HANDS_OFF}|{_HANDS_OFF}.{{0,200}}{_GENERATED}", re.IGNORECASE)


def is_generated(source: Source) -> bool:
    """Do the comments before the first code say that the file is generated and not to be edited?"""
    header = _HEADER.match(source.text)
    assert header is not None  # it matches the empty string
    words = " ".join(header.group().replace("#", " ").split())
    return _CLAIM.search(words) is not None
