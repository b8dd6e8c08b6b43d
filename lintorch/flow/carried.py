"""Recurrent state that one step hands to the next with its history: a name through the turns of a loop, or an attribute of a module through its calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import Backward, encloses, loop_of
from lintorch.flow.event import Binding, Definition, Event, Kind, Region, RegionKind
from lintorch.flow.fact import Sort
from lintorch.flow.fate import Fate
from lintorch.flow.frozen import mentions_cut
from lintorch.flow.ingredients import bound_values, ingredients
from lintorch.flow.module_state import module_states
from lintorch.flow.reduction import is_reduced
from lintorch.flow.torch_names import CUTTING_ATTRIBUTES, CUTTING_METHODS
from lintorch.flow.training_gate import has_recurrence
from lintorch.flow.tree import names_in
from lintorch.flow.without_gradients import is_test

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

_ALWAYS = (RegionKind.WITH, RegionKind.TRY)


@dataclass(frozen=True, eq=False)
class CarriedState:
    """A state as the code spells it, the statement that renews it, and the sentence that says how it is known."""

    name: str
    statement: cst.CSTNode
    evidence: str


def carried_states(training: TrainingFlow) -> Iterator[CarriedState]:
    """The states of a function, in order, each statement once."""
    if has_recurrence(training.flow.entry) and training.gate.runs:
        yield from _in_loops(training)
    if not is_test(training.flow.entry, training.flow.project.root):
        yield from (CarriedState(f"self.{name}", statement, line) for name, statement, line in module_states(training))


def _in_loops(training: TrainingFlow) -> Iterator[CarriedState]:
    known: set[cst.CSTNode] = set()
    for event in training.flow.graph.events:
        if event.kind is Kind.CALL and isinstance(event.node, cst.Call) and loop_of(event.region) is not None:
            for found in _Recurrence(training, event, event.node).states():
                if found.statement not in known:
                    known.add(found.statement)
                    yield found


@dataclass(eq=False)
class _Path:
    """How the value of a name in a call comes from what the same call returned a turn before: the definitions on the way, and those it begins with."""

    carried: list[Definition] = field(default_factory=list)
    begun: list[Definition] = field(default_factory=list)
    known: bool = True


@dataclass(frozen=True, eq=False)
class _Recurrence:
    """One call in a loop, as `hidden = cell(x, hidden)`."""

    training: TrainingFlow
    event: Event
    call: cst.Call

    def states(self) -> Iterator[CarriedState]:
        """The arguments that are this call's own results with their history."""
        for name in self._arguments():
            path = self._path(name)
            loops = self._loops(path) if path.known and path.carried else []
            if not loops or not self._is_same_callee(loops[0]) or not self.training.gradients_on(self.call) or self._is_cut_within(name, loops[-1]):
                continue
            reason = self._grows(path, loops)
            if reason and not self.training.frozen.mentions_cut(self.call):
                made = self._renewal(path, name.value)
                assert made.statement is not None
                yield CarriedState(name.value, made.statement, reason)

    def _arguments(self) -> Iterator[cst.Name]:
        """The names handed on; the first argument is what the state is updated with, but where a later one is taken from the loop."""
        loop = loop_of(self.event.region)
        for place, arg in enumerate(self.call.args):
            later = [name for other in self.call.args[place + 1 :] for name in names_in(other.value)]
            taken = any(made.binding is Binding.LOOP and loop is not None and encloses(loop, made.event.region) for name in later for made in self._seen(name))
            if (place or arg.keyword is not None or taken) and not arg.star and isinstance(arg.value, cst.Name | cst.Tuple | cst.List):
                yield from names_in(arg.value)

    def _seen(self, name: cst.Name) -> tuple[Definition, ...]:
        return self.training.seen_by(name)

    # From the argument back to the call

    def _path(self, name: cst.Name) -> _Path:
        path, known = _Path(), set[Definition]()
        pending = list(self._seen(name))
        while pending:
            definition = pending.pop()
            if definition in known:
                continue
            known.add(definition)
            sources = self._sources(definition)
            if sources is None or definition.statement is None or loop_of(definition.event.region) is None:
                path.begun.append(definition)
            else:
                path.carried.append(definition)
                pending.extend(made for source in sources for made in self._seen(source))
        if not any(self._is_made_here(made) for made in path.carried):
            path.carried.clear()
        return path

    def _is_made_here(self, definition: Definition) -> bool:
        return any(part is self.call for value in bound_values(definition) for part in self._handed(value) or ())

    def _sources(self, definition: Definition) -> list[cst.Name] | None:
        """The names whose graph the definition hands on; None where the value may be another one."""
        if definition.binding not in (Binding.ASSIGNED, Binding.UNPACKED, Binding.CHAINED, Binding.ANNOTATED):
            return None
        found: list[cst.Name] = []
        for value in bound_values(definition):
            handed = self._handed(value)
            if not handed:
                return None
            found += [part for part in handed if isinstance(part, cst.Name)]
        return found

    def _handed(self, value: cst.BaseExpression) -> list[cst.BaseExpression] | None:
        """The names and the call itself that a value is made of, where nothing else can be in between."""
        if value is self.call or isinstance(value, cst.Name):
            return [value]
        if isinstance(value, cst.Attribute):
            return None if value.attr.value in CUTTING_ATTRIBUTES else self._handed(value.value)
        if isinstance(value, cst.Call):
            return self._handed_through(value)
        if isinstance(value, cst.Subscript):
            return self._handed(value.value)
        if isinstance(value, cst.BaseSimpleComp):
            return self._handed(value.for_in.iter) if isinstance(value.elt, cst.Name) else None
        if isinstance(value, cst.Tuple | cst.List):
            parts = [self._handed(element.value) for element in value.elements]
            return None if any(part is None for part in parts) else [one for part in parts for one in part or ()]
        return None

    def _handed_through(self, call: cst.Call) -> list[cst.BaseExpression] | None:
        """Through tuple(), a tensor's own methods, and functions of the project that cut nothing."""
        package, _, function = (self.training.flow.qualify(call.func) or "").rpartition(".")
        if package == "builtins" and function in ("tuple", "list") and len(call.args) == 1:
            return self._handed(call.args[0].value)
        entry = self.training.wanting.called(call)
        if entry is not None and len(call.args) == 1:
            return None if mentions_cut(entry) or entry.owner is not None else self._handed(call.args[0].value)
        method = call.func.attr.value if isinstance(call.func, cst.Attribute) else ""
        if method in ("clone", "to", "contiguous", "squeeze", "unsqueeze", "view") and isinstance(call.func, cst.Attribute):
            return self._handed(call.func.value) if method not in CUTTING_METHODS else None
        return None

    def _renewal(self, path: _Path, name: str) -> Definition:
        """The definition to point at: that of the call, if it binds the state itself, else the one that renames it."""
        return next((made for made in path.carried if made.name == name and self._is_made_here(made)), path.carried[0])

    # Where it grows

    def _loops(self, path: _Path) -> list[Region]:
        """The loops round the call, from the innermost, whose turns begin with what the last one left."""
        found: list[Region] = []
        loop = loop_of(self.event.region)
        while loop is not None and not any(encloses(loop, made.event.region) and made.binding is not Binding.PARAMETER for made in path.begun):
            found.append(loop)
            loop = loop_of(loop.parent) if loop.parent is not None else None
        return found

    def _is_same_callee(self, loop: Region) -> bool:
        """Is the same thing called in each turn, rather than one layer after the other?"""
        return not any(encloses(loop, made.event.region) for name in names_in(self.call.func) for made in self._seen(name))

    def _is_cut_within(self, state: cst.Name, loop: Region) -> bool:
        """May something in the loop detach the state in place, or be told to?"""
        for event in self.training.flow.graph.events:
            if encloses(loop, event.region):
                if event.kind is Kind.GET_ATTRIBUTE and event.name == "detach_":
                    return True
                alone = isinstance(self.training.parents.get(event.node), cst.Expr) and isinstance(event.node, cst.Call)
                if alone and isinstance(event.node, cst.Call) and any(arg.value.deep_equals(state) for arg in event.node.args):
                    return True
        return False

    def _grows(self, path: _Path, loops: list[Region]) -> str:
        """Why the history grows; empty where that is not certain."""
        for backward in self.training.backwards:
            if loop_of(backward.event.region) in loops and self._runs_through(backward):
                line = self.training.flow.line(backward.event.node)
                if backward.retains:
                    return f"backward() on line {line} retains the graph of each turn"
                if _is_always_run(backward.event.region) and self._is_recorded(path):
                    return f"backward() on line {line} runs in each turn; the second raises"
        if self._is_inference() and all(self._is_only_looked_at(made) for made in self._made()):
            return "no backward pass runs, and only reduced results are used" if is_reduced(self.training, self.call) else ""
        return ""

    def _is_inference(self) -> bool:
        """Is a module run where nothing is trained, and not in an evaluation, whose missing no_grad is another matter?"""
        return self._is_module() and not self.training.trains and not self.training.evaluation.gives(self.call)

    def _is_module(self) -> bool:
        return self.training.inference.fact(self.call.func).sort is Sort.MODULE

    def _is_recorded(self, path: _Path) -> bool:
        """Is the state certainly a tensor with a graph? So it is with a module, and where something unknown begins with no number."""
        if self._is_module():
            return True
        callee = self.call.func
        known = self.training.wanting.called(self.call) is not None or self.training.flow.qualify(callee) is not None
        counted = any(isinstance(made.value, cst.Integer | cst.Float | cst.SimpleString) for made in path.begun)
        return isinstance(callee, cst.Name) and not known and not counted

    def _made(self) -> list[Definition]:
        return [made for made in self.training.flow.graph.definitions.values() if any(value is self.call for value in bound_values(made))]

    def _is_only_looked_at(self, made: Definition) -> bool:
        return self.training.fates.of(made) <= {Fate.ESCAPES}

    def _runs_through(self, backward: Backward) -> bool:
        call = backward.event.node
        if not isinstance(call, cst.Call):
            return False
        values = [*(arg.value for arg in call.args), *([call.func.value] if isinstance(call.func, cst.Attribute) else [])]
        return any(part is self.call for value in values for part in ingredients(value, self.training.seen_by))


def _is_always_run(region: Region) -> bool:
    """Does the code of the region run in each turn of the loop around it?"""
    while region.kind in _ALWAYS and region.parent is not None:
        region = region.parent
    return region.kind is RegionKind.LOOP
