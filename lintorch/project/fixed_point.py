"""Answers that may rest on each other, in circles too: the smallest sets that agree with each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeAlias

Answer: TypeAlias = frozenset[object]
NOTHING: Answer = frozenset()
_FREE = 1 << 30  # deeper than any question: rests on no answer that is being worked out


@dataclass
class _Open:
    """A question that is being worked out: what is assumed meanwhile, how deep it stands, and whether somebody has used the assumption."""

    assumed: Answer
    depth: int
    used: bool = False


class FixedPoints:
    """Answers that only grow with those they rest on. Whoever asks again for what is being worked out gets what is known so far, and the round is
    repeated until nothing changes; answers within such a circle are final when its first question is."""

    def __init__(self) -> None:
        self._final: dict[Hashable, Answer] = {}
        self._open: dict[Hashable, _Open] = {}
        self._waiting: dict[Hashable, tuple[Answer, int]] = {}  # answers of open circles, with the depth of the question they rest on
        self._lowest = _FREE

    def forget(self) -> None:
        """Let go of all answers."""
        self._final.clear()

    def of(self, key: Hashable, work_out: Callable[[], Answer]) -> Answer:
        """The answer to a question, worked out where it is not known."""
        known = self._final.get(key)
        if known is not None:
            return known
        if key in self._open:
            return self._assumed(self._open[key])
        if key in self._waiting:
            answer, lowest = self._waiting[key]
            self._lowest = min(self._lowest, lowest)
            return answer
        return self._worked_out(key, work_out)

    def _assumed(self, question: _Open) -> Answer:
        question.used = True
        self._lowest = min(self._lowest, question.depth)
        return question.assumed

    def _worked_out(self, key: Hashable, work_out: Callable[[], Answer]) -> Answer:
        outer, kept = self._lowest, len(self._waiting)
        question = self._open[key] = _Open(NOTHING, len(self._open))
        try:
            answer = self._repeated(question, work_out, kept)
        except BaseException:
            self._drop(kept)
            raise
        finally:
            del self._open[key]
        self._keep(key, answer, question.depth, kept)
        self._lowest = min(outer, self._lowest)
        return answer

    def _repeated(self, question: _Open, work_out: Callable[[], Answer], kept: int) -> Answer:
        while True:
            self._lowest, question.used = _FREE, False
            answer = work_out() | question.assumed
            if not question.used or answer == question.assumed:
                return answer
            question.assumed = answer
            self._drop(kept)

    def _keep(self, key: Hashable, answer: Answer, depth: int, kept: int) -> None:
        """An answer is final where it rests on no open question but itself, and with it all that waited for it."""
        if self._lowest < depth:
            self._waiting[key] = answer, self._lowest
            return
        self._lowest = _FREE
        self._final[key] = answer
        for other in list(self._waiting)[kept:]:
            self._final[other] = self._waiting.pop(other)[0]

    def _drop(self, kept: int) -> None:
        """What was worked out from an assumption that has changed is worked out again."""
        for other in list(self._waiting)[kept:]:
            del self._waiting[other]
