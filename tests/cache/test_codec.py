"""Frozen values come back from JSON as they were; what is no JSON of them is refused as such, never by another error and never by a wrong value."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintorch.cache.codec import Undecodable, decoded, encoded


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Place(NamedTuple):
    line: int
    column: int


@dataclass(frozen=True)
class Inner:
    name: str | None
    colour: Colour
    weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class Outer:
    place: Place
    pair: tuple[int, str]
    inner: Inner | None
    counts: Mapping[str, int]
    all: tuple[Inner, ...]
    flag: bool


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INNERS = st.builds(Inner, st.none() | st.text(max_size=3), st.sampled_from(Colour), st.lists(FLOATS, max_size=2).map(tuple))
OUTERS = st.builds(
    Outer,
    st.builds(Place, st.integers(), st.integers()),
    st.tuples(st.integers(), st.text(max_size=3)),
    st.none() | INNERS,
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.lists(INNERS, max_size=2).map(tuple),
    st.booleans(),
)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(encoded(value)))


@given(OUTERS)
def test_a_value_comes_back(value: Outer) -> None:
    assert decoded(Outer, through_json(value)) == value


@given(OUTERS, st.data())
def test_what_was_changed_is_another_value_or_refused(value: Outer, data: st.DataObject) -> None:
    content = through_json(value)
    holder, place = data.draw(st.sampled_from(list(places(content))))
    if data.draw(st.booleans()):
        del holder[place]
    else:
        holder[place] = data.draw(st.one_of(st.none(), st.integers(), st.text(max_size=2), st.just([]), st.just({})))
    try:
        found = decoded(Outer, content)
    except Undecodable:
        return
    assert through_json(found) == content


def places(content: Any) -> Any:
    for place, inner in list(content.items() if isinstance(content, dict) else enumerate(content)):
        yield content, place
        if isinstance(inner, list | dict):
            yield from places(inner)


@pytest.mark.parametrize(
    ("wanted", "data"), [(int, "1"), (str, 1), (Colour, "green"), (tuple[int, str], [1]), (tuple[int, str], [1, "a", 2]), (Place, [1]), (Mapping[str, int], []),
                         (tuple[int, ...], ["a"]), (Literal["a"], "a"), (Inner, {})]
)  # fmt: skip
def test_what_is_of_another_form_is_refused(wanted: Any, data: Any) -> None:
    with pytest.raises(Undecodable):
        decoded(wanted, data)


def test_a_whole_number_is_a_float_too() -> None:
    assert decoded(tuple[float, ...], [1, 2.5]) == (1, 2.5)
