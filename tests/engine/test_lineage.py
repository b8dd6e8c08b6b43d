"""Places before and after edits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintorch.engine.lineage import Lineage, line_edits
from lintorch.source.text import Edit, Span, splice

TEXT = "0123456789"
ORIGINS = [
    pytest.param([Edit(Span(2, 4), "xyz")], (0, 2), (0, 2), id="before"),
    pytest.param([Edit(Span(2, 4), "xyz")], (5, 7), (4, 6), id="after"),
    pytest.param([Edit(Span(2, 4), "xyz")], (3, 4), (2, 4), id="inside comes from all that was replaced"),
    pytest.param([Edit(Span(2, 4), "xyz")], (1, 6), (1, 5), id="around"),
    pytest.param([Edit(Span(2, 4), "xyz")], (1, 3), (1, 4), id="into"),
    pytest.param([Edit(Span(2, 4), "")], (2, 3), (4, 5), id="behind a removal"),
    pytest.param([Edit(Span(2, 4), "")], (1, 2), (1, 2), id="up to a removal"),
    pytest.param([Edit(Span(3, 3), "xy")], (5, 6), (3, 4), id="behind an insertion"),
    pytest.param([Edit(Span(1, 2), ""), Edit(Span(5, 6), "abcd")], (8, 9), (6, 7), id="behind two"),
]


@pytest.mark.parametrize(("edits", "now", "then"), ORIGINS)
def test_origin(edits: list[Edit], now: tuple[int, int], then: tuple[int, int]) -> None:
    assert Lineage().then(edits).origin(Span(*now)) == Span(*then)


def test_origin_through_two_steps() -> None:
    lineage = Lineage().then([Edit(Span(0, 2), "")]).then([Edit(Span(0, 0), "ab")])
    assert lineage.origin(Span(3, 4)) == Span(3, 4)
    assert lineage.descendant(Span(3, 4)) == Span(3, 4)
    assert lineage.descendant(Span(1, 4)) is None


@st.composite
def edited(draw: st.DrawFn) -> list[Edit]:
    cuts = sorted(draw(st.sets(st.integers(0, len(TEXT)), max_size=6)))
    return [Edit(Span(start, end), draw(st.text("abc", max_size=3))) for start, end in zip(cuts[::2], cuts[1::2], strict=False)]


@given(edited(), st.integers(0, 10), st.integers(0, 10))
def test_what_no_edit_touched_is_found_both_ways(edits: list[Edit], one: int, other: int) -> None:
    span = Span(min(one, other), max(one, other))
    lineage = Lineage().then(edits)
    now = lineage.descendant(span)
    if now is not None and span.start < span.end:
        assert splice(TEXT, edits)[now.start : now.end] == TEXT[span.start : span.end]
        assert lineage.origin(now) == span


@given(st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n"])).map("".join), st.lists(st.sampled_from(["a\n", "b\n", "d\n", "e"])).map("".join))
def test_line_edits_lead_from_one_text_to_the_other(before: str, after: str) -> None:
    edits = line_edits(before, after)
    assert splice(before, edits) == after
    assert bool(edits) == (before != after)
