"""Tensors kept for later steps with the graphs that made them: transitions in containers drawn from at random, episodes in lists never emptied."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import encloses, loop_of
from lintorch.flow.drawing import drawn_from
from lintorch.flow.emptying import is_begun_anew, is_emptied
from lintorch.flow.event import Binding, Kind, Region
from lintorch.flow.fate import Fate
from lintorch.flow.gradients import Gradients
from lintorch.flow.handing import parameters_of
from lintorch.flow.segment import Unmappable
from lintorch.flow.training_gate import is_record
from lintorch.flow.tree import dotted_name
from lintorch.project.module import ClassEntry, Module
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import FunctionEntry
    from lintorch.project.names import Entry
    from lintorch.project.project import Project

_INSERTING = frozenset({"append", "appendleft"})


@dataclass(frozen=True, eq=False)
class Replayed:
    """One statement that keeps live values: what keeps them, which they are; `updated` is the line of the backward pass that empties nothing."""

    statement: cst.CSTNode
    name: str
    values: tuple[cst.BaseExpression, ...]
    updated: int | None = None


def replayed(training: TrainingFlow) -> Iterator[Replayed]:
    """What the function puts, graphs and all, where later steps draw it from."""
    if not _may_replay(training.flow) or not training.gate.insertions:
        return
    replays = Replays(training)
    for statement, place, method, value in replays.insertions():
        yield from replays.inserted(statement, place, method, value)
    for call in (event.node for event in training.flow.graph.events if event.kind is Kind.CALL):
        if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and isinstance(training.parents.get(call), cst.Expr):
            yield from replays.handed(call, call.func)


def _may_replay(flow: FunctionFlow) -> bool:
    """By syntax: is something put into a container that the file draws from or takes slices of, or handed as a whole to what may draw from it?"""
    sought = (drawn_from(flow.module) | _sliced(flow.module)) & flow.entry.words
    if sought and any(_inserts_into(node) in sought for node in flow.entry.nodes):
        return True
    return any(_hands_over(node, flow.module) for node in flow.entry.nodes) and flow.training.gate.insertions and _draws_in_sight(flow.module, flow.project)


def _draws_in_sight(module: Module, project: Project) -> bool:
    """Does the file, or one that a class it imports stands in, draw from a container at random?"""
    key = f"draws in sight {project.generation}"
    if key not in module.memo:
        found = (project.find(target) for target in module.imports.values() if target.partition(".")[0] not in ("torch", "numpy"))
        module.memo[key] = any(map(drawn_from, (module, *(owner for entry in found for owner in _modules_of(entry, project)))))
    return bool(module.memo[key])


def _modules_of(entry: Entry | None, project: Project) -> Iterator[Module]:
    """The files that what an import brings is written in: a module's own, a class's and its bases'."""
    if isinstance(entry, ClassEntry):
        yield from (base.module for base in project.ancestry(entry).classes)
    elif isinstance(entry, Module):
        yield entry


def _inserts_into(node: ast.AST) -> str | None:
    place = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _INSERTING else None
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    place = target.value if isinstance(target, ast.Subscript) else place
    return place.attr if isinstance(place, ast.Attribute) else place.id if isinstance(place, ast.Name) else None


def _hands_over(node: ast.AST, module: Module) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not is_record(call):
        return False
    return not call.func.attr.endswith("_") and not (module.qualify(call.func) or "").startswith(("torch.", "numpy.", "logging."))


def _sliced(module: Module) -> frozenset[str]:
    """Names and attributes of which the file reads an end; none where it runs no backward."""
    if "sliced" not in module.memo:
        trains = "backward" in module.source.text
        nodes = (node for node in nodes_under(module.tree) if isinstance(node, ast.Subscript) and _is_end(node.slice)) if trains else ()
        module.memo["sliced"] = frozenset(getattr(node.value, "attr", getattr(node.value, "id", "")) for node in nodes)
    names: frozenset[str] = module.memo["sliced"]
    return names


def _is_end(part: ast.expr) -> bool:
    return part.lower is not None if isinstance(part, ast.Slice) else isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub)


class Replays:
    """Answers for one function."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow

    def insertions(self) -> Iterator[tuple[cst.CSTNode, cst.BaseExpression, str, cst.BaseExpression]]:
        """Statements that put a value into a container: where, by which method, and what."""
        for event in self.flow.graph.events:
            call = event.node
            func = call.func if event.kind is Kind.CALL and isinstance(call, cst.Call) and len(call.args) == 1 else None
            if isinstance(call, cst.Call) and isinstance(func, cst.Attribute) and func.attr.value in _INSERTING:
                yield call, func.value, func.attr.value, call.args[0].value
        for statement in self.flow.graph.placements:
            target = statement.targets[0].target if isinstance(statement, cst.Assign) else None
            if isinstance(statement, cst.Assign) and isinstance(target, cst.Subscript):
                yield statement, target.value, "", statement.value

    def inserted(self, statement: cst.CSTNode, place: cst.BaseExpression, method: str, value: cst.BaseExpression) -> Iterator[Replayed]:
        """The statement, where it keeps live values in what is drawn from at random, or in what is only ever read at its end."""
        name, spelled, module = _last_name(place), dotted_name(place), self.flow.module
        sought = name in drawn_from(module) or (bool(method) and name in _sliced(module))
        values = self._live(statement, value) if sought and spelled is not None and self._is_container(place, method) else ()
        if not values or spelled is None:
            return
        if name in drawn_from(module) and not self._is_begun_anew(place, name):
            yield Replayed(statement, spelled, values)
        elif method and not is_emptied(name, [self._scope(place)]) and (line := self._updated(place, name)) is not None:
            yield Replayed(statement, spelled, values, line)

    def handed(self, call: cst.Call, func: cst.Attribute) -> Iterator[Replayed]:
        """A call of a method that puts its arguments into a container of its object which is drawn from at random."""
        entry = self._method(call)
        owner = entry.owner if entry is not None else None
        if entry is None or owner is None or not self._replays(entry, owner):
            return
        kept = [arg for arg, parameter in parameters_of(call, entry) if self.training.keeping.collects(entry, parameter)]
        values = tuple(value for arg in kept for value in self._live(call, arg))
        if values:
            yield Replayed(call, dotted_name(func.value) or func.attr.value, values)

    def _method(self, call: cst.Call) -> FunctionEntry | None:
        return self.training.wanting.called(call)

    def _replays(self, entry: FunctionEntry, owner: ClassEntry) -> bool:
        """Does the method put something into a container of self that its file draws from at random, and never begins anew?"""
        names = {name for node in nodes_under(entry.node) if (name := _inserts_into(node)) is not None} & drawn_from(entry.module)
        if not names:
            return False
        try:
            asked = Replays(self.flow.of(entry).training)
            places = [place for _, place, _, _ in asked.insertions() if _last_name(place) in names]
            return any(asked._is_container(place, "append") and not is_begun_anew(_last_name(place), owner.node) for place in places)
        except Unmappable:
            return False

    # Values

    def _live(self, statement: cst.CSTNode, value: cst.BaseExpression) -> tuple[cst.BaseExpression, ...]:
        """The parts of what is kept that certainly have graphs."""
        if self.training.gradients(self.training.keeping.region(statement)) is not Gradients.ON:
            return ()
        return tuple(part for part in self.training.keeping.parts(value) if self.training.inference.fact(part).is_live)

    # Containers

    def _is_container(self, place: cst.BaseExpression, method: str) -> bool:
        keepers = self.training.keeping.keepers
        if isinstance(place, cst.Attribute):
            return keepers.holds_container(place, method)
        makers = self.training.seen_by(place)
        if not makers and isinstance(place, cst.Name):
            return keepers.is_container_around(place)
        return bool(makers) and all(keepers.makes_container(maker) for maker in makers)

    def _scope(self, place: cst.BaseExpression) -> ast.AST:
        """The code that may empty the container: the function of a local name, the file of all else."""
        return self.flow.entry.node if isinstance(place, cst.Name) and place.value in self.flow.local_names else self.flow.module.tree

    def _is_begun_anew(self, place: cst.BaseExpression, name: str) -> bool:
        return is_begun_anew(name, self._scope(place))

    def _updated(self, place: cst.BaseExpression, name: str) -> int | None:
        """The line of a backward pass that runs, turn after turn, through the newest items of the container and through nothing else of it."""
        if isinstance(place, cst.Name):
            return _updated(self.flow, place.value, is_attribute=False)
        for entry in (*self.flow.module.functions.values(), self.flow.module.script):
            try:
                if any(isinstance(node, ast.Attribute) and node.attr == name for node in nodes_under(entry.node)):
                    line = _updated(self.flow.of(entry), name, is_attribute=True)
                    if line is not None:
                        return line
            except Unmappable:
                continue
        return None


def _updated(flow: FunctionFlow, name: str, is_attribute: bool) -> int | None:
    training, kind = flow.training, Kind.GET_ATTRIBUTE if is_attribute else Kind.LOAD
    reads = [event.node for event in flow.graph.events if event.kind is kind and event.name == name]
    trained = [node for node in reads if Fate.BACKWARD in set(training.fates.of_node(node))]
    made = [definition for definition in flow.graph.definitions.values() if definition.name == name]
    parameter = any(definition.binding is Binding.PARAMETER for definition in made)
    if not trained or not all(_is_end_of(training.parents.get(node), node) for node in trained) or (parameter and not is_attribute):
        return None
    again = [backward for backward in training.backwards if not made or is_attribute or _is_repeated(backward.event.region, made[0].event.region)]
    return flow.line(again[0].event.node) if again else None


def _is_repeated(region: Region, made: Region) -> bool:
    """Is the region in a loop that begins after the container was made?"""
    loop = loop_of(region)
    return loop is not None and not encloses(loop, made)


def _is_end_of(parent: cst.CSTNode | None, node: cst.CSTNode) -> bool:
    """Is it `container[-3:]` or `container[-1]`?"""
    if not isinstance(parent, cst.Subscript) or parent.value is not node or len(parent.slice) != 1:
        return False
    part = parent.slice[0].slice
    if isinstance(part, cst.Slice):
        return part.lower is not None
    return isinstance(part, cst.Index) and isinstance(part.value, cst.UnaryOperation) and isinstance(part.value.operator, cst.Minus)


def _last_name(place: cst.BaseExpression) -> str:
    return place.attr.value if isinstance(place, cst.Attribute) else place.value if isinstance(place, cst.Name) else ""
