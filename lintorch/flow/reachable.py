"""What may run after a statement."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Event, Graph, Kind
from lintorch.flow.fate import Fate

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow

_NEEDING = frozenset({Fate.BACKWARD, Fate.RETURNED, Fate.ESCAPES})


def events_after(graph: Graph, last: Event) -> Iterator[Event]:
    """The events that may follow `last`, in no particular order."""
    yield from (event for event in graph.blocks[last.block].events if event.at > last.at)
    pending, known = list(graph.blocks[last.block].successors), set[int]()
    while pending:
        number = pending.pop()
        if number not in known:
            known.add(number)
            yield from graph.blocks[number].events
            pending.extend(graph.blocks[number].successors)


def read_after(flow: FunctionFlow, statement: cst.CSTNode, attribute: str) -> bool:
    """May `self.<attribute>` be read with its graph after the statement, in the function itself or, after its call, in a method that calls it?"""
    _, end = flow.graph.extents[statement]
    if _reads(flow, flow.graph.events[end - 1], attribute):
        return True
    owner = flow.entry.owner
    for entry in owner.methods.values() if owner is not None else ():
        if any(call.caller is entry for call in flow.project.callers(flow.entry)):
            other = flow.of(entry)
            calls = [event for event in other.graph.events if event.kind is Kind.CALL and _calls(event.node, flow.entry.name)]
            if any(_reads(other, event, attribute) for event in calls):
                return True
    return False


def _reads(flow: FunctionFlow, last: Event, attribute: str) -> bool:
    reads = (event for event in events_after(flow.graph, last) if event.kind is Kind.GET_ATTRIBUTE and event.name == attribute)
    return any(fate in _NEEDING for event in reads for fate in flow.training.fates.of_node(event.node))


def _calls(node: cst.CSTNode, method: str) -> bool:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == method


def reaches_without(graph: Graph, start: Event, goal: Event, avoided: Collection[Event]) -> bool:
    """Is there a way from behind `start` to `goal` on which none of `avoided` happens?"""
    pending, known = [(start.block, start.at)], set[int]()
    while pending:
        number, after = pending.pop()
        stopped = False
        for event in graph.blocks[number].events:
            if event.at <= after:
                continue
            if event is goal:
                return True
            if event in avoided:
                stopped = True
                break
        if not stopped:
            following = graph.blocks[number].successors - known
            known |= following
            pending.extend((block, -1) for block in following)
    return False
