"""Backward passes with retain_graph=True, and whether another pass can go over what they retain."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import Backward
from lintorch.flow.argument import is_true, keyword, removal
from lintorch.flow.event import Binding, Definition, Event, Kind
from lintorch.flow.fact import Sort
from lintorch.flow.fate import Fate, Fates
from lintorch.flow.given import is_given
from lintorch.flow.gradients import Gradients
from lintorch.flow.ingredients import bound_values, ingredients
from lintorch.flow.loop_source import source_of
from lintorch.flow.loss_part import loss_parts
from lintorch.flow.parameter import passed_expression
from lintorch.flow.reachable import reaches_without
from lintorch.flow.scope import is_seen_elsewhere
from lintorch.flow.tensor_use import is_tensor_method
from lintorch.flow.tree import dotted_name
from lintorch.source.text import Span

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.project import Call

_GRADIENT_FUNCTIONS = frozenset({"grad", "jacobian", "hessian", "vjp", "jvp"})
_KEEPING = frozenset({Fate.RETURNED, Fate.STORED, Fate.SUMMED, Fate.COLLECTED})


@dataclass(frozen=True, eq=False)
class RetainedGraph:
    """A call whose retain_graph=True nothing needs: what it differentiates, the keyword's text, and does the loss outlive the step?"""

    call: cst.Call
    loss: cst.BaseExpression
    removal: Span
    outlives: bool


def retained_graphs(training: TrainingFlow) -> Iterator[RetainedGraph]:
    """The calls of a function that retain a graph for nobody."""
    for backward in training.backwards:
        call = backward.event.node
        flag = keyword(call, "retain_graph") if isinstance(call, cst.Call) and not backward.handed else None
        if isinstance(call, cst.Call) and flag is not None and is_true(flag) and keyword(call, "create_graph") is None:
            search = _Pass(training, backward.event, call)
            if search.is_last():
                kept = (*training.keeping.totals(), *training.kept_collections)
                yield RetainedGraph(call, search.loss, removal(training.flow, call, flag), any(_is_covered(backward, one.covering) for one in kept))


def _is_covered(backward: Backward, covering: Backward | None) -> bool:
    return covering is not None and covering.event is backward.event


def _stores_graph(training: TrainingFlow, attribute: str) -> bool:
    """May a method store a value with a graph in the attribute?"""
    for node in training.flow.graph.placements:
        targets = [target.target for target in node.targets] if isinstance(node, cst.Assign) else []
        parts = [element.value for target in targets if isinstance(target, cst.Tuple) for element in target.elements]
        stored = any(isinstance(part, cst.Attribute) and part.attr.value == attribute for part in (*targets, *parts))
        if isinstance(node, cst.Assign) and stored and training.making.makers(node.value):
            return True
    return False


@dataclass(frozen=True, eq=False)
class _Pass:
    """One backward pass and the graph that it goes over."""

    training: TrainingFlow
    event: Event
    call: cst.Call

    @property
    def loss(self) -> cst.BaseExpression:
        """What it runs on: the argument, as in `accelerator.backward(loss)`, or the object of the method."""
        given = next((arg.value for arg in self.call.args if arg.keyword is None), None)
        assert isinstance(self.call.func, cst.Attribute)
        receiver = self.call.func.value
        return receiver if given is None or self.training.making.makers(receiver) or isinstance(receiver, cst.Call) else given

    @cached_property
    def values(self) -> tuple[cst.BaseExpression, ...]:
        """Everything the loss is computed from."""
        return tuple(ingredients(self.loss, self.training.seen_by))

    def is_last(self) -> bool:
        """Can no other pass go over the graph, here or anywhere else?"""
        return self._is_all_in_sight() and not self._is_shared() and not self._is_chained() and not self._leaves()

    # Is it all in sight?

    def _is_all_in_sight(self) -> bool:
        """Is the loss computed here, by more than one call, from what the function is given?"""
        if any(isinstance(value, cst.Attribute) and self._may_hold_graph(value) for value in self.values):
            return False
        names = [value for value in self.values if isinstance(value, cst.Name)]
        if any(made.binding is Binding.PARAMETER and self._brings_graph(made.name) for name in names for made in self.training.seen_by(name)):
            return False
        if self._is_part_for_others(names):
            return False
        if any(is_seen_elsewhere(self.training.flow, name.value) for name in names if any(map(self.training.making.brings, self.training.seen_by(name)))):
            return False
        calls = [value for value in self.values if isinstance(value, cst.Call)]
        nested = any(isinstance(part, cst.Call) and part is not call for call in calls for part in ingredients(call, self.training.seen_by))
        runs_module = any(self.training.inference.fact(call.func).sort is Sort.MODULE for call in calls)
        return nested or runs_module

    def _is_part_for_others(self, names: list[cst.Name]) -> bool:
        """Is it a loss of what the function is given, with no model run here, no step taken and no caller in sight: a term beside others of the same graph?"""
        given = any(made.binding is Binding.PARAMETER for name in names for made in self.training.seen_by(name))
        calls = (value for value in self.values if isinstance(value, cst.Call))
        runs = any(is_given(self.training, call.func) or self.training.inference.fact(call.func).sort is Sort.MODULE for call in calls)
        return given and not runs and not self._steps() and not self._callers()

    def _may_hold_graph(self, value: cst.Attribute) -> bool:
        """`self.fake`, stored by another method, and attributes of what the function is given: not what a constructor stores, and not methods."""
        parent = self.training.parents.get(value)
        if isinstance(parent, cst.Call) and parent.func is value:
            return False
        flow = self.training.flow
        owner = flow.entry.owner
        if owner is None or not isinstance(value.value, cst.Name) or value.value.value != flow.entry.receiver:
            return False
        if self.training.inference.fact(value).is_cut or self._is_asked_as_object(value):
            return False
        stores = flow.project.attribute_stores(owner).get(value.attr.value, ())
        if not stores:
            return not flow.project.ancestry(owner).complete
        return any(store.method.name != "__init__" and _stores_graph(flow.of(store.method).training, value.attr.value) for store in stores)

    def _is_asked_as_object(self, value: cst.Attribute) -> bool:
        """`self.policy.evaluate(...)`: is a method called that tensors do not have?"""
        method = self.training.parents.get(value)
        call = self.training.parents.get(method) if isinstance(method, cst.Attribute) else None
        return isinstance(method, cst.Attribute) and isinstance(call, cst.Call) and call.func is method and not is_tensor_method(method.attr.value)

    def _brings_graph(self, parameter: str) -> bool:
        """May callers in the file give the parameter a tensor with a graph, or is the loss itself given?"""
        if any(value.value == parameter for value in self._operands()):
            return True
        flow = self.training.flow
        calls = self._callers()
        return any(self._passes_graph(call, passed_expression(flow.entry, call.node, parameter)) for call in calls) if self._is_argument(parameter) else False

    def _passes_graph(self, call: Call, value: ast.expr | None) -> bool:
        """May a caller give a tensor that has a graph there? Loops over data give none."""
        if isinstance(value, ast.Constant):
            return False
        if isinstance(value, ast.Tuple | ast.List):
            return any(self._passes_graph(call, element) for element in value.elts)
        other = self.training.flow.of(call.caller or self.training.flow.module.script)
        made = [one for one in other.graph.definitions.values() if isinstance(value, ast.Name) and one.name == value.id]
        recorded = [one for one in made if other.training.gradients(one.event.region) is not Gradients.OFF]
        return not made or any(map(other.training.making.brings, recorded))

    def _operands(self) -> Iterator[cst.Name]:
        """The names that the loss is, or is an arithmetic result of."""
        pending = [self.loss]
        while pending:
            value = pending.pop()
            if isinstance(value, cst.Name):
                yield value
            elif isinstance(value, cst.BinaryOperation):
                pending += [value.left, value.right]
            elif isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and not value.args:
                pending.append(value.func.value)

    def _is_argument(self, parameter: str) -> bool:
        """Is it, or a part of it, handed to something, rather than called or asked?"""
        names = (value for value in self.values if isinstance(value, cst.Name) and value.value == parameter)
        return any(self._is_given_to_unknown(name) for name in names)

    def _is_given_to_unknown(self, name: cst.Name) -> bool:
        place = self.training.parents.get(name)
        if isinstance(place, cst.Subscript):
            return place.value is name
        call = self.training.parents.get(place) if isinstance(place, cst.Arg) else None
        if not isinstance(place, cst.Arg):
            return False
        return not (isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value in ("to", "type", "view", "reshape"))

    # Does another pass share it?

    def _is_shared(self) -> bool:
        """Can a pass that may follow go over a value computed before this one?"""
        making = self.training.making
        own = frozenset(value for value in self.values if making.makes(value)) | frozenset(maker for made in self._taken(self.values) for maker in made[1])
        if not own or (isinstance(self.loss, cst.Name) and any(made.binding is Binding.LOOP for made in self.training.seen_by(self.loss))):
            return True
        events = (event for event in self.training.flow.graph.events if event.kind is Kind.CALL and isinstance(event.node, cst.Call))
        passes = [(event, event.node) for event in events if isinstance(event.node, cst.Call) and self._differentiates(event, event.node)]
        return any(self._goes_over(own, event, tuple(self._differentiated(call))) for event, call in passes)

    def _goes_over(self, own: frozenset[cst.BaseExpression], later: Event, values: tuple[cst.BaseExpression, ...]) -> bool:
        """Does one of the values come, by a name not bound again since, from what this pass went over?"""
        graph, making = self.training.flow.graph, self.training.making
        for name in (value for value in values if isinstance(value, cst.Name) and value in self.training.loads):
            old = [made for made in self.training.seen_by(name) if any(making.makers(value) & own for value in bound_values(made))]
            if old and reaches_without(graph, self.event, self.training.loads[name], self._bindings(name.value)):
                return True
        return any(makers & own and reaches_without(graph, self.event, later, (taken,)) for taken, makers in self._taken(values))

    def _bindings(self, name: str) -> list[Event]:
        return [made.event for made in self.training.flow.graph.definitions.values() if made.name == name]

    def _taken(self, values: tuple[cst.BaseExpression, ...]) -> Iterator[tuple[Event, frozenset[cst.BaseExpression]]]:
        """What loops take the values from: where that is evaluated, and what makes its graph."""
        for name in (value for value in values if isinstance(value, cst.Name)):
            for made in self.training.seen_by(name):
                source = source_of(made, self.training.parents, self.training.flow.qualify)
                makers = self.training.making.makers(source) if source is not None else frozenset()
                if source is not None and makers:
                    _, last = self.training.flow.graph.extents[source]
                    yield self.training.flow.graph.events[last - 1], makers

    def _differentiates(self, event: Event, call: cst.Call) -> bool:
        name = (self.training.flow.qualify(call.func) or "").rpartition(".")
        return any(other.event is event for other in self.training.backwards) or (name[0].startswith("torch") and name[2] in _GRADIENT_FUNCTIONS)

    def _differentiated(self, call: cst.Call) -> Iterator[cst.BaseExpression]:
        given = [arg.value for arg in call.args]
        for value in [*given, call.func.value] if isinstance(call.func, cst.Attribute) else given:
            yield from ingredients(value, self.training.seen_by)

    def _is_chained(self) -> bool:
        """Is a value computed from its own one of the turn before, in sight or by a module that stores what it computes?"""
        for value in self.values:
            if isinstance(value, cst.Call) and self._stores_in_forward(value):
                return True
            parts = (
                [value.left, value.right]
                if isinstance(value, cst.BinaryOperation)
                else [arg.value for arg in value.args]
                if isinstance(value, cst.Call)
                else []
            )
            if any(inner is value for part in parts for inner in ingredients(part, self.training.seen_by)):
                return True
        return False

    def _stores_in_forward(self, call: cst.Call) -> bool:
        name, flow = dotted_name(call.func), self.training.flow
        for forward in flow.training.frozen.forwards(name) if name is not None else ():
            if forward.owner is not None and any(
                store.method is forward for stores in flow.project.attribute_stores(forward.owner).values() for store in stores
            ):
                return True
        return False

    # Does it leave?

    def _leaves(self) -> bool:
        """Is a value of the graph returned, stored or collected, or handed to unknown code after the pass?"""
        definitions = {made for value in self.values if isinstance(value, cst.Name) for made in self.training.seen_by(value)}
        return any(self._goes_on(made) for made in definitions - self._used_up if self.training.making.brings(made))

    @cached_property
    def _used_up(self) -> frozenset[Definition]:
        """The loss and its terms, where the optimizer steps after the pass: it writes the parameters that a second pass would read as they were."""
        return frozenset((*self.training.anchored, *loss_parts(self.training))) if self._steps() else frozenset()

    @cached_property
    def _fates(self) -> Fates:
        """Where values go other than by way of what is used up."""
        ended = {made.event.at for made in self._used_up}
        fates = self.training.fates
        uses = {at: found for at, found in fates.uses.items() if at not in ended}
        return Fates(fates.parents, uses, fates.made_in, fates.container, fates.qualify)

    def _steps(self) -> bool:
        """Does something step after the pass?"""
        calls = (event.node for event in self.training.flow.graph.events[self.event.at :] if event.kind is Kind.CALL)
        return any(isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value == "step" for call in calls)

    def _callers(self) -> list[Call]:
        """The calls of the function in its file."""
        entry = self.training.flow.entry
        return [call for call in self.training.flow.project.callers(entry) if call.caller is not entry]

    def _goes_on(self, made: Definition) -> bool:
        fact = self.training.inference.definition(made)
        if fact.is_cut or fact.sort.is_module or fact.sort is Sort.OPTIMIZER:
            return False
        for use in self.training.flow.chains.uses.get(made.event.at, ()):
            fates = set(self._fates.of_node(use.node))
            if fates & _KEEPING:
                return True
            if Fate.ESCAPES in fates and reaches_without(self.training.flow.graph, self.event, use, self._bindings(made.name)):
                return True
        return False
