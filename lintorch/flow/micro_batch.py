"""Losses of micro-batches summed for one backward pass, each computed by the same model from data of its own turn of the loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import Backward, encloses, loop_of
from lintorch.flow.event import Binding, Definition, Region
from lintorch.flow.fact import Sort
from lintorch.flow.ingredients import ingredients
from lintorch.flow.keeping import added_by
from lintorch.flow.torch_names import CUTTING_FUNCTIONS
from lintorch.flow.without_gradients import is_test

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow


_GATHERING = frozenset({"builtins.sum", "torch.stack", "torch.cat", "torch.sum", "torch.mean"})


@dataclass(frozen=True, eq=False)
class SummedLoss:
    """A sum over micro-batches: what runs backward in the end, the statement that adds to it, what it adds, and the backward pass that the graphs wait for."""

    total: Definition
    statement: cst.CSTNode
    added: cst.BaseExpression
    backward: Backward


def summed_losses(training: TrainingFlow) -> Iterator[SummedLoss]:
    """Sums whose terms could be run backward one by one."""
    if is_test(training.flow.entry, training.flow.project.root):
        return
    for definition in training.anchored:
        loop, value = loop_of(definition.event.region), added_by(definition.statement)
        backward = training.anchored[definition]
        if loop is None or value is None or definition.binding not in (Binding.AUGMENTED, Binding.ASSIGNED):
            continue
        if _is_summed_for(training, definition, loop, backward) and MicroBatch(training, loop).computes(value) and definition.statement is not None:
            yield SummedLoss(definition, definition.statement, value, backward)
    for definition, backward in training.anchored.items():
        yield from _gathered(training, definition, backward)


def _gathered(training: TrainingFlow, total: Definition, backward: Backward) -> Iterator[SummedLoss]:
    """Losses that a loop appends to a list, whose sum or mean is the loss."""
    name = _listed(total.value, training)
    makers = training.seen_by(name) if name is not None else ()
    parts = training.put_into(makers[0]) if len(makers) == 1 else ()
    if len(parts) != 1:
        return
    region = training.keeping.region(training.parents[training.parents[parts[0]]])
    loop = loop_of(region)
    if loop is None or encloses(loop, makers[0].event.region) or encloses(loop, backward.event.region):
        return
    outer = loop_of(loop.parent) if loop.parent is not None else None
    within = outer is None or encloses(outer, makers[0].event.region)
    wanted = any(encloses(loop, event.region) for event in training.wanting.events)
    if within and not wanted and MicroBatch(training, loop).computes(parts[0]):
        yield SummedLoss(total, training.parents[training.parents[parts[0]]], parts[0], backward)


def _listed(value: cst.BaseExpression | None, training: TrainingFlow) -> cst.Name | None:
    """The list whose sum or mean a value is, scaled or not: `torch.stack(losses).mean()`, `sum(losses) / len(losses)`."""
    while value is not None and not isinstance(value, cst.Name):
        name = (training.flow.qualify(value.func) or "") if isinstance(value, cst.Call) else ""
        if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Divide | cst.Multiply):
            value = value.left
        elif isinstance(value, cst.Call) and value.args and name in _GATHERING:
            value = value.args[0].value
        elif isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and value.func.attr.value in ("sum", "mean") and not value.args:
            value = value.func.value
        else:
            return None
    return value


def _is_summed_for(training: TrainingFlow, total: Definition, loop: Region, backward: Backward) -> bool:
    """Does the sum begin with a number before the loop and reach the backward pass behind it, in the same turn of what is around both?"""
    over = training.flow.chains.over[total.event.at]
    begun = [other for other in over if other is not total]
    behind = backward.event.at > total.event.at and not encloses(loop, backward.event.region)
    outer = loop_of(loop.parent) if loop.parent is not None else None
    within = outer is None or all(encloses(outer, other.event.region) for other in begun)
    numbers = all(training.inference.fact(other.value).is_cut and not encloses(loop, other.event.region) for other in begun)
    wanted = any(encloses(loop, event.region) for event in training.wanting.events)
    return total in over and bool(begun) and behind and within and numbers and not wanted


class MicroBatch:
    """Answers for one loop."""

    def __init__(self, training: TrainingFlow, loop: Region) -> None:
        self.training, self.loop = training, loop

    def computes(self, value: cst.BaseExpression) -> bool:
        """Is the value computed in the turn by models made before the loop, from the turn's own data, and from nothing that has a graph already?"""
        parts = tuple(ingredients(value, self.training.seen_by))
        if any(map(self._is_carried, parts)):
            return False
        runs = [part for part in parts if isinstance(part, cst.Call) and self._runs(part)]
        first = [run for run in runs if not any(other is not run and self._feeds(other, run) for other in runs)]
        return bool(first) and all(map(self._is_within, runs)) and all(self._is_model(run, runs) for run in first) and all(map(self._takes_own_data, first))

    def _is_carried(self, part: cst.BaseExpression) -> bool:
        """Does a name hold what an earlier turn left?"""
        event = self.training.loads.get(part)
        return event is not None and any(self._is_of_loop(made) and made.event.at > event.at for made in self.training.seen_by(part))

    def _is_of_loop(self, made: Definition) -> bool:
        return encloses(self.loop, made.event.region)

    # Calls that may run a network

    def _runs(self, call: cst.Call) -> bool:
        """A module, a criterion, a value that is called, a method or function that is not read: anything but torch's and Python's own functions."""
        name = self.training.flow.qualify(call.func)
        if name is not None:
            return self.training.inference.fact(call).is_live and not name.startswith(("torch.", "builtins."))
        if not isinstance(call.func, cst.Attribute):
            return True
        return isinstance(call.func.value, cst.Name) and call.func.value.value == self.training.flow.entry.receiver

    def _is_within(self, call: cst.Call) -> bool:
        return encloses(self.loop, self.training.keeping.region(call))

    def _feeds(self, call: cst.Call, other: cst.Call) -> bool:
        """Does the result of a call go into another?"""
        return any(part is call for arg in other.args for part in self._ingredients(arg.value))

    def _ingredients(self, value: cst.BaseExpression) -> tuple[cst.BaseExpression, ...]:
        return tuple(ingredients(value, self.training.seen_by))

    def _is_model(self, call: cst.Call, runs: list[cst.Call]) -> bool:
        """A module, or something called whose result goes into a loss; the same one in each turn."""
        known = self.training.inference.fact(call.func).sort is Sort.MODULE
        fed = any(other is not call and self._feeds(call, other) for other in runs) or self._is_in_loss(call)
        makers = [made for part in self._ingredients(call.func) for made in self.training.seen_by(part)]
        return (known or fed) and not any(map(self._is_of_loop, makers))

    def _is_in_loss(self, call: cst.Call) -> bool:
        """Is the result handed to a function of torch that differentiates?"""
        return any(any(part is call for arg in node.args for part in self._ingredients(arg.value)) for node in self._torch_calls)

    @cached_property
    def _torch_calls(self) -> list[cst.Call]:
        events = (event for event in self.training.flow.graph.events if encloses(self.loop, event.region))
        calls = [event.node for event in events if isinstance(event.node, cst.Call)]
        names = [(call, (self.training.flow.qualify(call.func) or "").rpartition(".")) for call in calls]
        return [call for call, (package, _, name) in names if package.startswith("torch.nn") and name not in CUTTING_FUNCTIONS]

    def _takes_own_data(self, call: cst.Call) -> bool:
        """Is an argument made from what the loop takes in this turn, other than by a number as index, as the frames of a sequence are?"""
        parts = [part for arg in call.args for part in self._ingredients(arg.value)]
        indexed = any(isinstance(part, cst.Subscript) and not _is_sliced(part) and self._is_counted(part) for part in parts)
        return not indexed and any(self._is_taken(made) for part in self._data(call) for made in self.training.seen_by(part))

    def _data(self, call: cst.Call) -> Iterator[cst.BaseExpression]:
        """The names an argument is made from, those in the bounds of slices included."""
        for arg in call.args:
            for part in self._ingredients(arg.value):
                yield part
                if isinstance(part, cst.Subscript):
                    bounds = [bound for element in part.slice if isinstance(element.slice, cst.Slice) for bound in (element.slice.lower, element.slice.upper)]
                    yield from (inner for bound in bounds if bound is not None for inner in self._ingredients(bound))

    def _is_counted(self, part: cst.Subscript) -> bool:
        indices = [element.slice.value for element in part.slice if isinstance(element.slice, cst.Index)]
        return any(self._is_taken(made) for index in indices for inner in self._ingredients(index) for made in self.training.seen_by(inner))

    def _is_taken(self, made: Definition) -> bool:
        """Is it a target of the loop, taken from data, or the next batch of an iterator?"""
        if made in self.training.made_by_statement(self.loop.node):
            return isinstance(self.loop.node, cst.For) and not self._is_computed(self.loop.node.iter)
        value = getattr(made.statement, "value", None)
        return self._is_of_loop(made) and isinstance(value, cst.Call) and self.training.flow.qualify(value.func) == "builtins.next"

    def _is_computed(self, iterable: cst.BaseExpression) -> bool:
        return any(isinstance(part, cst.Call) and self._runs(part) for part in self._ingredients(iterable))


def _is_sliced(part: cst.Subscript) -> bool:
    return any(isinstance(element.slice, cst.Slice) and (element.slice.lower or element.slice.upper) for element in part.slice)
