"""Functions of the project that keep what they are given: meters that add it up, callees that put it into what outlives the call."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import loop_of
from lintorch.flow.event import Binding, Definition, Event, Kind
from lintorch.flow.fate import Fate
from lintorch.flow.gradients import Gradients
from lintorch.flow.handing import parameters_of
from lintorch.flow.keeper import Keeper
from lintorch.flow.keeping_gate import may_keep
from lintorch.flow.segment import Unmappable
from lintorch.flow.summary import attribute_fates
from lintorch.flow.type_guard import excludes_tensor
from lintorch.flow.unpacking import written_value

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import ClassEntry, FunctionEntry

_OUT_OF_SIGHT = frozenset({Fate.ESCAPES})


class CalleeKeeping:
    """What the callees of one function keep."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow

    def kept(self, fate: Fate) -> Iterator[tuple[Keeper, cst.Call, cst.BaseExpression]]:
        """Calls with the argument that is added to an attribute (SUMMED), or put into a container (COLLECTED), and what keeps it."""
        for event in self.flow.graph.events:
            if event.kind is not Kind.CALL or not isinstance(event.node, cst.Call) or not event.node.args:
                continue
            recorded = self.training.gradients(event.region) is Gradients.ON
            entry = self.callee(event.node) if recorded else None
            if entry is not None and may_keep(entry):
                for value, parameter in parameters_of(event.node, entry):
                    if self._keeps(entry, fate, parameter):
                        yield self._keeper(event, event.node, entry, parameter), event.node, value

    def callee(self, call: cst.Call) -> FunctionEntry | None:
        """The function of the project that a call runs: by name, or as the method of an instance made in sight."""
        from lintorch.project.module import FunctionEntry

        name = self.flow.qualify(call.func)
        found = self.flow.project.find(name) if name is not None else None
        if isinstance(found, FunctionEntry):
            return found
        cls = self.training.inference.fact(call.func.value).of_class if isinstance(call.func, cst.Attribute) else None
        return self.flow.project.ancestry(cls).method(call.func.attr.value) if cls is not None and isinstance(call.func, cst.Attribute) else None

    def _keeps(self, entry: FunctionEntry, fate: Fate, parameter: str) -> bool:
        try:
            other = self.flow.of(entry)
            runs_backward = entry.owner is not None and any(".backward" in entry.module.source.line(line) for line in _lines(entry.owner.node))
            return not runs_backward and any(_always(other, definition, fate) for definition in _parameter(other, parameter))
        except Unmappable:
            return False

    def collects(self, entry: FunctionEntry, parameter: str) -> bool:
        """Does the function put the parameter's value into a container that outlives the call?"""
        try:
            other = self.flow.of(entry)
            return any(_always(other, definition, Fate.COLLECTED) for definition in _parameter(other, parameter))
        except Unmappable:
            return False

    # What becomes of what they keep

    def _keeper(self, event: Event, call: cst.Call, entry: FunctionEntry, parameter: str) -> Keeper:
        loop = loop_of(event.region)
        if entry.owner is not None and isinstance(call.func, cst.Attribute):
            return Keeper(_spelled(call.func.value), loop, self._fates_of_instance(call.func.value, entry.owner))
        return Keeper(_spelled(call.func), loop, self._fates_of_default(call, entry, parameter))

    def _fates_of_instance(self, receiver: cst.BaseExpression, owner: ClassEntry) -> frozenset[Fate]:
        """What becomes of an instance made here, and of its attributes in its own methods; out of sight where it is not made here."""
        makers = self.training.seen_by(receiver)
        if not makers or not all(isinstance(written_value(maker), cst.Call) for maker in makers):
            return _OUT_OF_SIGHT
        within = {fate for name in self.flow.project.attribute_stores(owner) for fate in attribute_fates(owner, name, self.flow)}
        hidden = within & {Fate.BACKWARD, Fate.ESCAPES, Fate.COLLECTED} or not self.flow.project.ancestry(owner).complete
        return frozenset(fate for maker in makers for fate in self.training.fates.of(maker)) | (_OUT_OF_SIGHT if hidden else frozenset())

    def _fates_of_default(self, call: cst.Call, entry: FunctionEntry, parameter: str) -> frozenset[Fate]:
        """What becomes of the list that stands as a default in the callee's head, where the argument goes into no other."""
        if entry.memo.get("default asked for"):
            return _OUT_OF_SIGHT  # a function that calls itself, by whatever way
        entry.memo["default asked for"] = True
        try:
            return self._fates_of_list(call, entry, parameter)
        finally:
            entry.memo["default asked for"] = False

    def _fates_of_list(self, call: cst.Call, entry: FunctionEntry, parameter: str) -> frozenset[Fate]:
        other, given = self.flow.of(entry), {name for _, name in parameters_of(call, entry)}
        defaults = _mutable_defaults(entry) - given
        kept = [kept for kept in other.training.kept_collections if any(made.name == parameter for made in other.training.seen_by(kept.value))]
        if not kept or any(found.name not in defaults for found in kept):
            return _OUT_OF_SIGHT
        made = [definition for found in kept for definition in _parameter(other, found.name)]
        return frozenset(fate for definition in made for fate in other.training.fates.of(definition))


def _mutable_defaults(entry: FunctionEntry) -> frozenset[str]:
    """The parameters whose default is a list, dict or set display: one object for all calls."""
    arguments = entry.node.args
    positional = [*arguments.posonlyargs, *arguments.args][-len(arguments.defaults) :] if arguments.defaults else []
    pairs = [*zip(positional, arguments.defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return frozenset(node.arg for node, default in pairs if isinstance(default, (ast.List, ast.Dict, ast.Set)))


def _parameter(flow: FunctionFlow, name: str) -> list[Definition]:
    return [made for made in flow.graph.definitions.values() if made.binding is Binding.PARAMETER and made.name == name]


def _always(flow: FunctionFlow, definition: Definition, fate: Fate) -> bool:
    """Has some use that sees this definition alone the fate? `if is_tensor(value): value = value.item()` makes it one of two."""
    uses = [use for use in flow.chains.uses.get(definition.event.at, ()) if flow.chains.reaching[use.at] == (definition,)]
    possible = (use.node for use in uses if not (isinstance(use.node, cst.Name) and excludes_tensor(flow.training, use.node)))
    return any(fate in set(flow.training.fates.of_node(node)) and not _takes_a_place(flow, node) for node in possible)


def _takes_a_place(flow: FunctionFlow, node: cst.CSTNode) -> bool:
    """Is it put under a key, where what an earlier call left under that key goes: `states[name] = state`?"""
    statement: cst.CSTNode | None = node
    while statement is not None and not isinstance(statement, cst.BaseSmallStatement):
        statement = flow.training.parents.get(statement)
    return isinstance(statement, cst.Assign) and all(isinstance(target.target, cst.Subscript) for target in statement.targets)


def _lines(node: object) -> Iterable[int]:
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None)
    return range(first, (last or first) + 1)


def _spelled(node: cst.BaseExpression) -> str:
    return node.value if isinstance(node, cst.Name) else node.attr.value if isinstance(node, cst.Attribute) else "it"
