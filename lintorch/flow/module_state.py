"""State that a module's forward leaves on self for the next forward, graph and all: what nothing ever sets back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Kind
from lintorch.flow.fate import Fate
from lintorch.flow.gradients import Gradients
from lintorch.flow.ingredients import ingredients
from lintorch.flow.tree import dotted_name, names_in
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import ClassEntry


def module_states(training: TrainingFlow) -> Iterator[tuple[str, cst.CSTNode, str]]:
    """Attributes that forward computes from what its last call left there: the name, the statement, and why."""
    entry, owner = training.flow.entry, training.flow.entry.owner
    if owner is None or entry.name != "forward" or not training.gate.renews or training.flow.project.module_evidence(owner) is None:
        return
    for statement in training.flow.graph.placements:
        for name in _stored(statement, entry.receiver or "") if isinstance(statement, cst.Assign) else ():
            if isinstance(statement, cst.Assign) and _renews(training, statement, name) and not _is_set_back(training, owner, name):
                yield name, statement, f"forward reads what the last call stored on self.{name}"


def _stored(statement: cst.Assign, receiver: str) -> Iterator[str]:
    targets = [target.target for target in statement.targets]
    for target in targets:
        for part in [element.value for element in target.elements] if isinstance(target, cst.Tuple) else [target]:
            if isinstance(part, cst.Attribute) and dotted_name(part.value) == receiver:
                yield part.attr.value


def _renews(training: TrainingFlow, statement: cst.Assign, name: str) -> bool:
    """Is the state computed, with gradients on, from the last one and a graph, and the output from it?"""
    first, _ = training.flow.graph.extents[statement]
    if training.gradients(training.flow.graph.events[first].region) is Gradients.OFF or not _reads(training, statement.value, name):
        return False
    calls = [part for part in ingredients(statement.value, training.seen_by) if isinstance(part, cst.Call)]
    live = any(training.inference.fact(call).is_live for call in calls) and not any(training.frozen.mentions_cut(call) for call in calls)
    events = (event for event in training.flow.graph.events if event.kind is Kind.GET_ATTRIBUTE and event.name == name)
    return live and any(Fate.RETURNED in set(training.fates.of_node(event.node)) for event in events)


def _reads(training: TrainingFlow, value: cst.BaseExpression, name: str) -> bool:
    """Is the value computed from what the attribute held, or would be if it were not cut off?"""
    spelled = f"{training.flow.entry.receiver}.{name}"
    return any(dotted_name(part) == spelled for part in ingredients(value, training.seen_by))


def _is_set_back(training: TrainingFlow, owner: ClassEntry, name: str) -> bool:
    """Is the state stored anywhere else: by a reset method, by the code that uses the module, or as a buffer? Beginning with None is no reset."""
    stores = training.flow.project.attribute_stores(owner).get(name, ())
    elsewhere = [store for store in stores if store.method.name not in ("__init__", training.flow.entry.name)]
    if elsewhere or any(store.kind not in ("assign", "bind", "unpack") for store in stores) or not training.flow.project.ancestry(owner).complete:
        return True
    if any(not _goes_on(training, statement, name) for statement in training.flow.graph.placements):
        return True
    return any(_is_stored_by_others(node, name, training.flow.entry.receiver) for node in nodes_under(training.flow.module.tree))


def _goes_on(training: TrainingFlow, statement: cst.CSTNode, name: str) -> bool:
    """Does a statement leave the state alone, go on from it (cut or not), or begin it where it is None?"""
    if not isinstance(statement, cst.Assign) or name not in _stored(statement, training.flow.entry.receiver or ""):
        return True
    value = statement.value
    followed = any(_reads(training, part, name) for part in names_in(value))
    return followed or _reads(training, value, name) or _is_asked_for_none(training, statement, name)


def _is_asked_for_none(training: TrainingFlow, statement: cst.CSTNode, name: str) -> bool:
    """Does the statement stand in a branch for the state being None?"""
    node = training.parents.get(statement)
    while node is not None and not isinstance(node, cst.If):
        node = training.parents.get(node)
    test = node.test if isinstance(node, cst.If) else None
    spelled = f"{training.flow.entry.receiver}.{name}"
    return isinstance(test, cst.Comparison) and dotted_name(test.left) == spelled and isinstance(test.comparisons[0].operator, cst.Is)


def _is_stored_by_others(node: ast.AST, name: str, receiver: str | None) -> bool:
    held = isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store)
    return held and isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id == receiver)
