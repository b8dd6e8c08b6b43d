"""Which backward call runs through a value in the turn of the loop that made it, so that the value's activations are freed there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import Backward, encloses
from lintorch.flow.event import Binding, Definition, Event, Kind, Region
from lintorch.flow.fate import Fate
from lintorch.flow.loop_source import source_of
from lintorch.flow.returned_part import parts_beside
from lintorch.flow.segment import Unmappable
from lintorch.flow.tree import dotted_name, names_in

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import FunctionEntry


class Covering:
    """Answers for one function."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training = training

    def of(self, value: cst.BaseExpression, loop: Region | None) -> Backward | None:
        """The backward call within `loop` (anywhere, if None) that runs through every name that brings a graph into `value`."""
        backward = self.of_attribute(value) or self._of_callee(value)
        if backward is None:
            live = [node for node in names_in(value) if self.training.inference.fact(node).is_live]
            found = [self._of_name(node) for node in live]
            backward = found[0] if found and all(found) else None
        return backward if backward is not None and (loop is None or encloses(loop, backward.event.region)) else None

    def beside(self, value: cst.BaseExpression) -> Backward | None:
        """The backward call that runs through another result of the call that gave the value: `logits, loss = model(batch)`."""
        made = self.training.seen_by(value) if isinstance(value, cst.Name) else ()
        if len(made) != 1 or made[0].binding is not Binding.UNPACKED or made[0].statement is None:
            return None
        others = self.training.made_by_statement(made[0].statement)
        return next((found for other in others if (found := self._of_definition(other)) is not None and not found.retains), None)

    def of_attribute(self, value: cst.CSTNode) -> Backward | None:
        """The backward call that runs on the same attribute of the same object: `outputs.loss`, `self.loss`."""
        if not isinstance(value, cst.Attribute):
            return None
        roots = ((backward, root) for backward in self.training.backwards for root in backward.roots if isinstance(root, cst.Attribute))
        return next((backward for backward, root in roots if self._is_same(root, value)), None)

    def _is_same(self, left: cst.Attribute, right: cst.Attribute) -> bool:
        spelled = dotted_name(left)
        if spelled is None or spelled != dotted_name(right):
            return False
        first, second = (next(names_in(side)) for side in (left, right))
        return self.training.seen_by(first) == self.training.seen_by(second)

    def _of_name(self, node: cst.Name) -> Backward | None:
        return next((found for definition in self.training.seen_by(node) if (found := self._of_definition(definition)) is not None), None)

    def _of_definition(self, definition: Definition, seen: frozenset[Definition] = frozenset()) -> Backward | None:
        if definition in seen:
            return None
        itself = self.training.anchored.get(definition) or self._later(definition) or self._of_callee(_given_by(definition))
        anchored = itself or self._of_whole(definition, seen) or self._of_sum(definition)
        return anchored if anchored is not None else self._of_arithmetic(definition, seen | {definition})

    def _of_sum(self, definition: Definition) -> Backward | None:
        """The backward call that runs on a sum with the definition that the same call returned."""
        return next((backward for made, backward in self.training.anchored.items() if definition in parts_beside(self.training, made)), None)

    def _of_whole(self, definition: Definition, seen: frozenset[Definition]) -> Backward | None:
        """The backward call that runs through all of what a loop takes the name's values from, or through all that is put into the list."""
        if definition.binding is Binding.LOOP:
            source = source_of(definition, self.training.parents, self.training.flow.qualify)
            names = list(names_in(source)) if source is not None else []
        else:
            names = [name for value in self.training.put_into(definition) for name in names_in(value)] if isinstance(definition.value, cst.List) else []
        found = [self._of_operand(name, seen | {definition}) for name in names if self._holds_graphs(name)]
        return found[0] if found and all(found) else None

    def _holds_graphs(self, name: cst.Name) -> bool:
        """Is it a tensor with a graph, or a container of such?"""
        fact = self.training.inference.fact(name)
        return fact.is_live or (fact.element is not None and fact.element.is_live)

    def _of_callee(self, value: cst.CSTNode | None) -> Backward | None:
        """The call itself, where its function runs backward through all that it returns: `loss = self.step(batch)`."""
        entry = self.training.wanting.called(value) if isinstance(value, cst.Call) else None
        if entry is None or "backward" not in entry.mentions or not self._uses_up_results(entry):
            return None
        return next((Backward(event, (), False) for event in self.training.flow.graph.events if event.node is value and event.kind is Kind.CALL), None)

    def _uses_up_results(self, entry: FunctionEntry) -> bool:
        """Does a function run backward, once and for all, through everything that it returns?"""
        if "uses up results" not in entry.memo:
            entry.memo["uses up results"] = False  # within a recursion
            try:
                other = self.training.flow.of(entry)
                returned = [event.node.value for event in other.graph.events if event.kind is Kind.RETURN and isinstance(event.node, cst.Return)]
                found = [other.training.covering.of(result, None) if result is not None else None for result in returned]
                entry.memo["uses up results"] = bool(found) and all(backward is not None and not backward.retains for backward in found)
            except Unmappable:
                pass
        return bool(entry.memo["uses up results"])

    def _of_arithmetic(self, definition: Definition, seen: frozenset[Definition]) -> Backward | None:
        """The backward call behind `loss *= len(x)`, `total += loss` or `mean = total / n`: the result adds nodes to graphs that are used up."""
        found: Backward | None = None
        for operand, is_factor in _operands(definition):
            covering = self._of_operand(operand, seen)
            found = found or covering
            if covering is None and not self._brings_none(operand, is_factor, seen):
                return None
        return found

    def _of_operand(self, operand: cst.BaseExpression, seen: frozenset[Definition]) -> Backward | None:
        if not isinstance(operand, cst.Name) or self.training.inference.fact(operand).is_cut:
            return None
        return next((found for made in self.training.seen_by(operand) if (found := self._of_definition(made, seen)) is not None), None)

    def _brings_none(self, operand: cst.BaseExpression, is_factor: bool, seen: frozenset[Definition]) -> bool:
        """Does the operand bring no further graph: a plain value, the sum as it was in the turn before, a factor of no known kind?"""
        fact = self.training.inference.fact(operand)
        if isinstance(operand, cst.Name) and (makers := self.training.seen_by(operand)) and seen & set(makers):
            return True
        return fact.is_cut or (is_factor and not fact.is_live)

    def _later(self, definition: Definition) -> Backward | None:
        """The backward call that runs on something computed from the definition."""
        if Fate.BACKWARD not in self.training.fates.of(definition):
            return None
        pending, seen = [definition], {definition}
        while pending:
            current = pending.pop()
            uses = self.training.flow.chains.uses.get(current.event.at, ())
            if (found := self.training.anchored.get(current) or self._with_operand(uses)) is not None:
                return found
            made = {made for use in uses for made in self._made_from(use.node)} - seen
            seen |= made
            pending.extend(sorted(made, key=lambda made: made.event.at))
        return None

    def _with_operand(self, uses: Iterable[Event]) -> Backward | None:
        """The backward call of an expression that one of the uses is an operand of: `(policy_loss + value_loss).backward()`."""
        inside = {use.at for use in uses if Fate.BACKWARD in self.training.fates.of_node(use.node)}
        extents = self.training.flow.graph.extents
        spans = ((backward, *extents.get(backward.event.node, (0, 0))) for backward in self.training.backwards)
        return next((backward for backward, first, last in spans if any(first <= at < last for at in inside)), None)

    def _made_from(self, node: cst.CSTNode) -> Iterator[Definition]:
        """What the statement around a use defines from it."""
        current: cst.CSTNode | None = node
        while current is not None and not isinstance(current, cst.BaseSmallStatement):
            current = self.training.parents.get(current)
        if isinstance(current, cst.Assign | cst.AnnAssign):
            yield from self.training.made_by_statement(current)


def _given_by(definition: Definition) -> cst.BaseExpression | None:
    """The value that a definition binds, or binds a part of: `step(batch)` of `loss, accuracy = step(batch)`."""
    unpacked = definition.binding is Binding.UNPACKED and isinstance(definition.statement, cst.Assign)
    return definition.statement.value if unpacked and isinstance(definition.statement, cst.Assign) else definition.value


def _operands(definition: Definition) -> Iterator[tuple[cst.BaseExpression, bool]]:
    """What sums and products are computed from, and whether it is a factor; anything else is one operand."""
    statement = definition.statement
    if isinstance(statement, cst.AugAssign):
        pending = [(statement.target, False), (statement.value, isinstance(statement.operator, cst.MultiplyAssign | cst.DivideAssign))]
    else:
        pending = [(definition.value, False)] if isinstance(definition.value, cst.BinaryOperation) else []
    while pending:
        part, is_factor = pending.pop()
        if isinstance(part, cst.BinaryOperation):
            scales = isinstance(part.operator, cst.Multiply | cst.Divide)
            pending += [(part.left, is_factor or scales), (part.right, is_factor or scales)]
        elif isinstance(part, cst.BaseExpression):
            yield part, is_factor
