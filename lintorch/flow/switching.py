"""Which modules are certainly in evaluation mode at a call: `model.eval()` or `model.train(False)` on every way there, and no `train()` since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Binding, Definition, Event, Kind
from lintorch.flow.torch_names import MODULE_WRAPPERS, SAME_MODULE_METHODS

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow


class Switching:
    """The evaluation mode of the modules of one function; a module goes by the name or attribute chain it is called by."""

    def __init__(self, flow: FunctionFlow) -> None:
        self.flow = flow

    @cached_property
    def modules(self) -> frozenset[str]:
        """The modules that are put into evaluation mode somewhere in the function."""
        calls = (self._switched(event) for event in self.flow.graph.events if event.kind is Kind.CALL)
        bound = (definition.name for definition in self.flow.graph.definitions.values() if _is_evaluated(definition.value))
        taken = (definition.name for definition in self.flow.graph.definitions.values() if self._is_of_ensemble(definition))
        return frozenset((*(name for name, evaluates in calls if name and evaluates), *bound, *taken))

    @cached_property
    def training(self) -> frozenset[str]:
        """The modules that are put into training mode, and never into evaluation mode, in the function."""
        calls = [self._switched(event) for event in self.flow.graph.events if event.kind is Kind.CALL and not getattr(event.node, "args", ())]
        return frozenset(name for name, evaluates in calls if name is not None and not evaluates) - self.modules

    @cached_property
    def _ensembles(self) -> Mapping[str, int]:
        """The lists whose every module a loop puts into evaluation mode, and no other into training mode, and where that happens."""
        calls = [(event, *self._switched(event)) for event in self.flow.graph.events if event.kind is Kind.CALL]
        found: dict[str, int] = {}
        for event, name, evaluates in calls:
            source = self._list_of(event, name) if name is not None else None
            if source is not None:
                found[source] = min(found.get(source, event.at), event.at) if evaluates else -1
        return {name: at for name, at in found.items() if at >= 0}

    def _list_of(self, event: Event, name: str) -> str | None:
        """`models` of `for model in models: model.eval()`."""
        assert isinstance(event.node, cst.Call) and isinstance(event.node.func, cst.Attribute)
        makers = self.flow.training.seen_by(event.node.func.value)
        alone = len(makers) == 1 and makers[0].name == name and event.region is makers[0].event.region
        return self._source_of(makers[0]) if alone else None

    def _source_of(self, definition: Definition) -> str | None:
        """The list of that name that a loop takes its values from, where that list is not made anew."""
        if definition.binding is not Binding.LOOP:
            return None
        source = self.flow.training.inference.around.taken_from(definition)
        makers = self.flow.training.seen_by(source) if isinstance(source, cst.Name) else ()
        return source.value if isinstance(source, cst.Name) and len(makers) == 1 else None

    def _is_of_ensemble(self, definition: Definition) -> bool:
        """Does a loop take the name's values from such a list, after they were put into evaluation mode?"""
        if definition.binding is not Binding.LOOP or not self._ensembles:
            return False
        at = self._ensembles.get(self._source_of(definition) or "")
        return at is not None and definition.event.at > at

    def evaluating(self, event: Event) -> frozenset[str]:
        """The modules in evaluation mode where an event happens."""
        state = self._entries.get(event.block, frozenset())
        for earlier in self.flow.graph.blocks[event.block].events:
            if earlier.at >= event.at:
                break
            state = self._after(earlier, state)
        return state

    def line(self, module: str, event: Event) -> int:
        """The line of the last switch of the module before the event."""
        before = [other for other in self.flow.graph.events[: event.at] if self._puts_to_evaluation(other, module)]
        return self.flow.line((before or [event])[-1].node)

    def _puts_to_evaluation(self, event: Event, module: str) -> bool:
        definition = self.flow.graph.definitions.get(event.at)
        if definition is not None:
            return definition.name == module and (_is_evaluated(definition.value) or self._is_of_ensemble(definition))
        return event.kind is Kind.CALL and self._switched(event) == (module, True)

    # Data flow

    @cached_property
    def _entries(self) -> Mapping[int, frozenset[str]]:
        """The modules in evaluation mode at the beginning of each block that can be reached."""
        blocks = self.flow.graph.blocks
        first = blocks[1].number
        known: dict[int, frozenset[str]] = {first: frozenset()}
        pending = [first]
        while pending and self.modules:
            number = pending.pop()
            state = known[number]
            for event in blocks[number].events:
                state = self._after(event, state)
            for successor in blocks[number].successors:
                merged = known[successor] & state if successor in known else state
                if known.get(successor) != merged:
                    known[successor] = merged
                    pending.append(successor)
        return known

    def _after(self, event: Event, state: frozenset[str]) -> frozenset[str]:
        if event.kind is Kind.STORE:
            return self._after_binding(self.flow.graph.definitions[event.at], state)
        if event.kind is Kind.CALL:
            return self._after_call(event, state)
        if event.kind is Kind.SET_ATTRIBUTE:
            return _without(state, dotted(event.node) or _root(event.node))
        return state

    def _after_call(self, event: Event, state: frozenset[str]) -> frozenset[str]:
        name, evaluates = self._switched(event)
        if name is not None:
            return state | {name} if evaluates else _without(state, name)
        assert isinstance(event.node, cst.Call)
        for module in state & {dotted(arg.value) for arg in event.node.args}:
            if module is not None and self.flow.training.wanting.trains_in(event.node):
                state = _without(state, module)
        return state

    def _after_binding(self, definition: Definition, state: frozenset[str]) -> frozenset[str]:
        if definition.binding is Binding.IMPORT:
            return state
        kept = definition.name in state and self._same_module(definition.value) == definition.name
        state = _without(state, definition.name)
        return state | {definition.name} if kept or _is_evaluated(definition.value) or self._is_of_ensemble(definition) else state

    def _same_module(self, value: cst.BaseExpression | None) -> str | None:
        """The module that `model.to(device)` or `nn.DataParallel(model)` still is."""
        while isinstance(value, cst.Call):
            if isinstance(value.func, cst.Attribute) and value.func.attr.value in SAME_MODULE_METHODS:
                value = value.func.value
            elif self.flow.qualify(value.func) in MODULE_WRAPPERS and value.args:
                value = value.args[0].value
            else:
                return None
        return dotted(value)

    def _switched(self, event: Event) -> tuple[str | None, bool]:
        """The module that a call switches, and whether to evaluation."""
        call = event.node
        if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
            return None, False
        method = call.func.attr.value
        if method == "eval" and not call.args:
            return self._same_module(call.func.value), True
        if method == "train":
            return self._same_module(call.func.value), len(call.args) == 1 and isinstance(call.args[0].value, cst.Name) and call.args[0].value.value == "False"
        return None, False


def dotted(node: cst.CSTNode | None) -> str | None:
    """`a.b.c` of a chain of names and attributes."""
    from lintorch.flow.tree import dotted_name

    return dotted_name(node) if node is not None else None


def _root(node: cst.CSTNode) -> str | None:
    """`batch` of `batch["paper"].x`."""
    while isinstance(node, cst.Attribute | cst.Subscript):
        node = node.value
    return node.value if isinstance(node, cst.Name) else None


def _without(state: frozenset[str], name: str | None) -> frozenset[str]:
    """The state when the mode of a module, of what it is part of and of its own parts is not known any more."""
    return frozenset(module for module in state if not (name is None or _is_part(module, name) or _is_part(name, module))) if state else state


def _is_part(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}.")


def _is_evaluated(value: cst.BaseExpression | None) -> bool:
    """Is it `Net(...).eval()`, or the like with `.to(device)` behind?"""
    return any(method == "eval" for method in _chain(value))


def _chain(value: cst.BaseExpression | None) -> Iterator[str]:
    while isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and value.func.attr.value in SAME_MODULE_METHODS:
        yield value.func.attr.value
        if value.func.attr.value == "train":
            return
        value = value.func.value
