"""When a change keeps less alive: where growth falls, or, with equal growth, a level; never where anything grows faster."""

from __future__ import annotations

import pytest

from lintorch.verify.verdict import Retained

EQUAL = (5, 5)


def retained(nodes: tuple[float, float], size: tuple[float, float], *levels: tuple[int, int], sound: bool = True) -> Retained:
    return Retained(4, nodes, size, *levels, sound=sound)


@pytest.mark.parametrize(
    ("kept", "falls"),
    [
        (retained((2, 0), (8, 0), EQUAL, EQUAL, EQUAL), True),
        (retained((2, 0), (8, 8), EQUAL, EQUAL, EQUAL), True),
        (retained((2, 2), (8, 7), EQUAL, EQUAL, EQUAL), True),
        (retained((2, 0), (8, 9), EQUAL, EQUAL, EQUAL), False),
        (retained((2, 3), (8, 0), EQUAL, EQUAL, EQUAL), False),
        (retained((0, 0), (0, 0), EQUAL, EQUAL, EQUAL), False),
        (retained((0, 0), (0, 0), (5, 4), EQUAL, EQUAL), True),
        (retained((0, 0), (0, 0), EQUAL, (5, 4), EQUAL), True),
        (retained((0, 0), (0, 0), (5, 6), EQUAL, (5, 4)), True),
        (retained((0, 0), (0, 0), (5, 6), EQUAL, EQUAL), False),
    ],
)
def test_what_falls(kept: Retained, falls: bool) -> None:
    assert kept.falls is falls


@pytest.mark.parametrize(
    ("kept", "shows_nothing"),
    [
        (retained((0, 0), (0, 0), EQUAL, EQUAL, EQUAL), True),
        (retained((0, 0), (0, 0), EQUAL, EQUAL, EQUAL, sound=False), False),
        (retained((1, 1), (0, 0), EQUAL, EQUAL, EQUAL), False),
        (retained((0, 0), (1, 1), EQUAL, EQUAL, EQUAL), False),
        (retained((0, 0), (0, 0), (5, 4), EQUAL, EQUAL), False),
    ],
)
def test_what_contradicts_a_finding(kept: Retained, shows_nothing: bool) -> None:
    assert kept.shows_nothing is shows_nothing
