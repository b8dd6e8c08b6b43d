"""Where gradients are wanted: calls and reads that make sense only if autograd has recorded something."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Event, Kind
from lintorch.flow.tree import dotted_name
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.project.module import FunctionEntry

_METHODS = frozenset({"backward", "manual_backward", "requires_grad_", "retain_grad", "enable_grad", "register_hook", "register_full_backward_hook"})
_ATTRIBUTES = frozenset({"grad", "requires_grad", "grad_fn"})
_FUNCTIONS = frozenset({"grad", "vjp", "jvp", "jacrev", "jacfwd", "hessian", "jacobian", "value_and_grad", "grad_and_value", "vhp", "hvp"})
_DEPTH = 3


class Wanting:
    """The places of one function where gradients are wanted, by itself or by a function of the file that it calls."""

    def __init__(self, flow: FunctionFlow) -> None:
        self.flow = flow

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The places, in order; a nested function that wants gradients counts where it is made."""
        backwards = {backward.event for backward in self.flow.training.backwards}
        return tuple(event for event in self.flow.graph.events if event in backwards or self._wants(event))

    def _wants(self, event: Event) -> bool:
        if event.kind in (Kind.GET_ATTRIBUTE, Kind.SET_ATTRIBUTE):
            return event.name in _ATTRIBUTES
        if event.kind is Kind.CAPTURE:
            return _mentions(event.node)
        return event.kind is Kind.CALL and isinstance(event.node, cst.Call) and self._call_wants(event.node)

    def _call_wants(self, call: cst.Call) -> bool:
        if any(arg.keyword is not None and arg.keyword.value == "requires_grad" for arg in call.args):
            return True
        name = last_name(call.func)
        if name in _METHODS or (name in _FUNCTIONS and (self.flow.qualify(call.func) or "").startswith("torch.")):
            return True
        return any(wants_gradients(entry, self.flow) for entry in self._run_by(call))

    def _run_by(self, call: cst.Call) -> Iterator[FunctionEntry]:
        """The functions of the project that a call runs: the function called, and the forward of a module."""
        entry, name = self.called(call), dotted_name(call.func)
        if entry is not None:
            yield entry
        if name is not None:
            yield from self.flow.training.frozen.forwards(name)

    def trains_in(self, call: cst.Call) -> bool:
        """Does a function of the project that is called put something into training mode?"""
        entry = self.called(call)
        return entry is not None and any(isinstance(node, ast.Attribute) and node.attr == "train" for node in nodes_under(entry.node))

    def called(self, call: cst.Call) -> FunctionEntry | None:
        """The function of the project that a call runs, as far as it can be told: by name, as a method of the class, or of an instance made in sight."""
        return self.named(call) or (None if self._is_of_self(call) else self.flow.training.keeping.callee(call))

    def _is_of_self(self, call: cst.Call) -> bool:
        owner, func = self.flow.entry.owner, call.func
        name = func.value if isinstance(func, cst.Attribute) else func
        return owner is not None and isinstance(name, cst.Name) and name.value == self.flow.entry.receiver

    def named(self, call: cst.Call) -> FunctionEntry | None:
        """The same as far as names tell, which asks for no facts."""
        from lintorch.project.module import FunctionEntry

        owner = self.flow.entry.owner
        func = call.func
        if owner is not None and isinstance(func, cst.Name) and func.value == self.flow.entry.receiver:
            return self.flow.project.ancestry(owner).method("__call__")
        if owner is not None and isinstance(func, cst.Attribute) and isinstance(func.value, cst.Name) and func.value.value == self.flow.entry.receiver:
            return self.flow.project.ancestry(owner).method(func.attr.value)
        name = self.flow.qualify(func)
        found = self.flow.project.find(name) if name is not None else None
        return found if isinstance(found, FunctionEntry) else None


def wants_gradients(entry: FunctionEntry, asking: FunctionFlow, depth: int = _DEPTH) -> bool:
    """Does a function, or one it calls in its own file, ask for gradients?"""
    if "wants gradients" not in entry.memo:
        entry.memo["wants gradients"] = False  # within a recursion
        entry.memo["wants gradients"] = asks(entry.node) or (
            depth > 0 and any(wants_gradients(called, asking, depth - 1) for called in _called_by(entry, asking))
        )
    answer: bool = entry.memo["wants gradients"]
    return answer


def mentions_gradients(entry: FunctionEntry) -> bool:
    """Does the function itself mention anything that asks for gradients?"""
    return not (_METHODS | _ATTRIBUTES).isdisjoint(entry.mentions)


def asks(node: ast.AST) -> bool:
    """Does code mention anything that asks for gradients?"""
    return any(_asks_here(inner) for inner in nodes_under(node))


def _asks_here(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _ATTRIBUTES or node.attr in _METHODS
    if isinstance(node, ast.keyword):
        return node.arg == "requires_grad"
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS


def _called_by(entry: FunctionEntry, asking: FunctionFlow) -> Iterator[FunctionEntry]:
    for node in nodes_under(entry.node):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in entry.module.functions:
            yield entry.module.functions[node.func.id]
        elif (
            isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and entry.owner is not None and node.func.value.id == entry.receiver
        ):
            method = asking.project.ancestry(entry.owner).method(node.func.attr)
            if method is not None:
                yield method


def _mentions(node: cst.CSTNode) -> bool:
    """Does a nested scope ask for gradients?"""
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, cst.Attribute) and (current.attr.value in _ATTRIBUTES or current.attr.value in _METHODS):
            return True
        pending.extend(current.children)
    return False


def last_name(func: cst.BaseExpression) -> str:
    """`grad` of `torch.autograd.grad`."""
    if isinstance(func, cst.Attribute):
        return func.attr.value
    return func.value if isinstance(func, cst.Name) else ""
