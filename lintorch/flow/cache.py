"""Caches that outlive the step and hold tensors with their graphs: of cached methods, and in containers at module level."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.emptying import is_emptied
from lintorch.flow.event import Kind
from lintorch.flow.fact import Fact
from lintorch.flow.fate import Fate
from lintorch.flow.possible_store import INSERTING, makes_container
from lintorch.flow.segment import Unmappable
from lintorch.project.module import SCRIPT, FunctionEntry
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

_CACHES = frozenset({"functools.lru_cache", "functools.cache"})
_NEEDING = frozenset({Fate.BACKWARD, Fate.RETURNED, Fate.ESCAPES})


@dataclass(frozen=True, eq=False)
class CachedTensor:
    """A store in a cache: the node to point at (the decorator of a cached method), the cache's name, the value's text, what is known of it."""

    node: cst.CSTNode
    cache: str
    value: cst.BaseExpression
    is_method: bool
    fact: Fact


class Caches:
    """Finds what one function leaves in caches."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow

    def kept(self) -> Iterator[CachedTensor]:
        """The cached method itself, then the stores into containers at module level."""
        yield from self._cached_method()
        if self.flow.entry.name != SCRIPT and self.training.gate.module_stores:
            for statement in self.flow.graph.placements:
                yield from self._stored(statement)

    # Methods

    def _cached_method(self) -> Iterator[CachedTensor]:
        entry = self.flow.entry
        if (
            not _CACHES.intersection(entry.decorators)
            or entry.receiver is None
            or entry.owner is None
            or self.flow.project.module_evidence(entry.owner) is None
        ):
            return
        returned = [event.node.value for event in self.flow.graph.events if event.kind is Kind.RETURN and isinstance(event.node, cst.Return)]
        live = next((value for value in returned if value is not None and self.training.upstream.fact(value).is_live), None)
        decorator = self._decorator()
        if live is not None and decorator is not None:
            yield CachedTensor(decorator, f"{entry.owner.name}.{entry.name}", live, True, self.training.upstream.fact(live))

    def _decorator(self) -> cst.BaseExpression | None:
        function = self.flow.segment.function
        decorators = [decorator.decorator for decorator in function.decorators] if isinstance(function, cst.FunctionDef) else []
        return next((node for node in decorators if self.flow.qualify(node.func if isinstance(node, cst.Call) else node) in _CACHES), None)

    # Containers at module level

    def _stored(self, statement: cst.CSTNode) -> Iterator[CachedTensor]:
        for place, value in _stores(statement):
            while isinstance(place, cst.Subscript):
                place = place.value
            name = place.value if isinstance(place, cst.Name) else ""
            known = name not in self.flow.local_names and makes_container(self.flow.module.constants.get(name))
            if known and self._is_live(value) and not is_emptied(name, (self.flow.module.tree,)) and not self._is_needed(name):
                yield CachedTensor(statement, name, value, False, self.training.upstream.fact(value))

    def _is_live(self, value: cst.BaseExpression) -> bool:
        return self.training.gradients_on(value) and self.training.upstream.fact(value).is_live

    def _is_needed(self, name: str) -> bool:
        """Does any function of the file read the container in a way that may need the graphs in it?"""
        entries = (*self.flow.module.functions.values(), self.flow.module.script)
        return any(self._needs(entry, name) for entry in entries if entry is self.flow.module.script or _mentions(entry, name))

    def _needs(self, entry: FunctionEntry, name: str) -> bool:
        try:
            other = self.flow.of(entry)
            reads = (event for event in other.graph.events if event.kind is Kind.LOAD and event.name == name)
            return any(fate in _NEEDING for event in reads for fate in other.training.fates.of_node(event.node))
        except Unmappable:
            return True


def _stores(statement: cst.CSTNode) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0].target, cst.Subscript):
        yield statement.targets[0].target, statement.value
    call = statement.value if isinstance(statement, cst.Expr) else None
    if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value in INSERTING and call.args:
        yield call.func.value, call.args[-1].value


def _mentions(entry: FunctionEntry, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in nodes_under(entry.node))
