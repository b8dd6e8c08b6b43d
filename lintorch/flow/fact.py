"""What is known of a value, on a small lattice, with the evidence. Names are never evidence."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintorch.project.module import ClassEntry


class Sort(enum.Enum):
    """What kind of object a value is."""

    TENSOR = "tensor"
    MODULE = "module with parameters, as far as anybody knows"
    CRITERION = "loss module without parameters"
    OPERATION = "module without parameters that is no loss"
    NUMBER = "number, string or other plain value"
    CONTAINER = "container"
    DISTRIBUTION = "distribution of torch.distributions"
    OPTIMIZER = "optimizer"
    LOADER = "data loader"
    UNKNOWN = "unknown"

    @property
    def is_module(self) -> bool:
        """Is it a torch module, with parameters or without?"""
        return self is Sort.MODULE or self.owns_none

    @property
    def owns_none(self) -> bool:
        """Is it a module without parameters, which gives a graph only where it is given one?"""
        return self in (Sort.CRITERION, Sort.OPERATION)


class History(enum.Enum):
    """Does the value hold an autograd graph?"""

    LIVE = "yes"
    CUT = "no"
    MAYBE = "maybe"


@dataclass(frozen=True)
class Fact:
    """What flow knows of a value. `evidence` are short sentences, each with a line.

    `element` is what a container holds, `parts` what a tuple holds at each place, `of_class` the project's class of an instance.
    `opaque`: a module of which only that is known, or what it returned, which may be a tensor, or several values of which the first is one.
    """

    sort: Sort
    history: History
    evidence: tuple[str, ...] = ()
    element: Fact | None = None
    parts: tuple[Fact, ...] = ()
    of_class: ClassEntry | None = field(default=None, compare=False)
    opaque: bool = field(default=False, compare=False)

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
LOADED = Fact(Sort.UNKNOWN, History.CUT)  # whatever a file holds: tensors, modules, or dicts of either


def either(facts: Iterable[Fact]) -> Fact:
    """One of these values, nobody knows which: what holds of all of them."""
    facts = tuple(facts)
    if not facts:
        return UNKNOWN
    if len(facts) == 1:
        return facts[0]
    sorts, histories, classes = {fact.sort for fact in facts}, {fact.history for fact in facts}, {fact.of_class for fact in facts}
    agreed = len(sorts) == 1 and len(histories) == 1
    return Fact(
        sorts.pop() if len(sorts) == 1 else Sort.UNKNOWN,
        histories.pop() if len(histories) == 1 else History.MAYBE,
        _evidence(facts) if agreed else (),
        either([fact.element for fact in facts if fact.element is not None]) if all(fact.element is not None for fact in facts) else None,
        tuple(either(parts) for parts in zip(*(fact.parts for fact in facts), strict=True)) if len({len(fact.parts) for fact in facts}) == 1 else (),
        classes.pop() if len(classes) == 1 else None,
        any(fact.opaque for fact in facts),
    )


def combined(facts: Iterable[Fact]) -> Fact:
    """A value computed from all of these by a differentiable operation: it has a graph if any of them has."""
    facts = tuple(facts)
    live = [fact for fact in facts if fact.is_live]
    if live:
        return Fact(Sort.TENSOR, History.LIVE, _evidence(live))
    if any(fact.sort is Sort.TENSOR for fact in facts):
        return DATA if all(fact.is_cut for fact in facts) else Fact(Sort.TENSOR, History.MAYBE)
    return PLAIN if facts and all(fact.is_cut for fact in facts) else UNKNOWN


def container(elements: Iterable[Fact], ordered: bool = False) -> Fact:
    """A container that holds these; `ordered`: each at its place, as in a tuple."""
    elements = tuple(elements)
    element = either(elements)
    return Fact(Sort.CONTAINER, element.history, element.evidence, element, elements if ordered else ())


def _evidence(facts: Iterable[Fact]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentence for fact in facts for sentence in fact.evidence))
