"""Inputs that a loop moves along their own gradient, each step's value computed from the last one with its history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import encloses, loop_of
from lintorch.flow.argument import is_true, keyword
from lintorch.flow.event import Binding, Definition, Event, Kind, Region
from lintorch.flow.fate import Fate
from lintorch.flow.frozen import mentions_cut
from lintorch.flow.ingredients import ingredients
from lintorch.flow.tree import names_in

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

_GRAD = "torch.autograd.grad"
_WANTING = frozenset({Fate.BACKWARD, Fate.RETURNED, Fate.STORED, Fate.SUMMED, Fate.COLLECTED})


@dataclass(frozen=True, eq=False)
class ChainedInput:
    """`update` moves the input along the gradient; `last` gives the value that the next step begins with. `created`: the gradient has a graph too."""

    update: Definition
    last: Definition
    call: cst.Call
    created: bool


def chained_inputs(training: TrainingFlow) -> Iterator[ChainedInput]:
    """The updates of a function, in order, each once."""
    known: set[Definition] = set()
    for event in training.flow.graph.events:
        if isinstance(event.node, cst.Call) and _is_gradient(event, training):
            found = _Descent(training, event, event.node).found()
            if found is not None and found.update not in known:
                known.add(found.update)
                yield found


def _is_gradient(event: Event, training: TrainingFlow) -> bool:
    return event.kind is Kind.CALL and isinstance(event.node, cst.Call) and training.flow.qualify(event.node.func) == _GRAD


@dataclass(frozen=True, eq=False)
class _Descent:
    """One call of `torch.autograd.grad` in a loop."""

    training: TrainingFlow
    event: Event
    call: cst.Call

    def found(self) -> ChainedInput | None:
        """The update that chains the input, if there is one and nothing needs the chain."""
        given, flag = self._input(), keyword(self.call, "create_graph")
        plain = flag is None or is_true(flag) or (isinstance(flag.value, cst.Name) and flag.value.value == "False")
        loop = self._loop(given) if given is not None and plain else None
        if loop is None or given is None:
            return None
        lasts = [made for made in self.training.seen_by(given) if encloses(loop, made.event.region)]
        if len(lasts) != 1 or not self._is_chained(lasts[0]) or self._is_wanted(lasts[0], loop):
            return None
        moving = [made for made in self._cycle(lasts[0]) if self._moves(made)]
        update = next((made for made in moving if made.name == given.value), moving[0] if moving else None)
        return ChainedInput(update, lasts[0], self.call, is_true(flag)) if update is not None and not self._is_wanted(update, loop) else None

    def _loop(self, given: cst.Name) -> Region | None:
        """The innermost loop round the call in which the input is bound."""
        loop = loop_of(self.event.region)
        while loop is not None and not any(encloses(loop, made.event.region) for made in self.training.seen_by(given)):
            loop = loop_of(loop.parent) if loop.parent is not None else None
        return loop

    @cached_property
    def _gradients(self) -> frozenset[cst.CSTNode]:
        """The calls that give gradients, which have no history of their own."""
        return frozenset(event.node for event in self.training.flow.graph.events if _is_gradient(event, self.training))

    def _input(self) -> cst.Name | None:
        """The one name that is differentiated for."""
        named = keyword(self.call, "inputs")
        positional = [arg for arg in self.call.args if arg.keyword is None]
        arg = named if named is not None else positional[1] if len(positional) > 1 else None
        names = list(names_in(arg.value)) if arg is not None and isinstance(arg.value, cst.Name | cst.List | cst.Tuple) else []
        return names[0] if len(names) == 1 else None

    def _route(self, made: Definition) -> list[cst.BaseExpression]:
        """What the value is computed from, the gradient not looked into."""
        return list(ingredients(made.value, self.training.seen_by, until=self._gradients)) if made.value is not None else []

    def _is_chained(self, last: Definition) -> bool:
        """Does the value come, with gradients on and without a cut, from that of the turn before and from the gradient?"""
        route = self._route(last)
        again = any(last in self.training.seen_by(part) for part in route if isinstance(part, cst.Name))
        if last.binding is not Binding.ASSIGNED or not again or self.call not in route:
            return False
        recorded = all(made.value is not None and self.training.gradients_on(made.value) for made in self._cycle(last))
        return recorded and all(self._keeps_graph(part) for part in route if isinstance(part, cst.Call) and part not in self._gradients)

    def _cycle(self, last: Definition) -> list[Definition]:
        """The definitions of the loop that lead to the value and from it, in order."""
        names = [part for part in self._route(last) if isinstance(part, cst.Name)]
        made = {one for name in names for one in self.training.seen_by(name) if one.value is not None and self._leads_back(one, last)}
        return sorted(made | {last}, key=lambda one: one.event.at)

    def _leads_back(self, made: Definition, last: Definition) -> bool:
        return any(last in self.training.seen_by(part) for part in self._route(made) if isinstance(part, cst.Name))

    def _moves(self, made: Definition) -> bool:
        """Is the gradient part of what the statement itself computes, rather than of what an earlier one of the cycle left?"""
        cycle = set(self._cycle(made))

        def seen(node: cst.BaseExpression) -> tuple[Definition, ...]:
            return tuple(one for one in self.training.seen_by(node) if one not in cycle)

        return made.value is not None and self.call in ingredients(made.value, seen)

    def _keeps_graph(self, call: cst.Call) -> bool:
        """Is the call one of torch's or of a tensor, or one of the project that cuts nothing?"""
        name = self.training.flow.qualify(call.func)
        entry = self.training.wanting.called(call)
        if entry is not None:
            return not mentions_cut(entry)
        if name is not None:
            return name.startswith(("torch.", "builtins."))
        receiver = call.func.value if isinstance(call.func, cst.Attribute) else None
        return receiver is not None and not (isinstance(receiver, cst.Name) and receiver.value == self.training.flow.entry.receiver)

    def _is_wanted(self, made: Definition, loop: Region) -> bool:
        """Does the value leave the loop with its graph, for somebody who may differentiate it?"""
        uses = self.training.flow.chains.uses.get(made.event.at, ())
        outside = [use for use in uses if not encloses(loop, use.region)]
        return self.training.flow.shared.has(made.name) or any(fate in _WANTING for use in outside for fate in self.training.fates.of_node(use.node))
