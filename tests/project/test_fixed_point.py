"""Answers that rest on each other in circles are the smallest that agree, and few rounds find them."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from lintorch.project.fixed_point import Answer, FixedPoints

Graph = dict[int, tuple[int, ...]]
graphs = st.integers(1, 8).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, size - 1), max_size=4).map(tuple), min_size=size, max_size=size).map(lambda rows: dict(enumerate(rows)))
)


class Questions:
    """Each question's answer is itself and the answers of those it points to; counts how often each is worked out."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.points, self.asked = graph, FixedPoints(), Counter[int]()

    def ask(self, key: int) -> Answer:
        return self.points.of(key, lambda: self._worked_out(key))

    def _worked_out(self, key: int) -> Answer:
        self.asked[key] += 1
        return frozenset((key,)).union(*map(self.ask, self.graph[key]))


def reachable(graph: Graph, start: int) -> set[int]:
    found, pending = {start}, [start]
    while pending:
        new = set(graph[pending.pop()]) - found
        found |= new
        pending += new
    return found


@given(graphs, st.permutations(range(8)))
@example({0: (2,), 1: (0,), 2: (0, 3), 3: (2, 1)}, [3, 1, 2, 0, 4, 5, 6, 7])
def test_answers_are_what_can_be_reached(graph: Graph, order: list[int]) -> None:
    questions = Questions(graph)
    for key in (one for one in order if one in graph):
        assert questions.ask(key) == reachable(graph, key)


def test_many_that_all_rest_on_each_other_are_asked_a_few_times_each() -> None:
    graph = {key: tuple(other for other in range(40) if other != key) for key in range(40)}
    questions = Questions(graph)
    assert questions.ask(0) == set(range(40))
    assert max(questions.asked.values()) <= 5


def test_a_question_that_fails_leaves_nothing_open() -> None:
    questions = Questions({0: (1,), 1: (0, 2)})
    try:
        questions.ask(0)
    except KeyError:
        questions.graph[2] = ()
    assert questions.ask(0) == {0, 1, 2}
