"""The functions that are registered as hooks, and what becomes of the handles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Event, Kind
from lintorch.project.module import SCRIPT, FunctionEntry
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow


@dataclass(frozen=True, eq=False)
class Registration:
    """A call that registers a hook: the event, what the hook is registered on, and the hook as it is written."""

    event: Event
    call: cst.Call
    target: cst.BaseExpression
    hook: cst.BaseExpression

    @property
    def method(self) -> str:
        """The name of the registering method."""
        return self.call.func.attr.value if isinstance(self.call.func, cst.Attribute) else ""


def registrations(flow: FunctionFlow, methods: frozenset[str]) -> Iterator[Registration]:
    """The calls of these methods in a function, in order."""
    for event in flow.graph.events:
        call = event.node
        if event.kind is Kind.CALL and isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value in methods and call.args:
            given = next((arg for arg in call.args if arg.keyword is not None and arg.keyword.value == "hook"), call.args[0])
            yield Registration(event, call, call.func.value, given.value)


def is_dropped(flow: FunctionFlow, call: cst.Call) -> bool:
    """Is the handle a call returns thrown away, so that nothing can remove the hook again?"""
    parent = flow.training.parents.get(call)
    if isinstance(parent, cst.Expr):
        return True
    if not isinstance(parent, cst.Assign) or len(parent.targets) != 1 or not isinstance(parent.targets[0].target, cst.Name):
        return False
    name = parent.targets[0].target.value
    return flow.entry.name != SCRIPT and not flow.is_read(name)


def hook_function(flow: FunctionFlow, hook: cst.BaseExpression) -> FunctionEntry | None:
    """The function behind a hook that is not a lambda: nested, of the module, a method of self, or what one of these returns."""
    if isinstance(hook, cst.Call):
        maker = hook_function(flow, hook.func)
        return _returned_function(maker) if maker is not None else None
    if isinstance(hook, cst.Name):
        return _named(flow, hook.value)
    if isinstance(hook, cst.Attribute) and isinstance(hook.value, cst.Name) and flow.entry.owner is not None and hook.value.value == flow.entry.receiver:
        return flow.project.ancestry(flow.entry.owner).method(hook.attr.value)
    return None


def _named(flow: FunctionFlow, name: str) -> FunctionEntry | None:
    nested = name if flow.entry.name == SCRIPT else f"{flow.entry.qualname}.{name}"
    found = flow.module.functions.get(nested)
    if found is None and name not in flow.local_names:
        found = flow.module.functions.get(name)
    return found


def _returned_function(maker: FunctionEntry) -> FunctionEntry | None:
    """The nested function that a function returns: `def named(name): def hook(...): ...; return hook`."""
    import ast

    names = [node.value.id for node in nodes_under(maker.node) if isinstance(node, ast.Return) and isinstance(node.value, ast.Name)]
    return maker.module.functions.get(f"{maker.qualname}.{names[0]}") if len(set(names)) == 1 else None
