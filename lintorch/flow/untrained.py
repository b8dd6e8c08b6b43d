"""Runs of networks that no optimizer trains, whose outputs are targets of a loss."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Binding, Definition, Event, Kind
from lintorch.flow.fact import Sort
from lintorch.flow.fate import Fate
from lintorch.flow.gradients import Gradients
from lintorch.flow.ingredients import ingredients
from lintorch.flow.optimizer import overlap
from lintorch.flow.switching import Switching
from lintorch.flow.torch_names import SAME_MODULE_METHODS
from lintorch.flow.tree import dotted_name
from lintorch.flow.without_gradients import Insertion, wrapped
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

_LEAVING = frozenset({Fate.RETURNED, Fate.STORED, Fate.COLLECTED, Fate.SUMMED})


@dataclass(frozen=True, eq=False)
class UntrainedRun:
    """A call of an untrained module with autograd on; `insertions` put its statement under torch.no_grad(), empty where something trained stands in it too."""

    call: cst.Call
    module: str
    insertions: tuple[Insertion, ...]


def untrained_runs(training: TrainingFlow) -> Iterator[UntrainedRun]:
    """The first such call of each statement of a function that trains something else."""
    search = _search(training) if training.trains else None
    if search is None or any(event not in {backward.event for backward in training.backwards} for event in training.wanting.events):
        return
    if not search.has_prediction():
        return
    runs = [run for run in search.runs() if not search.passes_gradients(run)]
    passing = search.passing({run.module for run in runs})
    statements: set[cst.CSTNode] = set()
    for run in runs:
        statement = search.statement(run.call)
        if run.module not in passing and statement not in statements and search.is_only_target(run.call):
            statements.add(statement)
            yield UntrainedRun(run.call, run.module, search.insertions(statement))


def _search(training: TrainingFlow) -> _Search | None:
    """By the optimizers made in sight; where one was handed in, by the modes that the function puts modules into."""
    trained = training.optimizers.trained if training.optimizers.steps else None
    if trained:
        return _Search(training, trained)
    switching = Switching(training.flow) if training.optimizers.is_handed else None
    return _Search(training, switching.training, switching) if switching is not None and switching.training else None


@dataclass(frozen=True, eq=False)
class _Run:
    call: cst.Call
    module: str


@dataclass(frozen=True, eq=False)
class _Search:
    training: TrainingFlow
    trained: frozenset[str]
    switching: Switching | None = None

    def runs(self) -> Iterator[_Run]:
        """The calls, in order, of modules that nothing in sight trains or freezes."""
        for event in self.training.flow.graph.events:
            if event.kind is Kind.CALL and isinstance(event.node, cst.Call) and self._is_recorded(event):
                module = (dotted_name(event.node.func) or "").removesuffix(".forward")
                if module and self._is_module(event.node, module) and not self._is_trained(module) and self._is_of_its_own(module):
                    yield _Run(event.node, module)

    def _is_recorded(self, event: Event) -> bool:
        mode = self.training.grad_mode
        return mode.at(event.region) is Gradients.ON and not mode.is_unknown_within(event.region) and self._is_evaluating(event)

    def _is_evaluating(self, event: Event) -> bool:
        """With an optimizer of which nothing is known: is the module in evaluation mode, as it is while it is no part of the training?"""
        return self.switching is None or (isinstance(event.node, cst.Call) and dotted_name(event.node.func) in self.switching.evaluating(event))

    def _is_module(self, call: cst.Call, module: str) -> bool:
        func = call.func.value if isinstance(call.func, cst.Attribute) and call.func.attr.value == "forward" else call.func
        return self.training.inference.fact(func).sort is Sort.MODULE or self._is_copy(module)

    def _is_copy(self, module: str) -> bool:
        """Is it a deep copy of something trained?"""
        made = list(self._makers(module))
        return bool(made) and all(isinstance(value, ast.Call) and self._name(value) == "copy.deepcopy" for value in made)

    def _is_trained(self, module: str) -> bool:
        return any(overlap(module, name) for name in self.trained)

    # Where the module comes from

    def _is_of_its_own(self, module: str) -> bool:
        """Is it made apart from what is trained (a parameter of its own, a copy, a class given nothing trained), and does it ask for gradients?"""
        if "." not in module:
            node = next((event.node for event in self.training.flow.graph.events if event.kind is Kind.LOAD and event.name == module), None)
            made = self.training.seen_by(node) if isinstance(node, cst.Name) else ()
            return all(self._is_apart(definition) for definition in made) and not self.training.frozen.is_frozen(module)
        made_by = [] if self.training.frozen.is_frozen(module) else list(self._makers(module))
        return bool(made_by) and all(self._is_own_value(value) for value in made_by)

    def _is_apart(self, definition: Definition) -> bool:
        if definition.binding is Binding.PARAMETER:
            return True
        value = definition.value if definition.binding is Binding.ASSIGNED else getattr(definition.statement, "value", None)
        return isinstance(value, cst.Call) and (self.training.flow.qualify(value.func) == "copy.deepcopy" or not self._mentions_trained(value))

    def _mentions_trained(self, value: cst.CSTNode) -> bool:
        pending = [value]
        while pending:
            node = pending.pop()
            name = dotted_name(node)
            if name is not None and self._is_trained(name):
                return True
            pending.extend(node.children)
        return False

    def _makers(self, module: str) -> Iterator[ast.expr | None]:
        """The values stored on the attribute."""
        entry = self.training.flow.entry
        if entry.owner is not None and module.count(".") == 1 and module.startswith(f"{entry.receiver}."):
            yield from (store.value for store in self.training.flow.project.attribute_stores(entry.owner).get(module.partition(".")[2], ()))

    def _is_own_value(self, value: ast.expr | None) -> bool:
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in SAME_MODULE_METHODS:
            value = value.func.value
        if isinstance(value, ast.Name):
            return value.id not in self._stored_as_trained()
        if not isinstance(value, ast.Call):
            return False
        mentioned = {node.id for node in nodes_under(value) if isinstance(node, ast.Name)} & self._stored_as_trained()
        return self._name(value) == "copy.deepcopy" or not (
            mentioned or any(self._is_trained(ast.unparse(node)) for node in nodes_under(value) if isinstance(node, ast.Attribute))
        )

    def _stored_as_trained(self) -> frozenset[str]:
        """Names whose value is stored on a trained attribute."""
        owner = self.training.flow.entry.owner
        stores = self.training.flow.project.attribute_stores(owner) if owner is not None else {}
        receiver = self.training.flow.entry.receiver
        values = (store.value for name, found in stores.items() if self._is_trained(f"{receiver}.{name}") for store in found)
        return frozenset(value.id for value in values if isinstance(value, ast.Name))

    def _name(self, call: ast.Call) -> str | None:
        return self.training.flow.module.qualify(call.func)

    # Where the output goes, and what comes in

    def has_prediction(self) -> bool:
        """Does backward run through a call of something trained? Without one, gradients take another way: through the module that looks untrained."""
        calls = (event.node for event in self.training.flow.graph.events if event.kind is Kind.CALL and isinstance(event.node, cst.Call))
        trained = (call for call in calls if (name := dotted_name(call.func)) is not None and self._is_trained(name))
        return any(Fate.BACKWARD in self.training.fates.of_node(call) for call in trained)

    def passes_gradients(self, run: _Run) -> bool:
        """May something trained, or code that is not read, have made an argument?"""
        return any(self._may_be_trained(part) for arg in run.call.args for part in ingredients(arg.value, self.training.seen_by))

    def _may_be_trained(self, part: cst.BaseExpression) -> bool:
        if not isinstance(part, cst.Call):
            return False
        name = dotted_name(part.func)
        if name is None:
            return False
        if self._is_trained(name):
            return self.training.gradients_on(part)
        entry = self.training.wanting.called(part)
        return entry is not None and any(self._is_trained(ast.unparse(node)) for node in nodes_under(entry.node) if isinstance(node, ast.Attribute))

    def passing(self, otherwise: set[str]) -> set[str]:
        """The modules that gradients only pass through; with an optimizer of which nothing is known, that they ever pass through."""
        through = {run.module for run in self.runs() if self.passes_gradients(run)}
        return through - otherwise if self.switching is None else through

    def is_only_target(self, call: cst.Call) -> bool:
        """Does the output reach a backward pass, and stay in the function?"""
        fates = set(self.training.fates.of_node(call))
        return Fate.BACKWARD in fates and not fates & _LEAVING and (self.switching is None or self._is_one_side(call))

    def _is_one_side(self, call: cst.Call) -> bool:
        """Is the output compared, as one of two arguments, with what something trained gave, and does nothing trained take it?"""
        calls = [event.node for event in self.training.flow.graph.events if event.kind is Kind.CALL and isinstance(event.node, cst.Call)]
        taking = [(other, *self._sides(other, call)) for other in calls if other is not call]
        return any(of_call and of_trained for _, of_call, of_trained, _ in taking) and not any(
            both or (of_call and self._is_trained(dotted_name(other.func) or "")) for other, of_call, _, both in taking
        )

    def _sides(self, other: cst.Call, call: cst.Call) -> tuple[bool, bool, bool]:
        """Has a call an argument made of the output alone, one made of what something trained gave, and one made of both?"""
        parts = [set(ingredients(arg.value, self.training.seen_by)) for arg in other.args]
        made = [(call in part, any(isinstance(node, cst.Call) and self._is_trained(dotted_name(node.func) or "") for node in part)) for part in parts]
        return (True, False) in made, (False, True) in made, (True, True) in made

    def statement(self, call: cst.Call) -> cst.CSTNode:
        """The line the call stands on."""
        node: cst.CSTNode = call
        while not isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            node = self.training.parents[node]
        return node

    def insertions(self, statement: cst.CSTNode) -> tuple[Insertion, ...]:
        if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
            return ()
        value = getattr(statement.body[0], "value", None)
        if not isinstance(value, cst.BaseExpression) or any(self._may_be_trained(part) for part in ingredients(value, self.training.seen_by)):
            return ()
        return wrapped(self.training.flow, statement)
