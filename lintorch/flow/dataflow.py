"""Reaching definitions and liveness over the control-flow graph (worklist algorithms on integer bit sets)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lintorch.flow.event import Block, Definition, Event, Graph, Kind


@dataclass(frozen=True)
class Chains:
    """Which definitions a use may see, and which uses a definition may reach; keyed by event index.

    `dead` are the definitions after which no path reads the name before binding it again or leaving the function.
    `over` tells which other definitions of the same name may still be in force where a definition is made.
    """

    reaching: Mapping[int, tuple[Definition, ...]]
    uses: Mapping[int, tuple[Event, ...]]
    over: Mapping[int, tuple[Definition, ...]]

    def dead(self, definition: Definition) -> bool:
        """Does no use see this definition?"""
        return not self.uses.get(definition.event.at)


def chain(graph: Graph) -> Chains:
    """Solve reaching definitions and link uses to definitions."""
    numbering = {index: number for number, index in enumerate(graph.definitions)}
    by_name: dict[str, int] = defaultdict(int)
    for index, number in numbering.items():
        by_name[graph.definitions[index].name] |= 1 << number
    entry = _reaching_entries(graph, numbering, by_name)
    return _link(graph, numbering, by_name, entry)


def _reaching_entries(graph: Graph, numbering: Mapping[int, int], by_name: Mapping[str, int]) -> list[int]:
    transfer = [_transfer(block, numbering, by_name) for block in graph.blocks]
    entry = [0] * len(graph.blocks)
    pending = [block.number for block in reversed(graph.blocks)]
    while pending:
        number = pending.pop()
        kept, made = transfer[number]
        leaving = entry[number] & kept | made
        for successor in graph.blocks[number].successors:
            if leaving & ~entry[successor]:
                entry[successor] |= leaving
                pending.append(successor)
    return entry


def _transfer(block: Block, numbering: Mapping[int, int], by_name: Mapping[str, int]) -> tuple[int, int]:
    """A block's effect on the set of definitions in force: (kept, made)."""
    kept, made = -1, 0
    for event in block.events:
        if event.kind is Kind.STORE or event.kind is Kind.DELETE:
            kept &= ~by_name.get(event.name, 0)
            made &= ~by_name.get(event.name, 0)
            if event.kind is Kind.STORE:
                made |= 1 << numbering[event.at]
    return kept, made


def _link(graph: Graph, numbering: Mapping[int, int], by_name: Mapping[str, int], entry: list[int]) -> Chains:
    definitions = [graph.definitions[index] for index in numbering]
    reaching: dict[int, tuple[Definition, ...]] = {}
    over: dict[int, tuple[Definition, ...]] = {}
    uses: dict[int, list[Event]] = defaultdict(list)
    for block in graph.blocks:
        state = entry[block.number]
        for event in block.events:
            mask = by_name.get(event.name, 0)
            if event.kind is Kind.STORE:
                over[event.at] = tuple(_members(state & mask, definitions))
                state = state & ~mask | 1 << numbering[event.at]
            elif event.kind in (Kind.LOAD, Kind.DELETE) and mask:
                seen = tuple(_members(state & mask, definitions))
                reaching[event.at] = seen
                for definition in seen:
                    uses[definition.event.at].append(event)
                if event.kind is Kind.DELETE:
                    state &= ~mask
    return Chains(reaching, {index: tuple(events) for index, events in uses.items()}, over)


def _members(bits: int, definitions: list[Definition]) -> Iterable[Definition]:
    while bits:
        low = bits & -bits
        yield definitions[low.bit_length() - 1]
        bits ^= low
