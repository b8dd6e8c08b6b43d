"""Calls with create_graph=True, and whether anything can differentiate the gradients they give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import encloses, loop_of
from lintorch.flow.argument import is_true, keyword, removal
from lintorch.flow.event import Definition, Event, Kind
from lintorch.flow.fact import Sort
from lintorch.flow.reduction import reaches_collection
from lintorch.flow.scope import is_seen_elsewhere
from lintorch.flow.tree import dotted_name
from lintorch.source.text import Span

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

_GRAD = "torch.autograd.grad"


@dataclass(frozen=True, eq=False)
class CreatedGraph:
    """A call whose create_graph=True nothing needs: what it differentiates, the keyword's text (None where dropping it is not certain), and does it pile up?"""

    call: cst.Call
    loss: cst.BaseExpression
    removal: Span | None
    piles_up: bool


def needless_graphs(training: TrainingFlow) -> Iterator[CreatedGraph]:
    """The calls of a function whose gradients nothing differentiates."""
    for event in training.flow.graph.events:
        if event.kind is Kind.CALL and isinstance(event.node, cst.Call) and is_true(keyword(event.node, "create_graph")):
            search = _Search(training, event, event.node)
            if training.flow.qualify(event.node.func) == _GRAD:
                yield from search.of_grad()
            else:
                yield from search.of_backward()


@dataclass(frozen=True, eq=False)
class _Search:
    training: TrainingFlow
    event: Event
    call: cst.Call

    def of_grad(self) -> Iterator[CreatedGraph]:
        """`torch.autograd.grad`: its result is all there is."""
        if self.call.args and self._is_read() and not self._is_shared() and not set(self.training.fates.of_node(self.call)):
            yield self._found(self.call.args[0].value, reaches_collection(self.training, self.call))

    def _is_read(self) -> bool:
        """Does anything read the gradients? A call that nothing is done with is made to see whether it fails."""
        alone = isinstance(self.training.parents.get(self.call), cst.Expr)
        return not alone and not (self._made and all(self.training.flow.chains.dead(definition) for definition in self._made))

    def _is_shared(self) -> bool:
        """May a nested scope see the gradients?"""
        return any(is_seen_elsewhere(self.training.flow, definition.name) for definition in self._made)

    @cached_property
    def _made(self) -> list[Definition]:
        """What the statement around the call binds."""
        first, last = self.training.flow.graph.extents[self.call]
        made = self.training.flow.graph.definitions.values()
        return [one for one in made if one.statement is not None and self._is_within(one.statement, first, last)]

    def _is_within(self, statement: cst.CSTNode, first: int, last: int) -> bool:
        start, end = self.training.flow.graph.extents.get(statement, (0, 0))
        return start <= first and last <= end

    def of_backward(self) -> Iterator[CreatedGraph]:
        """`loss.backward`: the gradients are where `.grad` is read, and where an optimizer steps."""
        backward = next((backward for backward in self.training.backwards if backward.event is self.event), None)
        if backward is None or not isinstance(self.call.func, cst.Attribute) or not (self._steps_are_known() and self._reads_are_cut()):
            return
        leaves = self._leaves()
        if self._steps() or leaves:
            yield self._found(self.call.func.value, any(self._is_made_per_step(leaf) for leaf in leaves))

    def _found(self, loss: cst.BaseExpression, piles_up: bool) -> CreatedGraph:
        flag = keyword(self.call, "create_graph")
        assert flag is not None
        return CreatedGraph(self.call, loss, removal(self.training.flow, self.call, flag) if self._is_last_pass(loss) else None, piles_up)

    def _is_last_pass(self, loss: cst.BaseExpression) -> bool:
        """Can no other backward pass go over the graph, which create_graph has kept alive too?"""
        passes = [event for event in self._calls() if self._differentiates(event)]
        loop = loop_of(self.event.region)
        made = [definition for name in _names(loss) for definition in self.training.seen_by(name)]
        return len(passes) == 1 and (loop is None or not made or all(encloses(loop, definition.event.region) for definition in made))

    def _calls(self) -> list[Event]:
        return [event for event in self.training.flow.graph.events if event.kind is Kind.CALL]

    def _differentiates(self, event: Event) -> bool:
        assert isinstance(event.node, cst.Call)
        return self.training.flow.qualify(event.node.func) == _GRAD or any(backward.event is event for backward in self.training.backwards)

    # Who uses the gradients

    def _steps(self) -> list[cst.BaseExpression]:
        """What `step` is called on."""
        calls = [event.node for event in self._calls() if isinstance(event.node, cst.Call)]
        return [call.func.value for call in calls if isinstance(call.func, cst.Attribute) and call.func.attr.value == "step"]

    def _steps_are_known(self) -> bool:
        """Is everything that steps an optimizer of torch, made in sight?"""
        return all(self.training.inference.fact(receiver).sort is Sort.OPTIMIZER for receiver in self._steps())

    def _reads(self) -> list[cst.CSTNode]:
        events = self.training.flow.graph.events
        return [
            event.node for event in events if event.kind is Kind.GET_ATTRIBUTE and event.name == "grad" and dotted_name(event.node) != "torch.autograd.grad"
        ]

    def _reads_are_cut(self) -> bool:
        """Does no read of `.grad` lead anywhere?"""
        return not any(set(self.training.fates.of_node(read)) for read in self._reads())

    def _leaves(self) -> list[Definition]:
        """Tensors made here with requires_grad=True whose `.grad` is read."""
        read = [node.value for node in self._reads() if isinstance(node, cst.Attribute)]
        made = [definition for value in read for definition in self.training.seen_by(value)]
        return [one for one in made if isinstance(one.value, cst.Call) and is_true(keyword(one.value, "requires_grad"))]

    def _is_made_per_step(self, leaf: Definition) -> bool:
        loop = loop_of(self.event.region)
        return loop is not None and encloses(loop, leaf.event.region)


def _names(value: cst.BaseExpression) -> list[cst.BaseExpression]:
    from lintorch.flow.tree import names_in

    return list(names_in(value))
