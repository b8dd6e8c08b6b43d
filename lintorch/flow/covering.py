"""Which backward call runs through a value in the turn of the loop that made it, so that the value's activations are freed there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import Backward, encloses
from lintorch.flow.event import Definition, Region
from lintorch.flow.fate import Fate
from lintorch.flow.tree import dotted_name, names_in

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow


class Covering:
    """Answers for one function."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training = training

    def of(self, value: cst.BaseExpression, loop: Region | None) -> Backward | None:
        """The backward call within `loop` (anywhere, if None) that runs through every name that brings a graph into `value`."""
        backward = self.of_attribute(value)
        if backward is None:
            live = [node for node in names_in(value) if self.training.inference.fact(node).is_live]
            found = [self._of_name(node) for node in live]
            backward = found[0] if found and all(found) else None
        return backward if backward is not None and (loop is None or encloses(loop, backward.event.region)) else None

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

    def _of_definition(self, definition: Definition) -> Backward | None:
        anchored = self.training.anchored.get(definition) or self._later(definition)
        if (
            anchored is None
            and isinstance(definition.statement, cst.AugAssign)
            and isinstance(definition.statement.operator, cst.MultiplyAssign | cst.DivideAssign)
        ):
            # `loss *= len(x)` behind loss.backward(): the factor adds one node to a graph that is used up.
            earlier = self.training.flow.chains.over.get(definition.event.at, ())
            return next((found for other in earlier if other is not definition and (found := self._of_definition(other)) is not None), None)
        return anchored

    def _later(self, definition: Definition) -> Backward | None:
        """The backward call that runs on something computed from the definition."""
        if Fate.BACKWARD not in self.training.fates.of(definition):
            return None
        pending, seen = [definition], {definition}
        while pending:
            current = pending.pop()
            if current in self.training.anchored:
                return self.training.anchored[current]
            made = {made for use in self.training.flow.chains.uses.get(current.event.at, ()) for made in self._made_from(use.node)} - seen
            seen |= made
            pending.extend(sorted(made, key=lambda made: made.event.at))
        return None

    def _made_from(self, node: cst.CSTNode) -> Iterator[Definition]:
        """What the statement around a use defines from it."""
        current: cst.CSTNode | None = node
        while current is not None and not isinstance(current, cst.BaseSmallStatement):
            current = self.training.parents.get(current)
        if isinstance(current, cst.Assign | cst.AnnAssign):
            yield from self.training.made_by_statement(current)
