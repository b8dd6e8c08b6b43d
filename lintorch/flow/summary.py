"""Summaries of other functions: what they return, and what becomes of the attributes of a class."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Kind
from lintorch.flow.fact import DATA, PLAIN, UNKNOWN, Fact, History, Sort, either
from lintorch.flow.fate import Fate
from lintorch.flow.inference import annotated
from lintorch.flow.segment import Unmappable
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.project.module import ClassEntry, FunctionEntry


def attribute_fates(owner: ClassEntry, name: str, asking: FunctionFlow) -> frozenset[Fate]:
    """What becomes of an attribute of self in the methods of its class."""
    found: set[Fate] = set() if asking.project.ancestry(owner).complete else {Fate.STORED}
    for entry in owner.methods.values():
        training = asking.of(entry).training
        reads = (event for event in training.flow.graph.events if event.kind is Kind.GET_ATTRIBUTE and event.name == name)
        found.update(fate for event in reads for fate in training.fates.of_node(event.node))
    return frozenset(found)


def returned(entry: FunctionEntry, asking: FunctionFlow) -> Fact:
    """What a project function returns, by its annotation or by its own facts; remembered with the function."""
    if "returned" not in entry.memo:
        entry.memo["returned"] = UNKNOWN  # within a recursion
        entry.memo["returned"] = _returned(entry, asking)
    fact: Fact = entry.memo["returned"]
    return fact


def _returned(entry: FunctionEntry, asking: FunctionFlow) -> Fact:
    said = annotated(entry.node.returns, entry.module.qualify)
    if said is PLAIN:
        return said
    if asking.project.decorated_grad_mode(entry) == "off":
        return DATA
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes_under(entry.node)):
        return UNKNOWN
    try:
        return _facts_returned(asking.of(entry))
    except Unmappable:
        return said


def _facts_returned(flow: FunctionFlow) -> Fact:
    values = [event.node.value for event in flow.graph.events if event.kind is Kind.RETURN and isinstance(event.node, cst.Return)]
    facts = [flow.training.inference.fact(value) for value in values if value is not None]
    if not facts or len(facts) != len(values):
        return UNKNOWN
    fact = either(facts)
    if fact.sort is Sort.TENSOR and fact.history is History.LIVE:
        return Fact(Sort.TENSOR, History.LIVE, (f"{flow.entry.name}() returns a tensor with a graph", *fact.evidence[:1]))
    return fact
