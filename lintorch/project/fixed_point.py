"""Answers that may rest on each other, in circles too: the smallest sets that agree with each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeAlias

Answer: TypeAlias = frozenset[object]
NOTHING: Answer = frozenset()
_FREE = 1 << 30  # deeper than any question: rests on no answer that is being worked out


class FixedPoints:
    """Answers that only grow with those they rest on.

    Whoever asks for what is being worked out gets what is known so far. The first question of a circle is worked out again until nothing in the circle
    has grown; the others wait for it, and what they know is kept from one round to the next, so that the rounds are few and each asks each question once.
    """

    def __init__(self) -> None:
        self._final: dict[Hashable, Answer] = {}
        self._known: dict[Hashable, Answer] = {}  # so far, of questions that are open or wait
        self._depth: dict[Hashable, int] = {}  # of open questions
        self._waiting: dict[Hashable, int] = {}  # asked in this round: the depth of the open question each rests on
        self._lowest = _FREE
        self._grown = 0  # how often anything known has grown

    def forget(self) -> None:
        """Let go of all answers."""
        self._final.clear()
        self._known.clear()

    def of(self, key: Hashable, work_out: Callable[[], Answer]) -> Answer:
        """The answer to a question, worked out where it is not known."""
        known = self._final.get(key)
        if known is not None:
            return known
        lowest = self._depth.get(key, self._waiting.get(key))
        if lowest is None:
            return self._worked_out(key, work_out)
        self._lowest = min(self._lowest, lowest)
        return self._known.get(key, NOTHING)

    def _worked_out(self, key: Hashable, work_out: Callable[[], Answer]) -> Answer:
        outer, kept, depth = self._lowest, len(self._waiting), len(self._depth)
        self._depth[key] = depth
        try:
            while not self._round(key, work_out, depth):
                self._drop(kept)
        except BaseException:
            self._drop(kept)
            raise
        finally:
            del self._depth[key]
        answer = self._known.get(key, NOTHING)
        if self._lowest < depth:
            self._wait(key, kept)
        else:
            self._settle(key, kept)
        self._lowest = min(outer, self._lowest)
        return answer

    def _round(self, key: Hashable, work_out: Callable[[], Answer], depth: int) -> bool:
        """Work the question out once more: is that all, since it rests on none that is open, waits for an earlier one, or nothing has grown?"""
        self._lowest, before = _FREE, self._grown
        known = self._known.get(key, NOTHING)
        answer = known | work_out()
        if answer != known:
            self._known[key] = answer
            self._grown += 1
        return self._lowest != depth or self._grown == before

    def _wait(self, key: Hashable, kept: int) -> None:
        """The question rests on an earlier one, and so does all that waited for it."""
        for other in (key, *list(self._waiting)[kept:]):
            self._waiting[other] = min(self._waiting.get(other, _FREE), self._lowest)

    def _settle(self, key: Hashable, kept: int) -> None:
        """The answer is final, and with it all that waited for it."""
        self._lowest = _FREE
        for settled in (key, *list(self._waiting)[kept:]):
            self._final[settled] = self._known.pop(settled, NOTHING)
            self._waiting.pop(settled, None)

    def _drop(self, kept: int) -> None:
        """What waits is asked once more in the next round."""
        for other in list(self._waiting)[kept:]:
            del self._waiting[other]
