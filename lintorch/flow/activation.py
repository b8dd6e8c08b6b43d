"""Activations that a forward leaves on its module, where everything that reads them does without their graph."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.emptying import is_emptied
from lintorch.flow.event import Binding, Kind
from lintorch.flow.fact import Fact, Sort
from lintorch.flow.ingredients import ingredients
from lintorch.flow.torch_names import CUTTING_ATTRIBUTES, CUTTING_METHODS, is_loss_function
from lintorch.flow.unpacking import place_of
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import ClassEntry, FunctionEntry

# What a reader that only looks at a tensor asks of it first.
_CUTS = CUTTING_METHODS | (CUTTING_ATTRIBUTES - {"grad", "requires_grad"})
_INSERTING = frozenset({"append", "appendleft", "add"})
_REDUCING = frozenset({"sum", "mean", "norm"})


@dataclass(frozen=True, eq=False)
class StoredActivation:
    """`self.<name> = value`, `self.<name>[key] = value` or `self.<name>.append(value)`; `grows` where each forward adds one and nobody empties it.

    `is_part`: the attribute is one of several targets, and gets a part of the value.
    """

    name: str
    statement: cst.CSTNode
    value: cst.BaseExpression
    grows: bool
    fact: Fact
    is_part: bool


class Activations:
    """Finds what one method of a forward leaves on self."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow

    def stored(self) -> Iterator[StoredActivation]:
        """The live values whose every read, in the class and the project, is known and cuts them."""
        if not _may_store(self.flow.entry):
            return
        for statement in self.flow.graph.placements:
            for place, value, inserted in _stores(statement):
                name, fact = self._attribute(place), self._fact(statement, place, value)
                if name is not None and self._is_live(value, fact) and not self._reads_itself(value, name) and self._is_only_looked_at(name, value):
                    grows = inserted and not self._is_emptied(name)
                    yield StoredActivation(name, statement, value, grows, fact, self._index(statement, place, value) is not None)

    def _fact(self, statement: cst.CSTNode, place: cst.BaseExpression, value: cst.BaseExpression) -> Fact:
        """What is known of what the place gets: the value, or its part of one that is unpacked."""
        index = self._index(statement, place, value)
        return self.training.upstream.fact(value) if index is None else self.training.upstream.part(value, index)

    def _index(self, statement: cst.CSTNode, place: cst.BaseExpression, value: cst.BaseExpression) -> int | None:
        """Which part of a value that is unpacked the place gets."""
        return place_of(statement, place) if isinstance(statement, cst.Assign) and value is statement.value else None

    def _attribute(self, place: cst.BaseExpression) -> str | None:
        while isinstance(place, cst.Subscript):
            place = place.value
        held = isinstance(place, cst.Attribute) and isinstance(place.value, cst.Name) and place.value.value == self.flow.entry.receiver
        return place.attr.value if held and isinstance(place, cst.Attribute) else None

    def _is_live(self, value: cst.BaseExpression, fact: Fact) -> bool:
        """Is a graph made here? An input as it came may be data."""
        given = isinstance(value, cst.Name) and any(made.binding is Binding.PARAMETER for made in self.training.seen_by(value))
        return not given and fact.is_live and self.training.gradients_on(value)

    def _reads_itself(self, value: cst.BaseExpression, name: str) -> bool:
        """State that is updated from itself is another matter."""
        return any(isinstance(node, cst.Attribute) and node.attr.value == name for node in ingredients(value, self.training.seen_by))

    def _is_emptied(self, name: str) -> bool:
        owner = self.flow.entry.owner
        return owner is None or any(is_emptied(name, (entry.node,)) for entry in self._family(owner))

    # Who reads it

    def _is_only_looked_at(self, name: str, value: cst.BaseExpression) -> bool:
        """Is the attribute plain, and is everything that reads it in sight and indifferent to the graph?

        A penalty that nothing in sight reads is there for a loss out of sight.
        """
        owner = self.flow.entry.owner
        if owner is None or not self.flow.project.ancestry(owner).complete:
            return False
        stores = self.flow.project.attribute_stores(owner).get(name, ())
        if any(store.kind not in ("assign", "augment", "unpack") for store in stores):
            return False
        family = self._family(owner)
        reads = [read for entry in family for method in entry.methods.values() for read in self._reads(method, name)]
        others = [entry for entry in self.flow.module.classes.values() if entry not in family]
        foreign = sum(_own_reads(method, name) for entry in others for method in entry.methods.values())
        looks = _looks(self.flow.module.tree, name, [method.node for entry in self.flow.module.classes.values() for method in entry.methods.values()])
        known = all(reads) and len(reads) == _mentions(self.flow.module.tree, name) - foreign - looks
        return known and bool(reads or looks or not self._is_penalty(value)) and not self.flow.project.mentioned_outside(name, owner)

    def _is_penalty(self, value: cst.BaseExpression) -> bool:
        """Is the value one number: a loss, a sum or a mean over everything, perhaps scaled?"""
        pending, seen = [value], set[cst.BaseExpression]()
        while pending:
            part = pending.pop()
            if isinstance(part, cst.Call) and self._is_one_number(part):
                return True
            made = [one.value for one in self.training.seen_by(part)] if isinstance(part, cst.Name) else []
            sides = [part.left, part.right] if isinstance(part, cst.BinaryOperation) else [part.expression] if isinstance(part, cst.UnaryOperation) else []
            pending += [one for one in (*made, *sides) if one is not None and one not in seen]
            seen.add(part)
        return False

    def _is_one_number(self, call: cst.Call) -> bool:
        name = self.flow.qualify(call.func) or ""
        method = call.func.attr.value if isinstance(call.func, cst.Attribute) else ""
        reduced = method in _REDUCING and len(call.args) == name.startswith("torch.")
        return reduced or is_loss_function(name) or self.training.inference.fact(call.func).sort is Sort.CRITERION

    def _family(self, owner: ClassEntry) -> tuple[ClassEntry, ...]:
        return (*self.flow.project.ancestry(owner).classes, *self.flow.project.subclasses(owner))

    def _reads(self, method: FunctionEntry, name: str) -> Iterator[bool]:
        """For each read of `self.<name>` in a method: does the graph end there?"""
        if not any(isinstance(node, ast.Attribute) and node.attr == name for node in nodes_under(method.node)):
            return
        other: FunctionFlow = self.flow.of(method)
        for event in other.graph.events:
            if event.kind is Kind.GET_ATTRIBUTE and event.name == name:
                yield not any(True for _ in other.training.fates.of_node(event.node))


def _may_store(entry: FunctionEntry) -> bool:
    """A look at the syntax: is an attribute of self, or an item or element of one, stored?"""
    held = {id(node) for node in nodes_under(entry.node) if isinstance(node, ast.Attribute) and _is_name(node.value, entry.receiver)}
    for node in nodes_under(entry.node):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store) and id(_unsubscripted(node)) in held:
            return True
        if isinstance(node, ast.Attribute) and node.attr in _INSERTING and id(_unsubscripted(node.value)) in held:
            return True
    return False


def _unsubscripted(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Subscript):
        node = node.value
    return node


def _is_name(node: ast.expr, name: str | None) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _stores(statement: cst.CSTNode) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression, bool]]:
    """The places a statement stores to, with the value, and whether it is inserted beside what was there."""
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target = statement.targets[0].target
        for place, value in _assigned(target, statement.value):
            if isinstance(place, cst.Attribute | cst.Subscript):
                yield place, value, False
    call = statement.value if isinstance(statement, cst.Expr) else None
    if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value in _INSERTING and len(call.args) == 1:
        yield call.func.value, call.args[0].value, True


def _assigned(target: cst.BaseExpression, value: cst.BaseExpression) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    """The targets of an assignment with their values; one by one where both sides are written out."""
    if isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple) and len(target.elements) == len(value.elements):
        yield from ((left.value, right.value) for left, right in zip(target.elements, value.elements, strict=True))
    elif isinstance(target, cst.Tuple):
        yield from ((element.value, value) for element in target.elements)
    else:
        yield target, value


def _own_reads(method: FunctionEntry, name: str) -> int:
    """How often a method reads the attribute of that name of its own self."""
    return sum(
        isinstance(node, ast.Attribute) and node.attr == name and _is_name(node.value, method.receiver)
        for node in nodes_under(method.node)
        if isinstance(getattr(node, "ctx", None), ast.Load)
    )


def _looks(tree: ast.AST, name: str, apart: Sequence[ast.AST]) -> int:
    """How often the file, but for the methods set apart, reads the attribute of something only for what has no graph: `net.name.detach()`."""
    within = {id(node) for method in apart for node in nodes_under(method)}
    looked = (node for node in nodes_under(tree) if isinstance(node, ast.Attribute) and node.attr in _CUTS and id(node) not in within)
    asked = (_unsubscripted(node.value) for node in looked)
    return sum(isinstance(node, ast.Attribute) and node.attr == name for node in asked)


def _mentions(tree: ast.AST, name: str) -> int:
    """How often the file reads an attribute of that name, or names it in a string."""
    return sum(
        (isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Load)) or (isinstance(node, ast.Constant) and node.value == name)
        for node in nodes_under(tree)
    )
