"""What keeps values beyond the turn of a loop that made them: totals, averages, containers, and callees that do the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import Backward, encloses, loop_of
from lintorch.flow.callee_keeping import CalleeKeeping
from lintorch.flow.event import Binding, Definition, Kind, Region, RegionKind
from lintorch.flow.fact import DATA, Fact, Sort
from lintorch.flow.fate import Fate
from lintorch.flow.gradients import Gradients
from lintorch.flow.ingredients import ingredients
from lintorch.flow.joining import joined_by
from lintorch.flow.keeper import Keeper, Keepers
from lintorch.flow.record import makes_record
from lintorch.flow.torch_names import FULL_STORAGE_FUNCTIONS, FULL_STORAGE_MODULES
from lintorch.flow.tree import names_in
from lintorch.flow.update import update_of

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import FunctionEntry

# Methods that put their last argument into a container, with the number of arguments.
_INSERTING = {"append": 1, "appendleft": 1, "add": 1, "extend": 1, "insert": 2}


@dataclass(frozen=True, eq=False)
class Kept:
    """A value that each turn of a loop leaves in something that outlives the turn.

    `value` is the expression whose value is kept, `fact` what is known of it, `covering` the backward call that runs through it in the same turn;
    `evaluated`: an evaluation made it that no gradient is asked of.
    """

    keeper: Keeper
    statement: cst.CSTNode
    value: cst.BaseExpression
    fact: Fact
    covering: Backward | None = None
    evaluated: bool = False
    full_storage: bool = False  # a scalar whose storage has the size of the batch: detaching it alone frees no bytes

    @property
    def name(self) -> str:
        """What keeps the value: `total`, `self.total`, `history`."""
        return self.keeper.name

    @property
    def leaks(self) -> bool:
        """Is a graph kept that nothing can need?

        After backward without retain_graph the graph is used up, whoever gets to see the keeper. A graph that no backward ran through is needless
        if an evaluation made it, or if the keeper never leaves the function.
        """
        if not self.fact.is_live or Fate.BACKWARD in self.keeper.fates:
            return False
        return self.evaluated or (self.covering is not None and not self.covering.retains) or not self.keeper.fates


class Keeping:
    """Finds what is kept in one function."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow
        self.keepers, self._callees = Keepers(training), CalleeKeeping(training)

    def totals(self) -> Iterator[Kept]:
        """Sums and moving averages."""
        for definition in self.flow.graph.definitions.values():
            yield from self._named_total(definition)
        for statement in self.flow.graph.placements:
            yield from self._placed_total(statement) if isinstance(statement, cst.AugAssign | cst.Assign) else self._total_in_place(statement)
        yield from (self.kept(*found) for found in self._callees.kept(Fate.SUMMED))

    def collections(self) -> Iterator[Kept]:
        """What is put into containers, here and by functions of the project."""
        yield from self.insertions()
        yield from (self.kept(*found) for found in self._callees.kept(Fate.COLLECTED))

    def insertions(self) -> Iterator[Kept]:
        """What is put into containers here, one for each part of a record, and what comprehensions gather."""
        for call in self._calls():
            yield from self._inserted(call)
        for definition in self.flow.graph.definitions.values():
            yield from self._comprehended(definition)
            yield from self._grown(definition)
        for statement in self.flow.graph.placements:
            yield from self._joined(statement) if isinstance(statement, cst.AugAssign) else self._placed(statement) if isinstance(statement, cst.Assign) else ()

    def _calls(self) -> list[cst.Call]:
        return [event.node for event in self.flow.graph.events if event.kind is Kind.CALL and isinstance(event.node, cst.Call)]

    def callee(self, call: cst.Call) -> FunctionEntry | None:
        """The function of the project that a call runs."""
        return self._callees.callee(call)

    def collects(self, entry: FunctionEntry, parameter: str) -> bool:
        """Does the function put what it gets as that parameter, as it is, into what outlives the call?"""
        return self._callees.collects(entry, parameter)

    def kept(self, keeper: Keeper, statement: cst.CSTNode, value: cst.BaseExpression) -> Kept:
        """The value as something kept; one that has no graph for certain is not looked at further."""
        recorded = self.training.gradients(self.region(statement)) is Gradients.ON
        fact = self.training.inference.fact(value) if recorded else DATA
        if not fact.is_live or self._is_of_another(value, keeper):
            return Kept(keeper, statement, value, DATA if fact.is_live else fact)
        operand = self._live_operand(value)
        covering = self.training.covering.of(operand, None)
        if covering is not None and keeper.loop is not None and not encloses(keeper.loop, covering.event.region):
            return Kept(keeper, statement, value, DATA)  # the loop gathers the terms of one loss, whose backward pass follows it
        if covering is None and not keeper.fates:
            covering = self.training.covering.beside(operand)  # all that this changes is what is said to be kept
        evaluated = covering is None and self.training.evaluation.gives(operand)
        return Kept(keeper, statement, operand, fact, covering, evaluated, self._has_full_storage(operand))

    def _is_of_another(self, value: cst.BaseExpression, keeper: Keeper) -> bool:
        """Does each turn ask another one, as in a loop over networks? Such a loop is as long as there are networks, however long the training is."""
        calls = [part for part in ingredients(value, self.training.seen_by) if isinstance(part, cst.Call)]
        makers = [made for call in calls for name in names_in(call.func) if self._is_module(name) for made in self.training.seen_by(name)]
        return any(made.binding is Binding.LOOP and _turn_of(made.event.region) is keeper.loop for made in makers)

    def _is_module(self, name: cst.Name) -> bool:
        return self.training.inference.fact(name).sort is Sort.MODULE

    def _has_full_storage(self, value: cst.BaseExpression) -> bool:
        """Does one of the losses make the value whose mean is a view of all its elements (pytorch#185647)?"""
        makers = [definition.value for definition in self.training.seen_by(value)] if isinstance(value, cst.Name) else [value]
        return any(isinstance(maker, cst.Call) and self._is_full_storage_loss(maker.func) for maker in makers)

    def _is_full_storage_loss(self, callee: cst.BaseExpression) -> bool:
        name = self.flow.qualify(callee) or ""
        if name.rpartition(".")[2] in FULL_STORAGE_FUNCTIONS and name.startswith("torch."):
            return True
        return any(f"torch.nn.{loss} " in sentence for sentence in self.training.inference.fact(callee).evidence for loss in FULL_STORAGE_MODULES)

    def _live_operand(self, value: cst.BaseExpression) -> cst.BaseExpression:
        """The operand that brings the graph into a product or sum, where it is one alone."""
        while isinstance(value, cst.BinaryOperation):
            live = [side for side in (value.left, value.right) if not self.training.inference.fact(side).is_cut and side is not None]
            known = [side for side in (value.left, value.right) if self.training.inference.fact(side).is_live]
            if len(known) != 1 or (len(live) > 1 and not self._scale(value, known[0])):
                break
            value = known[0]
        return value

    def _scale(self, value: cst.BinaryOperation, live: cst.BaseExpression) -> bool:
        """Is the other operand a factor of no known kind, such as `x.size(0)` or a parameter?"""
        return isinstance(value.operator, cst.Multiply | cst.Divide) and not isinstance(value.left if live is value.right else value.right, cst.BinaryOperation)

    def region(self, node: cst.CSTNode) -> Region:
        """The region an expression or small statement stands in."""
        first, _ = self.flow.graph.extents[node]
        return self.flow.graph.events[first].region

    # Totals

    def _named_total(self, definition: Definition) -> Iterator[Kept]:
        """`total += loss`, `total = total + loss`, `average = 0.9 * average + 0.1 * loss` of a local name, carried from turn to turn."""
        added = added_by(definition.statement)
        keeper = self._carried(definition) if added is not None else None
        if added is not None and keeper is not None and definition.statement is not None:
            kept = self.kept(keeper, definition.statement, added)
            yield from [kept] if kept.covering is not None or not self._is_fed_back(definition, added) else []

    def _is_fed_back(self, definition: Definition, added: cst.BaseExpression) -> bool:
        """Is what was there handed to the call that makes what is added? That is the state of a rollout, and no total."""
        calls = (part for part in ingredients(added, self.training.seen_by) if isinstance(part, cst.Call))
        return any(definition in self.training.seen_by(name) for call in calls for arg in call.args for name in names_in(arg.value))

    def _carried(self, definition: Definition) -> Keeper | None:
        """The name as a keeper, where a turn of a loop binds it anew from what the turn before left in it."""
        loop, over = loop_of(definition.event.region), self.flow.chains.over[definition.event.at]
        if loop is None or definition not in over or definition.binding not in (Binding.AUGMENTED, Binding.ASSIGNED):
            return None
        begun = [other for other in over if other is not definition]
        while (outer := loop_of(loop.parent) if loop.parent else None) is not None and any(not encloses(outer, other.event.region) for other in begun):
            loop = outer
        return Keeper(definition.name, loop, self.training.fates.of(definition), any(encloses(loop, other.event.region) for other in begun))

    def _placed_total(self, statement: cst.AugAssign | cst.Assign) -> Iterator[Kept]:
        """The same of an attribute of self or an item of a container."""
        target = statement.target if isinstance(statement, cst.AugAssign) else statement.targets[0].target
        added = added_by(statement)
        if added is not None and isinstance(target, cst.Attribute | cst.Subscript):
            keeper = self.keepers.of_sum(target, self.region(statement))
            if keeper is not None:
                yield self.kept(keeper, statement, added)

    def _total_in_place(self, statement: cst.CSTNode) -> Iterator[Kept]:
        """`total.add_(loss)` and `mean.mul_(0.9).add_(0.1 * loss)`, the same of a tensor that is changed in place."""
        update = update_of(statement)
        if update is None or not isinstance(statement, cst.Expr) or not update.values or not update.accumulates:
            return
        keeper = self.keepers.of_sum(update.place, self.region(statement))
        if keeper is not None:
            yield from (self.kept(keeper, statement, value) for value in update.values)

    # Collections

    def _inserted(self, call: cst.Call) -> Iterator[Kept]:
        """`history.append(loss)`, `history.insert(0, loss)`, `history.extend([loss, error])`."""
        func = call.func
        if not isinstance(func, cst.Attribute) or func.attr.value not in _INSERTING or len(call.args) != _INSERTING[func.attr.value]:
            return
        value, keeper = call.args[-1].value, self.keepers.of_collection(func.value, self.region(call), func.attr.value)
        if keeper is not None and (func.attr.value != "extend" or isinstance(value, cst.List | cst.Tuple) or self._is_rows(value)):
            yield from (self.kept(keeper, call, part) for part in self.parts(value))

    def _is_rows(self, value: cst.BaseExpression) -> bool:
        """Is it a tensor, whose rows are put in one by one?"""
        return isinstance(value, cst.Name | cst.Call | cst.BinaryOperation) and self.training.inference.fact(value).sort is Sort.TENSOR

    def _joined(self, statement: cst.AugAssign) -> Iterator[Kept]:
        """`history += [loss]`."""
        if isinstance(statement.operator, cst.AddAssign) and isinstance(statement.value, cst.List | cst.Tuple):
            keeper = self.keepers.of_collection(statement.target, self.region(statement))
            if keeper is not None:
                yield from (self.kept(keeper, statement, part) for part in self.parts(statement.value))

    def _placed(self, statement: cst.Assign) -> Iterator[Kept]:
        """`outputs[step] = loss`, where the key is another one in each turn."""
        target = statement.targets[0].target
        if len(statement.targets) != 1 or not isinstance(target, cst.Subscript) or isinstance(target.value, cst.Subscript) or added_by(statement) is not None:
            return
        keeper = self.keepers.of_collection(target.value, self.region(statement), "")
        if keeper is not None and self._is_new_key(target, keeper, statement):
            yield from (self.kept(keeper, statement, part) for part in self.parts(statement.value))

    def _is_new_key(self, target: cst.Subscript, keeper: Keeper, statement: cst.CSTNode) -> bool:
        """Is the key made in the loop: its target, or a count?"""
        loop = keeper.loop or loop_of(self.region(statement))
        names = [name for element in target.slice for name in names_in(element)]
        return loop is not None and any(encloses(loop, made.event.region) for name in names for made in self.training.seen_by(name))

    def parts(self, value: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
        """The values a display, a partial call or a lambda's defaults hold, else the value itself."""
        if isinstance(value, cst.Dict | cst.Tuple | cst.List):
            for element in value.elements:
                yield from self.parts(element.value)
        elif isinstance(value, cst.Call) and (self.flow.qualify(value.func) in ("functools.partial", "builtins.dict") or makes_record(self.flow, value)):
            for arg in value.args:
                yield from self.parts(arg.value)
        elif isinstance(value, cst.Lambda):
            yield from (parameter.default for parameter in value.params.params if parameter.default is not None)
        else:
            yield value

    def _comprehended(self, definition: Definition) -> Iterator[Kept]:
        """`outputs = [model(x) for x in batches]`."""
        value = definition.value
        if definition.binding is Binding.ASSIGNED and isinstance(value, cst.ListComp) and definition.statement is not None:
            keeper = Keeper(definition.name, None, self.training.fates.of(definition))
            yield self.kept(keeper, definition.statement, value.elt)

    def _grown(self, definition: Definition) -> Iterator[Kept]:
        """`seen = torch.cat([seen, out])`, `losses = losses + [loss]`."""
        joined = joined_by(definition.statement, self.flow.qualify)
        keeper = self._carried(definition) if joined else None
        if keeper is not None and definition.statement is not None:
            yield from (self.kept(keeper, definition.statement, part) for value in joined for part in self.parts(value))


def _turn_of(region: Region) -> Region | None:
    """The loop whose turns bind the name; None for a comprehension's."""
    return None if region.kind is RegionKind.COMPREHENSION else loop_of(region)


def added_by(statement: cst.CSTNode | None) -> cst.BaseExpression | None:
    """What a statement adds to its target: `a` of `t += a`, `t = t + a` and `t = 0.9 * t + 0.1 * a` (there with its factor)."""
    if isinstance(statement, cst.AugAssign):
        return statement.value if isinstance(statement.operator, cst.AddAssign | cst.SubtractAssign) else None
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
        return None
    value, target = statement.value, statement.targets[0].target
    if isinstance(value, cst.IfExp):  # `loss if total is None else total + loss`
        return _added_in(value.body, target) or _added_in(value.orelse, target)
    return _added_in(value, target)


def _added_in(value: cst.BaseExpression, target: cst.BaseExpression) -> cst.BaseExpression | None:
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Divide):
        return _added_in(value.left, target)  # `(mean * step + loss) / (step + 1)`
    if not isinstance(value, cst.BinaryOperation) or not isinstance(value.operator, cst.Add | cst.Subtract):
        return None
    if _scales(value.left, target):
        return value.right
    return value.left if _scales(value.right, target) and isinstance(value.operator, cst.Add) else None


def _scales(value: cst.BaseExpression, target: cst.CSTNode) -> bool:
    """Is the expression the target's value, a multiple of it, or a sum that begins with it?"""
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Multiply | cst.Divide | cst.Add):
        return _scales(value.left, target) or _scales(value.right, target)
    return value.deep_equals(target) or _gets(value, target)


def _gets(value: cst.BaseExpression, target: cst.CSTNode) -> bool:
    """Is it `totals.get(key, 0)` for the target `totals[key]`?"""
    method = value.func if isinstance(value, cst.Call) and value.args else None
    if not isinstance(value, cst.Call) or not isinstance(method, cst.Attribute) or method.attr.value != "get" or not isinstance(target, cst.Subscript):
        return False
    index = target.slice[0].slice if len(target.slice) == 1 else None
    return isinstance(index, cst.Index) and method.value.deep_equals(target.value) and value.args[0].value.deep_equals(index.value)
