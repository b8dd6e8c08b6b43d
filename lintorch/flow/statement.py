"""A statement as the fixer sees it."""

from __future__ import annotations

from dataclasses import dataclass

from lintorch.source.text import Span


@dataclass(frozen=True)
class Statement:
    """A simple statement: its span without indentation, trailing comment or line end, and the suite it stands in.

    `suite` names the suite by its span; `suite_size` is how many statements it holds, so that a fixer knows when it would run empty.
    """

    span: Span
    suite: Span
    suite_size: int
