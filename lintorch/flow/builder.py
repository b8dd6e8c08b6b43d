"""Builds the control-flow graph: blocks, regions and events, without knowing any syntax."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import libcst as cst

from lintorch.flow.event import Binding, Block, Definition, Event, Graph, Kind, Placement, Region, RegionKind


class GraphBuilder:
    """Appends events to the block under construction. `names` maps comprehension variables to names of their own."""

    def __init__(self, root: cst.CSTNode) -> None:
        self.events: list[Event] = []
        self.blocks: list[Block] = []
        self.definitions: dict[int, Definition] = {}
        self.extents: dict[cst.CSTNode, tuple[int, int]] = {}
        self.placements: dict[cst.CSTNode, Placement] = {}
        self.names: list[dict[str, str]] = []
        self.region = Region(RegionKind.BODY, None, root)
        self.exit = self.new_block()
        # Where an exception may land from here: blocks of the enclosing handlers, innermost last.
        self.landings: list[int] = []
        self.block = self.new_block()

    def new_block(self) -> int:
        """Add a block that nothing leads to yet."""
        self.blocks.append(Block(len(self.blocks)))
        return len(self.blocks) - 1

    def edge(self, start: int, end: int) -> None:
        """Let control go from the end of one block to the start of another."""
        self.blocks[start].successors.add(end)

    def begin(self, *predecessors: int) -> int:
        """Open a new block that is entered from `predecessors`."""
        self.block = self.new_block()
        for predecessor in predecessors:
            self.edge(predecessor, self.block)
        self._may_land()
        return self.block

    def _may_land(self) -> None:
        if self.landings:
            self.edge(self.block, self.landings[-1])

    def jump(self, target: int) -> None:
        """Leave the block for `target`; what follows is unreachable until something else leads there."""
        self.edge(self.block, target)
        self.block = self.new_block()

    def emit(self, kind: Kind, node: cst.CSTNode, name: str = "") -> Event:
        """Append an event to the block under construction."""
        event = Event(len(self.events), kind, node, name, self.region, self.block)
        self.events.append(event)
        self.blocks[self.block].events.append(event)
        return event

    def define(self, name: str, node: cst.CSTNode, binding: Binding, value: cst.BaseExpression | None = None, statement: cst.CSTNode | None = None) -> None:
        """Bind `name`. Inside a try the block ends here, so that handlers see the state before and after the binding."""
        event = self.emit(Kind.STORE, node, self.resolve(name))
        self.definitions[event.at] = Definition(event.name, event, binding, value, statement)
        if self.landings:
            self.begin(self.block)

    def resolve(self, name: str) -> str:
        """The name meant here: comprehension variables hide names of the function."""
        for scope in reversed(self.names):
            if name in scope:
                return scope[name]
        return name

    @contextmanager
    def inside(self, kind: RegionKind, node: cst.CSTNode) -> Iterator[None]:
        """Everything emitted meanwhile belongs to a new region."""
        outer, self.region = self.region, Region(kind, self.region, node)
        yield
        self.region = outer

    @contextmanager
    def landing(self, target: int) -> Iterator[None]:
        """Exceptions raised meanwhile may continue at `target`."""
        self.landings.append(target)
        self.edge(self.block, target)  # before the first binding, too
        self.begin(self.block)
        yield
        self.landings.pop()

    def finish(self) -> Graph:
        """The graph, the last block leading to the exit."""
        self.edge(self.block, self.exit)
        return Graph(tuple(self.events), tuple(self.blocks), self.exit, self.definitions, self.extents, self.placements)
