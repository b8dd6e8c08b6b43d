"""What docs/memory.md says was measured is what is measured."""

from __future__ import annotations

import re

import pytest
import torch

from benchmarks.names import DOCUMENT, FIGURE, TABLES
from tests.project_rules.code import ROOT

PINNED = re.search(r"^torch==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("marker", TABLES)
def test_the_document_has_what_is_measured(marker: str) -> None:
    shown = re.search(rf"<!-- {marker} -->\n\n(.*?)\n\n<!-- /{marker} -->", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    measured = TABLES[marker]()
    if PINNED is not None and torch.__version__.partition("+")[0] == PINNED[1]:
        assert measured == shown[1], "bring it up to date with: python -m benchmarks.names"
    else:  # how many nodes an operation makes changes with torch; whether something is kept does not
        assert _outline(measured) == _outline(shown[1])


def _outline(table: str) -> str:
    return re.sub(r"(?<= )[1-9][\d.,]*(?= \|)", "n", table)


def test_the_figure_is_there_and_says_what_it_shows() -> None:
    drawn = FIGURE.read_text(encoding="utf-8")
    assert all(word in drawn for word in ("inference (no_grad)", "training", "one name bound anew", "nested", "activations alive"))
