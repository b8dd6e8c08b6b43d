"""Styled lines on a terminal, through rich: imported only when there is one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.text import Text

from lintorch.report.text import STYLES, Line


def show(lines: Iterable[Line], stream: TextIO) -> None:
    """Print lines as they are: rich colours them (NO_COLOR is its to respect), and neither wraps nor interprets anything."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*((text, STYLES[style]) for text, style in line)))
