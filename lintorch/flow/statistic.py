"""Running statistics and averages of weights: state that is updated from itself and a new term, and what graphs such an update chains together."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import encloses, loop_of
from lintorch.flow.event import Definition, Kind, Region
from lintorch.flow.fact import UNKNOWN, Fact, Sort
from lintorch.flow.fate import Fate
from lintorch.flow.gradients import Gradients
from lintorch.flow.ingredients import ingredients
from lintorch.flow.live_part import live_parts
from lintorch.flow.loop_source import source_of
from lintorch.flow.operation import is_reduction, saves_tensors
from lintorch.flow.reachable import reaches_without, read_after
from lintorch.flow.update import Update, update_of
from lintorch.flow.upstream import is_trained_parameter
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import ClassEntry, FunctionEntry

_NORM_BUFFERS = frozenset({"running_mean", "running_var"})


@dataclass(frozen=True, eq=False)
class LiveStatistic:
    """An update that makes state own the graph of every step.

    `name` is the state as the code spells it, `terms` the parts to detach, `of_weights` tells an average of parameters from a module's statistic,
    `first` the store that begins a statistic. `saves`: operations of the term keep tensors that no backward frees. `read_later`: the same pass
    reads the new value.
    """

    name: str
    statement: cst.CSTNode
    terms: tuple[cst.BaseExpression, ...]
    fact: Fact
    of_weights: bool
    first: bool = False
    saves: bool = False
    read_later: bool = False


class Statistics:
    """Finds the live statistics of one function."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow

    def infer(self, node: cst.CSTNode | None) -> Fact:
        """What is known of an expression, inputs of modules counting as computed; asked only of functions that may update something."""
        return self.training.upstream.fact(node)

    def live(self) -> Iterator[LiveStatistic]:
        """Every update with a live term, and, of state so updated, the stores that begin it; in the order of the file."""
        if not self.training.gate.statistics and not self.training.gate.averages:
            return
        updates = [update for node in self.flow.graph.placements if (update := update_of(node)) is not None]
        chained = {update.place.attr.value for update in updates if isinstance(update.place, cst.Attribute) and self._is_statistic(update)}
        for update in updates:
            if isinstance(update.place, cst.Attribute):
                if update.place.attr.value in chained and self._is_live_store(update):
                    yield self._statistic(update)
            elif self._is_average_of_weights(update):
                yield self._found(update, of_weights=True)

    # Statistics of modules

    def _is_statistic(self, update: Update) -> bool:
        return self._is_live_store(update) and self._reads_itself(update) and (not self._is_sum(update) or self._is_buffer(update.place))

    def _is_live_store(self, update: Update) -> bool:
        place, owner = update.place, self.flow.entry.owner
        if owner is None or not isinstance(place, cst.Attribute) or self.training.trains or self.flow.project.module_evidence(owner) is None:
            return False
        return (
            isinstance(place.value, cst.Name)
            and place.value.value == self.flow.entry.receiver
            and any(is_reduction(node) for value in update.values for node in ingredients(value, self.training.seen_by))
            and self._is_live(update)
            and not self._is_cut_or_trained(owner, place.attr.value)
            and not self._is_begun_elsewhere(owner, place.attr.value)
            and not self._is_begun_here(update, place.attr.value)
        )

    def _is_live(self, update: Update) -> bool:
        recorded = self.training.gradients(self._region(update.statement)) is Gradients.ON
        return recorded and any(self.infer(value).is_live for value in update.values)

    def _region(self, node: cst.CSTNode) -> Region:
        first, _ = self.flow.graph.extents[node]
        return self.flow.graph.events[first].region

    def _reads_itself(self, update: Update) -> bool:
        return update.in_place or self._mentions(update) > 0

    def _mentions(self, update: Update) -> int:
        found = (node for value in update.values for node in ingredients(value, self.training.seen_by))
        return sum(node.deep_equals(update.place) for node in found)

    def _is_sum(self, update: Update) -> bool:
        """Does the update only add? Such an attribute may be a loss that the training code reads and resets."""
        return update.adds_to_itself and self._mentions(update) <= (not update.in_place)

    def _is_buffer(self, place: cst.BaseExpression) -> bool:
        owner = self.flow.entry.owner
        if owner is None or not isinstance(place, cst.Attribute):
            return False
        name = place.attr.value
        stores = self.flow.project.attribute_stores(owner).get(name, ())
        inherited = name in _NORM_BUFFERS and any(base.startswith("torch.nn.") for base in self.flow.project.ancestry(owner).external)
        return inherited or any(store.kind == "buffer" for store in stores)

    def _is_cut_or_trained(self, owner: ClassEntry, name: str) -> bool:
        """Is the state detached anywhere in its class, or a parameter, which no such update can be stored to?"""
        stores = self.flow.project.attribute_stores(owner).get(name, ())
        return any(map(is_trained_parameter, stores)) or any(
            _is_cut(node, name) for entry in self.flow.project.ancestry(owner).classes for node in nodes_under(entry.node)
        )

    def _is_begun_elsewhere(self, owner: ClassEntry, name: str) -> bool:
        """Does another method set the state, whatever happens, to what may have a graph, or at the wish of whoever uses the module? Then it is begun anew."""
        stores = self.flow.project.attribute_stores(owner).get(name, ())
        others = {store.method.qualname: store.method for store in stores if store.method.name not in ("__init__", self.flow.entry.name)}
        begins = (method for method in others.values() if _always_stores(method, name))
        return any(not self._stored(method, name).is_cut or not self._is_called_within(owner, method) for method in begins)

    def _is_called_within(self, owner: ClassEntry, method: FunctionEntry) -> bool:
        """Does the class itself call the method, as constructors call `reset_parameters`?"""
        return any(call.caller is not None and call.caller.owner is owner for call in self.flow.project.callers(method))

    def _is_begun_here(self, update: Update, name: str) -> bool:
        """Has every way to the update first set the attribute to what does not come from it? Then it is a value of this pass."""
        others = (other for node in self.flow.graph.placements if (other := update_of(node)) is not None)
        fresh = [other.place for other in others if not other.in_place and other.place.deep_equals(update.place) and not self._mentions(other)]
        stores = [event for event in self.flow.graph.events if event.kind is Kind.SET_ATTRIBUTE and event.name == name and event.node in fresh]
        first, _ = self.flow.graph.extents[update.statement]
        start, goal = self.flow.graph.events[0], self.flow.graph.events[first]
        return bool(stores) and not reaches_without(self.flow.graph, start, goal, stores)

    def _statistic(self, update: Update) -> LiveStatistic:
        assert isinstance(update.place, cst.Attribute)
        read_later = read_after(self.flow, update.statement, update.place.attr.value)
        return replace(self._found(update, of_weights=False), first=not self._reads_itself(update), read_later=read_later)

    def _found(self, update: Update, *, of_weights: bool) -> LiveStatistic:
        live = [value for value in update.values if self.infer(value).is_live]
        terms = tuple(part for value in live for part in live_parts(value, update.place, self.infer, self.flow.qualify))
        saves = any(saves_tensors(node, self.infer) for value in live for node in self._own_operations(value))
        return LiveStatistic(self.flow.short(update.place), update.statement, terms, self.infer(live[0]), of_weights, saves=saves)

    def _own_operations(self, value: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
        """The operations that only this value is computed by: those written in it, and those of names read nowhere else."""

        def seen(node: cst.BaseExpression) -> tuple[Definition, ...]:
            made = self.training.seen_by(node)
            return tuple(definition for definition in made if len(self.flow.chains.uses.get(definition.event.at, ())) == 1)

        return ingredients(value, seen)

    # Averages of weights

    def _is_average_of_weights(self, update: Update) -> bool:
        if not self._is_live(update) or not self._reads_itself(update) or not self._has_parameter(update):
            return False
        holder = self._holder(update)
        return holder is not None and self._outlives(holder, update) and (not update.in_place or self._holds_data(holder))

    def _has_parameter(self, update: Update) -> bool:
        """Is a parameter of a module, taken from a loop over them, part of the term?"""
        nodes = (node for value in update.values for node in ingredients(value, self.training.seen_by) if isinstance(node, cst.Name))
        return any("is a parameter of" in sentence for node in nodes for sentence in self.infer(node).evidence[:1])

    def _holder(self, update: Update) -> cst.BaseExpression | None:
        """The container that the updated place belongs to."""
        place = update.place
        if isinstance(place, cst.Subscript):
            return place.value
        made = self.training.seen_by(place)
        return source_of(made[0], self.training.parents, self.flow.qualify) if len(made) == 1 and update.in_place else None

    def _outlives(self, holder: cst.BaseExpression, update: Update) -> bool:
        if isinstance(holder, cst.Attribute):
            return self._attribute_outlives(holder)
        makers = self.training.seen_by(holder)
        loop = loop_of(self._region(update.statement))
        outer = loop_of(loop.parent) if loop is not None and loop.parent is not None else None
        uses = (use for maker in makers for use in self.flow.chains.uses.get(maker.event.at, ()) if use.node is not holder)
        fates = {fate for use in uses for fate in self.training.fates.of_node(use.node)}
        made_before = bool(makers) and outer is not None and not any(encloses(outer, maker.event.region) for maker in makers)
        return made_before and not fates & {Fate.BACKWARD, Fate.RETURNED, Fate.ESCAPES}

    def _attribute_outlives(self, holder: cst.Attribute) -> bool:
        name = holder.attr.value
        if not isinstance(holder.value, cst.Name) or holder.value.value != self.flow.entry.receiver:
            return False
        made_here = any(event.kind is Kind.SET_ATTRIBUTE and event.name == name for event in self.flow.graph.events)
        return not made_here and Fate.BACKWARD not in self.training.fates_of_attribute(name)

    def _holds_data(self, holder: cst.BaseExpression) -> bool:
        """Are the elements known to be tensors without a graph, rather than parameters, which refuse to be changed in place?"""
        if isinstance(holder, cst.Name):
            facts = [self.infer(holder)]
        elif isinstance(holder, cst.Attribute) and self.flow.entry.owner is not None:
            facts = [
                self._stored(store.method, holder.attr.value) for store in self.flow.project.attribute_stores(self.flow.entry.owner).get(holder.attr.value, ())
            ]
        else:
            facts = []
        return bool(facts) and all(fact.element is not None and fact.element.is_cut and fact.element.sort is Sort.TENSOR for fact in facts)

    def _stored(self, method: FunctionEntry, name: str) -> Fact:
        """What a method stores in an attribute of self."""
        other = self.flow.of(method)
        for node in other.graph.placements:
            target = node.targets[0].target if isinstance(node, cst.Assign) else None
            if isinstance(node, cst.Assign) and isinstance(target, cst.Attribute) and target.attr.value == name:
                return other.training.inference.fact(node.value)
        return UNKNOWN


def _always_stores(method: FunctionEntry, name: str) -> bool:
    """Is the attribute assigned by a statement of the method's own suite, where no condition decides?"""
    targets = (target for node in method.node.body if isinstance(node, ast.Assign) for target in node.targets)
    return any(isinstance(target, ast.Attribute) and target.attr == name for target in targets)


def _is_cut(node: ast.AST, name: str) -> bool:
    """`self.<name>.detach_()`, or a store to it of its own detached value."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "detach_":
        return not isinstance(node.func.value, ast.Attribute) or node.func.value.attr == name
    if isinstance(node, ast.Assign) and any(isinstance(target, ast.Attribute) and target.attr == name for target in node.targets):
        return any(isinstance(part, ast.Attribute) and part.attr in ("detach", "data") and _rooted_in(part.value, name) for part in nodes_under(node.value))
    return False


def _rooted_in(node: ast.expr, name: str) -> bool:
    while isinstance(node, ast.Call | ast.Subscript | ast.Attribute):
        if isinstance(node, ast.Attribute) and node.attr == name:
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return False
