"""Forward hooks that put what passes through a module, graph and all, into a container that nobody empties."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.emptying import is_emptied
from lintorch.flow.event import Definition, Kind, RegionKind
from lintorch.flow.fact import Fact, History, Sort
from lintorch.flow.fate import Fate
from lintorch.flow.gradients import Gradients
from lintorch.flow.hook import Registration, hook_function, is_dropped, registrations
from lintorch.flow.inference import Inference
from lintorch.flow.segment import Unmappable
from lintorch.project.module import SCRIPT, FunctionEntry
from lintorch.project.nodes import nodes_under
from lintorch.source.text import Span

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow

_REGISTERING = frozenset({"register_forward_hook", "register_forward_pre_hook"})
_INSERTING = frozenset({"append", "appendleft", "add", "extend"})


@dataclass(frozen=True)
class CollectingHook:
    """A store in a hook: where it stands, the container and value as the code spells them, what to write for a value without its graph.

    `detached` is None where the graph may be needed. `covered`: backward runs in the function that registers the hook.
    """

    place: Span
    value: Span
    container: str
    text: str
    detached: str | None
    covered: bool
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class _Hook:
    """A hook's code: the flow it can be read in, its body, its parameters (the module left off), and whether the last of them is the output."""

    flow: FunctionFlow
    body: cst.BaseExpression | None  # of a lambda
    parameters: tuple[str, ...]
    gets_output: bool

    @property
    def is_lambda(self) -> bool:
        """Is it a lambda, written where it is registered?"""
        return self.body is not None


class CollectingHooks:
    """Finds the collecting hooks that one function registers."""

    def __init__(self, flow: FunctionFlow) -> None:
        self.flow = flow

    def found(self) -> Iterator[CollectingHook]:
        """Every such store, in the order of registration."""
        for registration in registrations(self.flow, _REGISTERING):
            hook = self._hook(registration)
            if hook is not None and is_dropped(self.flow, registration.call) and self._records(registration):
                yield from self._stores(hook)

    def _records(self, registration: Registration) -> bool:
        """May a pass that the hook sees be recorded? Not where all that is run in sight is run without gradients."""
        training = self.flow.training
        on = training.gradients(registration.event.region) is Gradients.ON
        return on and (bool(training.backwards) or not _switches_off(self._scope()))

    def _scope(self) -> ast.AST:
        """Where the hooked module may be run: the class for a method, the file for its script, else the function."""
        if self.flow.entry.owner is not None:
            return self.flow.entry.owner.node
        return self.flow.module.tree if self.flow.entry.name == SCRIPT else self.flow.entry.node

    # The hook

    def _hook(self, registration: Registration) -> _Hook | None:
        written, output = registration.hook, registration.method == "register_forward_hook"
        if isinstance(written, cst.Lambda):
            return _Hook(self.flow, written.body, tuple(parameter.name.value for parameter in written.params.params)[1:], output)
        entry = hook_function(self.flow, written)
        if entry is None:
            return None
        try:
            other = self.flow.of(entry)
            names = [node.arg for node in (*entry.node.args.posonlyargs, *entry.node.args.args)]
            return _Hook(other, None, tuple(names[2 if entry.receiver else 1 :]), output)
        except Unmappable:
            return None

    def _inference(self, hook: _Hook) -> Inference:
        """Facts within the hook, where all it is given has a graph."""
        passed = {name: Fact(Sort.TENSOR, History.LIVE, (f"`{name}` is what a forward hook is given",)) for name in hook.parameters}
        around = hook.flow.training.inference.around
        if hook.is_lambda:
            return Inference(replace(around, global_name=lambda name: passed.get(name) or around.global_name(name)))
        return Inference(replace(around, parameter=lambda name: passed.get(name) or around.parameter(name)))

    # What it stores

    def _stores(self, hook: _Hook) -> Iterator[CollectingHook]:
        infer = self._inference(hook)
        for call in _calls(hook):
            if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in _INSERTING or len(call.args) != 1:
                continue
            value, container = call.args[0].value, call.func.value
            fact = infer.fact(value)
            recorded = hook.is_lambda or hook.flow.training.gradients_on(call)
            if fact.is_live and recorded and not self._is_plain(hook, value) and self._is_kept(hook, container):
                yield self._store(hook, container, value, fact)

    def _is_plain(self, hook: _Hook, value: cst.BaseExpression) -> bool:
        """Is it a bare parameter that is no tensor: the tuple of inputs, which holds data as often as activations?"""
        tuples = hook.parameters[:-1] if hook.gets_output else hook.parameters
        return isinstance(value, cst.Name) and value.value in tuples

    def _store(self, hook: _Hook, container: cst.BaseExpression, value: cst.BaseExpression, fact: Fact) -> CollectingHook:
        flow = hook.flow
        detached = flow.detached(value) if self._fates(hook, container) <= {Fate.RETURNED} else None
        covered = bool(self.flow.training.backwards)
        return CollectingHook(flow.span(value), flow.span(value), flow.short(container), flow.short(value), detached, covered, fact.evidence)

    def _is_kept(self, hook: _Hook, container: cst.BaseExpression) -> bool:
        """Does the container outlive the pass, with nothing in sight that empties it or runs backward through it?"""
        root = _root(container)
        if isinstance(root, cst.Attribute):
            owner = self.flow.entry.owner
            known = owner is not None and isinstance(root.value, cst.Name) and root.value.value == self.flow.entry.receiver
            named = root.attr.value
        else:
            known = isinstance(root, cst.Name) and (hook.is_lambda or root.value not in hook.flow.local_names) and root.value not in hook.parameters
            named = root.value if isinstance(root, cst.Name) else ""
        if not known or is_emptied(named, self._readers(root)):
            return False
        return not self._fates(hook, container) & {Fate.BACKWARD, Fate.ESCAPES}

    def _readers(self, root: cst.BaseExpression) -> Sequence[ast.AST]:
        """The code that may empty the container: its class, the file, or the function and those it returns the container to."""
        if isinstance(root, cst.Attribute) or not self._made(root):
            return (self.flow.module.tree,)
        callers = [call.caller.node if call.caller is not None else self.flow.module.tree for call in self.flow.project.callers(self.flow.entry)]
        return (self.flow.entry.node, *callers)

    def _made(self, root: cst.BaseExpression) -> tuple[Definition, ...]:
        """The definitions of a local container in the function that registers the hook."""
        name = root.value if isinstance(root, cst.Name) else None
        return tuple(definition for definition in self.flow.graph.definitions.values() if definition.name == name)

    def _fates(self, hook: _Hook, container: cst.BaseExpression) -> frozenset[Fate]:
        """What becomes of the elements, as far as the code in sight says; the container returned as a whole counts as returned."""
        root = _root(container)
        if isinstance(root, cst.Attribute):
            return self.flow.training.fates_of_attribute(root.attr.value) - {Fate.STORED}
        made = self._made(root)
        if made:
            return frozenset(fate for definition in made for fate in self._local_fates(definition))
        return self._global_fates(hook, root.value if isinstance(root, cst.Name) else "")

    def _local_fates(self, definition: Definition) -> Iterator[Fate]:
        """An element that is returned alone goes to code that is not read here; the container as a whole is only handed over."""
        for use in self.flow.chains.uses.get(definition.event.at, ()):
            whole = isinstance(self.flow.training.parents.get(use.node), cst.Return)
            for fate in self.flow.training.fates.of_node(use.node):
                yield Fate.ESCAPES if fate is Fate.RETURNED and not whole else fate

    def _global_fates(self, hook: _Hook, name: str) -> frozenset[Fate]:
        """A module-level container: what its elements become wherever the file reads it; what another function returns is out of sight."""
        entries = (*self.flow.module.functions.values(), self.flow.module.script)
        readers = [entry for entry in entries if entry is not hook.flow.entry and _mentions(entry, name)]
        return frozenset(Fate.ESCAPES if fate is Fate.RETURNED else fate for entry in readers for fate in self._fates_in(entry, name))

    def _fates_in(self, entry: FunctionEntry, name: str) -> Iterator[Fate]:
        try:
            other = self.flow.of(entry)
            reads = (event.node for event in other.graph.events if event.kind is Kind.LOAD and event.name == name)
            yield from (fate for read in reads for fate in other.training.fates.of_node(read))
        except Unmappable:
            yield Fate.ESCAPES


def _calls(hook: _Hook) -> list[cst.Call]:
    if hook.body is None:
        looped = (event for event in hook.flow.graph.events if event.kind is Kind.CALL and not event.region.within(RegionKind.COMPREHENSION))
        return [event.node for event in looped if isinstance(event.node, cst.Call)]
    pending: list[cst.CSTNode] = [hook.body]
    calls: list[cst.Call] = []
    while pending:
        node = pending.pop()
        calls += [node] if isinstance(node, cst.Call) else []
        pending.extend(node.children)
    return calls


def _root(container: cst.BaseExpression) -> cst.BaseExpression:
    while isinstance(container, cst.Subscript):
        container = container.value
    return container


def _mentions(entry: FunctionEntry, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in nodes_under(entry.node))


def _switches_off(scope: ast.AST) -> bool:
    """Does the code switch gradients off anywhere?"""
    names = (node.attr if isinstance(node, ast.Attribute) else node.id for node in nodes_under(scope) if isinstance(node, ast.Attribute | ast.Name))
    return any(name in ("no_grad", "inference_mode", "set_grad_enabled") for name in names)
