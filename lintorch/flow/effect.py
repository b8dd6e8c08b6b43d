"""What an event may change or depend on, as far as the order of evaluation matters."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable

import libcst as cst

from lintorch.flow.event import Event, Kind


class Effect(enum.IntEnum):
    """How an event takes part in the order of effects; the order of two events matters unless one is INERT or both are READ.

    Every operator and call is an EFFECT: random draws, BatchNorm statistics, prints and in-place writes hide in any call, and even a pure
    tensor operator takes its place in the autograd graph, where another order adds gradients in another order.
    """

    INERT = 0  # reads what nothing can change: local names, imported names, literals
    READ = 1  # reads what an effect might change: attributes, shapes
    EFFECT = 2


_INERT_KINDS = frozenset({Kind.STORE, Kind.BUILD, Kind.RETURN, Kind.CAPTURE})

# Is this attribute read (or module-level name) one that no call in the program changes?
Stable = Callable[[cst.CSTNode], bool]


def effect(event: Event, stable: Stable) -> Effect:
    """The part `event` takes in the order of effects."""
    if event.kind in _INERT_KINDS:
        return Effect.INERT
    if event.kind is Kind.LOAD or event.kind is Kind.GET_ATTRIBUTE:
        return Effect.INERT if stable(event.node) else Effect.READ
    if event.kind is Kind.GET_ITEM and isinstance(event.node, cst.Subscript):
        if stable(event.node):
            return Effect.INERT
        return Effect.READ if _reads_shape(event.node) else Effect.EFFECT
    return Effect.INERT if _is_super(event.node) else Effect.EFFECT


def _is_super(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "super" and not node.args


def _reads_shape(node: cst.Subscript) -> bool:
    """`x.shape[0]`: a number out of a tuple, no tensor operation."""
    return isinstance(node.value, cst.Attribute) and node.value.attr.value == "shape"


def commute(first: Iterable[Effect], second: Iterable[Effect]) -> bool:
    """May two runs of events change places?"""
    one, other = max(first, default=Effect.INERT), max(second, default=Effect.INERT)
    return Effect.INERT in (one, other) or (one is Effect.READ and other is Effect.READ)
