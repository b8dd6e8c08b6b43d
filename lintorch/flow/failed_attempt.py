"""Failed attempts whose frames are still held: by the exception that is being handled while work is repeated, or by exceptions that are kept."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import loop_of
from lintorch.flow.event import Binding, Region
from lintorch.flow.fact import Sort
from lintorch.flow.handing import parameters_of
from lintorch.flow.leaving_handler import leave_handler
from lintorch.flow.owner import OwnerFacts
from lintorch.flow.tree import children, dotted_name
from lintorch.flow.wanting import wants_gradients
from lintorch.flow.without_gradients import Insertion, is_test
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import FunctionEntry, Module

# What a computation that ran out of memory, or into a fault of the device, is caught as.
_CAUGHT = frozenset({"RuntimeError", "Exception", "BaseException", "OutOfMemoryError", "AcceleratorError"})
_STORING = frozenset({"append", "appendleft", "add", "put"})
_SCOPES = (cst.FunctionDef, cst.ClassDef, cst.Lambda)


@dataclass(frozen=True, eq=False)
class Retry:
    """The first call in an except block that repeats work. `insertions` let it run behind the block; empty where that is not plain."""

    call: cst.Call
    attempt: int  # line of the try statement
    insertions: tuple[Insertion, ...]


@dataclass(frozen=True, eq=False)
class KeptException:
    """A statement that keeps the exception itself: the name where it stands, what keeps it, and whether they add up."""

    statement: cst.CSTNode
    exception: cst.Name
    keeper: str
    adds_up: bool


def may_hold_attempts(entry: FunctionEntry) -> bool:
    """By syntax: does a handler of such an exception call something of the function's own, or use the exception's name as a value?"""
    handlers = (node for node in nodes_under(entry.node) if isinstance(node, ast.ExceptHandler) and _catches(node.type))
    return any(_is_own_call(node, entry) or _keeps(node, handler.name) for handler in handlers for node in nodes_under(handler))


def _catches(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(map(_catches, caught.elts))
    return caught is None or (caught.attr if isinstance(caught, ast.Attribute) else getattr(caught, "id", "")) in _CAUGHT


def _is_own_call(node: ast.AST, entry: FunctionEntry) -> bool:
    func = node.func if isinstance(node, ast.Call) else None
    if isinstance(func, ast.Attribute):
        return func.attr in ("backward", "forward") or (isinstance(func.value, ast.Name) and func.value.id == entry.receiver)
    return isinstance(func, ast.Name) and not (entry.module.qualify(func) or "").startswith("builtins.")


def _keeps(node: ast.AST, name: str | None) -> bool:
    if name is None or not isinstance(node, ast.Assign | ast.Call):
        return False
    stores = isinstance(node.targets[0], ast.Attribute | ast.Subscript) if isinstance(node, ast.Assign) else getattr(node.func, "attr", "") in _STORING
    values = [node.value] if isinstance(node, ast.Assign) else node.args
    return stores and any(isinstance(part, ast.Name) and part.id == name for value in values for part in nodes_under(value))


class FailedAttempts:
    """Answers for one function."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow

    @cached_property
    def _handled(self) -> tuple[tuple[cst.Try, cst.ExceptHandler], ...]:
        """Handlers of such exceptions behind attempts."""
        if is_test(self.flow.entry, self.flow.project.root) or not may_hold_attempts(self.flow.entry):
            return ()
        attempts = [node for node in self.flow.graph.placements if isinstance(node, cst.Try)]
        return tuple((node, handler) for node in attempts for handler in node.handlers if _is_caught(handler.type))

    def retries(self) -> Iterator[Retry]:
        """The first call of each handler that repeats the attempt or computes in its place."""
        for attempt, handler in self._handled:
            tried = list(_calls(attempt.body))
            repeated = {name for call in tried if self._is_unknown(call) and (name := dotted_name(call.func)) is not None}
            memory = _is_about_memory(handler)
            # What is caught whatever it is, such as a wrong way to call, may have failed before anything was computed.
            certain = (memory or not _is_anything(handler.type)) and any(map(self._computes, tried))
            for call in _calls(handler.body):
                again = memory and dotted_name(call.func) in repeated and self._is_unknown(call)
                if again or (certain and self._computes(call)):
                    yield Retry(call, self.flow.line(attempt), leave_handler(self.flow, attempt, handler))
                    break

    def kept_exceptions(self) -> Iterator[KeptException]:
        """Exceptions that a handler stores as they are, with all their frames."""
        for attempt, handler in self._handled:
            name = handler.name.name if handler.name is not None else None
            if isinstance(name, cst.Name) and any(map(self._computes, _calls(attempt.body))):
                for statement, target, value, adds_up in _stores(handler.body):
                    kept = next((part for part in self.training.keeping.parts(value) if isinstance(part, cst.Name) and part.value == name.value), None)
                    keeper = dotted_name(target)
                    if kept is not None and keeper is not None and self._outlives(target, handler) and not self._is_raised(keeper):
                        yield KeptException(statement, kept, keeper, adds_up)

    # What computes

    def _computes(self, call: cst.Call) -> bool:
        """Does the call certainly run a module, or backward?"""
        if any(backward.event.node is call for backward in self.training.backwards):
            return True
        if self.training.inference.fact(call.func).sort is Sort.MODULE:
            return True
        entry = self.training.wanting.called(call)
        return entry is not None and (wants_gradients(entry, self.flow) or self._runs_module(call, entry))

    def _runs_module(self, call: cst.Call, entry: FunctionEntry) -> bool:
        if entry.owner is not None and any(self._is_module_of(entry, node) for node in nodes_under(entry.node)):
            return True
        called = {node.func.id for node in nodes_under(entry.node) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        return any(name in called and self.training.inference.fact(value).sort is Sort.MODULE for value, name in parameters_of(call, entry))

    def _is_module_of(self, entry: FunctionEntry, node: ast.AST) -> bool:
        """Does a method of the class call a module that self holds?"""
        func = node.func if isinstance(node, ast.Call) else None
        if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name) or func.value.id != entry.receiver:
            return False
        return OwnerFacts.of(entry, self.flow.project).attribute(func.attr).sort is Sort.MODULE

    def _is_unknown(self, call: cst.Call) -> bool:
        """Is a parameter or a method of self called for its result?"""
        if not call.args or isinstance(self.training.parents.get(call), cst.Expr):
            return False
        if isinstance(call.func, cst.Attribute):
            return isinstance(call.func.value, cst.Name) and call.func.value.value == self.flow.entry.receiver
        makers = self.training.seen_by(call.func)
        return bool(makers) and all(maker.binding is Binding.PARAMETER for maker in makers)

    # What keeps

    def _outlives(self, target: cst.BaseExpression, handler: cst.ExceptHandler) -> bool:
        """Is it an attribute, or bound outside the turn of the loop that the handler stands in?"""
        if isinstance(target, cst.Attribute):
            return True
        loop = loop_of(self._region(handler))
        makers = self.training.seen_by(target)
        return bool(makers) and loop is not None and all(loop is not loop_of(maker.event.region) for maker in makers)

    def _region(self, handler: cst.ExceptHandler) -> Region:
        return next(event.region for event in self.flow.graph.events if event.region.node is handler)

    def _is_raised(self, keeper: str) -> bool:
        """Is something of that name raised again in the file, or its traceback read?"""
        return keeper.rpartition(".")[2] in _raised_names(self.flow.module)


def _raised_names(module: Module) -> frozenset[str]:
    if "raised names" not in module.memo:
        raised = [node for node in nodes_under(module.tree) if isinstance(node, ast.Raise) or _reads_traceback(node)]
        parts = [part for node in raised for part in nodes_under(node)]
        module.memo["raised names"] = frozenset(getattr(part, "attr", getattr(part, "id", "")) for part in parts if isinstance(part, ast.Attribute | ast.Name))
    names: frozenset[str] = module.memo["raised names"]
    return names


def _reads_traceback(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "__traceback__"
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("print_exception", "format_exception", "format_tb")


def _is_caught(caught: cst.BaseExpression | None) -> bool:
    if isinstance(caught, cst.Tuple):
        return any(_is_caught(element.value) for element in caught.elements)
    return caught is None or (dotted_name(caught) or "").rpartition(".")[2] in _CAUGHT


def _is_anything(caught: cst.BaseExpression | None) -> bool:
    """Is nothing said of what may have failed?"""
    return caught is None or (dotted_name(caught) or "").rpartition(".")[2] in ("Exception", "BaseException")


def _is_about_memory(handler: cst.ExceptHandler) -> bool:
    """Is it memory that ran out, by the type, by the message asked for, or by the cache emptied?"""
    return any(
        (isinstance(node, cst.Name) and node.value in ("OutOfMemoryError", "empty_cache"))
        or (isinstance(node, cst.SimpleString) and "out of memory" in node.value.lower())
        for node in _within(handler)
    )


def _within(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes under a node in the order of the text, but for those of nested scopes; without recursion, since texts may be deep."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(child for child in reversed([*children(current)]) if not isinstance(child, _SCOPES))


def _calls(node: cst.CSTNode) -> Iterator[cst.Call]:
    return (inner for inner in _within(node) if isinstance(inner, cst.Call))


def _stores(body: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, cst.BaseExpression, cst.BaseExpression, bool]]:
    """Statements that store a value: what they store it in, the value, and whether values add up there."""
    for node in _within(body):
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _STORING and len(node.args) == 1:
            yield node, node.func.value, node.args[0].value, True
        target = node.targets[0].target if isinstance(node, cst.Assign) else None
        if isinstance(node, cst.Assign) and isinstance(target, cst.Attribute):
            yield node, target, node.value, False
        elif isinstance(node, cst.Assign) and isinstance(target, cst.Subscript):
            yield node, target.value, node.value, True
