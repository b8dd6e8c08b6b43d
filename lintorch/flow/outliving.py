"""Names that hold a value beyond its last use while later operations run, and the name bound next that could take their place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Definition, Event, Kind

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow

_COMPUTING = (cst.Call, cst.BinaryOperation, cst.UnaryOperation)
_ALLOCATING = (Kind.CALL, Kind.OPERATE)


@dataclass(frozen=True, eq=False)
class Outliving:
    """`kept` is read for the last time by the statement that makes `following`; renaming `following` to `name` frees the value there."""

    kept: Definition
    following: Definition
    name: str
    places: tuple[cst.CSTNode, ...]  # where `following` is bound and read


def outliving(flow: FunctionFlow) -> Iterator[Outliving]:
    """Each name bound once whose only reader binds another name, where more is computed afterwards; chains share their first name."""
    roots: dict[Definition, str] = {}
    for following in flow.assignments:
        kept = _last_read(flow, following)
        if kept is not None and _computes_after(flow, following):
            roots[following] = roots.get(kept, kept.name)
            places = (following.event.node, *(use.node for use in flow.chains.uses.get(following.event.at, ())))
            yield Outliving(kept, following, roots[following], places)


def _last_read(flow: FunctionFlow, following: Definition) -> Definition | None:
    """The definition that nothing reads but the value bound here."""
    if not isinstance(following.value, _COMPUTING) or not _bound_once(flow, following) or not _all_loads(flow, following):
        return None
    inside = {event.at for event in flow.events_of(following.value)}
    for kept in flow.assignments:
        uses = flow.chains.uses.get(kept.event.at, ())
        alone = bool(uses) and all(use.at in inside and flow.chains.reaching[use.at] == (kept,) for use in uses)
        if alone and kept.event.region is following.event.region and isinstance(kept.value, _COMPUTING) and _bound_once(flow, kept):
            return kept
    return None


def _bound_once(flow: FunctionFlow, definition: Definition) -> bool:
    return sum(other.name == definition.name for other in flow.graph.definitions.values()) == 1


def _all_loads(flow: FunctionFlow, definition: Definition) -> bool:
    """Is the name only ever read, nowhere deleted?"""
    uses: tuple[Event, ...] = flow.chains.uses.get(definition.event.at, ())
    return all(use.kind is Kind.LOAD for use in uses)


def _computes_after(flow: FunctionFlow, definition: Definition) -> bool:
    """Does anything that may allocate run after the definition?"""
    return any(event.kind in _ALLOCATING for event in flow.graph.events[definition.event.at + 1 :])
