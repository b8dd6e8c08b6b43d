"""What is known of a value, on a small lattice, with the evidence. Names are never evidence."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace


class Sort(enum.Enum):
    """What kind of object a value is."""

    TENSOR = "tensor"
    MODULE = "module"
    CRITERION = "loss module without parameters"
    NUMBER = "number, string or other plain value"
    CONTAINER = "container"
    OPTIMIZER = "optimizer"
    LOADER = "data loader"
    UNKNOWN = "unknown"


class History(enum.Enum):
    """Does the value hold an autograd graph?"""

    LIVE = "yes"
    CUT = "no"
    MAYBE = "maybe"


@dataclass(frozen=True)
class Fact:
    """What flow knows of a value. `element` is what a container holds; `evidence` are short sentences, each with a line."""

    sort: Sort
    history: History
    evidence: tuple[str, ...] = ()
    element: Fact | None = None

    @property
    def is_live(self) -> bool:
        """Is it certainly a tensor with a graph?"""
        return self.sort is Sort.TENSOR and self.history is History.LIVE

    @property
    def is_cut(self) -> bool:
        """Does it certainly hold no graph?"""
        return self.history is History.CUT

    def because(self, sentence: str) -> Fact:
        """The same fact with one more piece of evidence."""
        return self if sentence in self.evidence else replace(self, evidence=(*self.evidence, sentence))


UNKNOWN = Fact(Sort.UNKNOWN, History.MAYBE)
PLAIN = Fact(Sort.NUMBER, History.CUT)
DATA = Fact(Sort.TENSOR, History.CUT)


def either(facts: Iterable[Fact]) -> Fact:
    """One of these values, nobody knows which: what holds of all of them."""
    facts = tuple(facts)
    if not facts:
        return UNKNOWN
    sorts, histories = {fact.sort for fact in facts}, {fact.history for fact in facts}
    if len(sorts) == 1 and len(histories) == 1:
        return replace(facts[0], evidence=_evidence(facts))
    sort = sorts.pop() if len(sorts) == 1 else Sort.UNKNOWN
    return Fact(sort, histories.pop() if len(histories) == 1 else History.MAYBE)


def combined(facts: Iterable[Fact]) -> Fact:
    """A value computed from all of these by a differentiable operation: it has a graph if any of them has."""
    facts = tuple(facts)
    live = [fact for fact in facts if fact.is_live]
    if live:
        return Fact(Sort.TENSOR, History.LIVE, _evidence(live))
    if any(fact.sort is Sort.TENSOR for fact in facts):
        return DATA if all(fact.is_cut for fact in facts) else Fact(Sort.TENSOR, History.MAYBE)
    return PLAIN if facts and all(fact.is_cut for fact in facts) else UNKNOWN


def container(elements: Iterable[Fact]) -> Fact:
    """A container that holds these."""
    element = either(elements)
    return Fact(Sort.CONTAINER, element.history, element.evidence, element)


def _evidence(facts: Iterable[Fact]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentence for fact in facts for sentence in fact.evidence))
