"""Hooks on a tensor whose closure, default argument or bound argument holds the tensor itself or one computed from it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import encloses, loop_of
from lintorch.flow.differentiable import is_differentiable_function
from lintorch.flow.event import Binding, Definition, Kind
from lintorch.flow.fact import Fact, History, Sort
from lintorch.flow.hook import Registration, hook_function, is_dropped, registrations
from lintorch.flow.inference import Inference
from lintorch.flow.ingredients import ingredients
from lintorch.flow.tensor_use import DIFFERENTIABLE_METHODS
from lintorch.project.nodes import nodes_under
from lintorch.source.text import Span

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow

_METHODS = frozenset({"register_hook"})
_MAKING = (Binding.ASSIGNED, Binding.ANNOTATED, Binding.UNPACKED, Binding.WALRUS)


@dataclass(frozen=True)
class Capture:
    """A name that a hook holds: where the closure reads it, or the default or bound argument that holds its value."""

    name: str
    reads: tuple[Span, ...]
    by_value: bool


@dataclass(frozen=True, eq=False)
class CapturingHook:
    """A registration whose hook holds `captures`; `bounded` where all turns of one loop share the closure's names.

    `detachable`: the hook could hold a detached copy instead.
    """

    call: cst.Call
    statement: cst.CSTNode
    target: str
    captures: tuple[Capture, ...]
    bounded: bool
    detachable: bool
    evidence: tuple[str, ...]


class CapturingHooks:
    """Finds the hooks of one function that keep their own tensor alive."""

    def __init__(self, flow: FunctionFlow) -> None:
        self.flow = flow

    def found(self) -> Iterator[CapturingHook]:
        """Every such registration whose handle nobody keeps, in order."""
        for registration in registrations(self.flow, _METHODS):
            target = self._computed(registration.target)
            if target is not None and is_dropped(self.flow, registration.call):
                found = self._capturing(registration, target)
                if found is not None:
                    yield found

    # The tensor

    def _computed(self, target: cst.BaseExpression) -> Definition | None:
        """The definition of the tensor that gets the hook, where an operation or a module made it: no leaf, and not another's attribute."""
        seen = self.flow.training.seen_by(target)
        if len(seen) != 1 or seen[0].binding not in _MAKING or not self.flow.training.gradients_on(target):
            return None
        statement = seen[0].statement
        value = statement.value if seen[0].binding is Binding.UNPACKED and isinstance(statement, cst.Assign) else seen[0].value
        return seen[0] if value is not None and self._is_computed(value, seen[0]) else None

    def _is_computed(self, value: cst.BaseExpression, definition: Definition) -> bool:
        if self.flow.training.upstream.definition(definition).is_live:
            return True
        return self._is_operation(value) or (isinstance(value, cst.Call) and self._is_held_callable(value.func))

    def _is_operation(self, value: cst.BaseExpression) -> bool:
        """Is it arithmetic, an operation of torch or a tensor's method? Only a tensor with gradients takes a hook, and what is computed is no leaf."""
        if isinstance(value, cst.BinaryOperation):
            return True
        if not isinstance(value, cst.Call):
            return False
        method = value.func.attr.value if isinstance(value.func, cst.Attribute) else ""
        return is_differentiable_function(self.flow.qualify(value.func) or "") or method in DIFFERENTIABLE_METHODS

    def _is_held_callable(self, callee: cst.BaseExpression) -> bool:
        """Is a value called, such as a model that was passed in, rather than a function of some module that may make a leaf?"""
        if isinstance(callee, cst.Name):
            return any(definition.binding in (Binding.PARAMETER, *_MAKING, Binding.LOOP) for definition in self.flow.training.seen_by(callee))
        return (
            isinstance(callee, cst.Attribute)
            and isinstance(callee.value, cst.Name)
            and callee.value.value == self.flow.entry.receiver
            and self._is_module(callee)
        )

    def _is_module(self, callee: cst.Attribute) -> bool:
        return self.flow.training.inference.fact(callee).sort is Sort.MODULE

    # What the hook holds

    def _capturing(self, registration: Registration, target: Definition) -> CapturingHook | None:
        infer = Inference(self.flow.training.inference.around)
        reason = f"a hook is registered on `{target.name}` on line {self.flow.line(registration.call)}"
        infer.known[target] = Fact(Sort.TENSOR, History.LIVE, (reason,))
        captures = [capture for capture in self._captures(registration.hook) if self._holds_target(capture, target, infer)]
        statement = self._statement(registration.call)
        if not captures or statement is None:
            return None
        by_value = any(capture.by_value for capture in captures)
        bounded = not by_value and loop_of(registration.event.region) is not None
        evidence = (reason, *(f"`{capture.name}` is held by the hook" for capture in captures))
        detachable = all(self._is_made_before(capture, registration) for capture in captures) and self._is_lambda_or_own(registration.hook)
        return CapturingHook(registration.call, statement, target.name, tuple(captures), bounded, detachable, evidence)

    def _captures(self, hook: cst.BaseExpression) -> list[Capture]:
        if isinstance(hook, cst.Lambda):
            return self._of_lambda(hook)
        if isinstance(hook, cst.Call) and self.flow.qualify(hook.func) == "functools.partial":
            arguments = (arg.value for arg in hook.args[1:])
            return [Capture(value.value, (self.flow.span(value),), True) for value in arguments if isinstance(value, cst.Name)]
        entry = hook_function(self.flow, hook) if isinstance(hook, cst.Name) else None
        return self._of_function(entry.node) if entry is not None and entry.qualname.startswith(f"{self.flow.entry.qualname}.") else []

    def _of_lambda(self, hook: cst.Lambda) -> list[Capture]:
        parameters = (*hook.params.posonly_params, *hook.params.params, *hook.params.kwonly_params)
        defaults = [parameter.default for parameter in parameters if isinstance(parameter.default, cst.Name)]
        own = {parameter.name.value for parameter in parameters}
        reads: dict[str, list[Span]] = {}
        for name in _free_names(hook.body, own):
            reads.setdefault(name.value, []).append(self.flow.span(name))
        by_value = [Capture(default.value, (self.flow.span(default),), True) for default in defaults]
        return [*by_value, *(Capture(name, tuple(spans), False) for name, spans in reads.items())]

    def _of_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[Capture]:
        source = self.flow.module.source
        arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        own = {argument.arg for argument in arguments} | {
            inner.id for inner in nodes_under(node) if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load)
        }
        reads: dict[str, list[Span]] = {}
        for inner in (inner for statement in node.body for inner in nodes_under(statement)):
            if isinstance(inner, ast.Name) and inner.id not in own:
                start = source.ast_offset(inner.lineno, inner.col_offset)
                reads.setdefault(inner.id, []).append(Span(start, start + len(inner.id)))
        defaults = [value for value in (*node.args.defaults, *node.args.kw_defaults) if isinstance(value, ast.Name)]
        by_value = [Capture(value.id, (_span(source.ast_offset(value.lineno, value.col_offset), value.id),), True) for value in defaults]
        return [*by_value, *(Capture(name, tuple(spans), False) for name, spans in reads.items())]

    def _holds_target(self, capture: Capture, target: Definition, infer: Inference) -> bool:
        """Is every value the name has in the function the tensor itself, or has its graph below the tensor's?"""
        made = [definition for definition in self.flow.graph.definitions.values() if definition.name == capture.name]
        deleted = any(event.kind is Kind.DELETE and event.name == capture.name for event in self.flow.graph.events)
        return bool(made) and not deleted and all(self._is_below(definition, target, infer) for definition in made)

    def _is_below(self, definition: Definition, target: Definition, infer: Inference) -> bool:
        if definition is target:
            return True
        if definition.value is None or not infer.definition(definition).is_live:
            return False
        found = (node for node in ingredients(definition.value, self.flow.training.seen_by) if isinstance(node, cst.Name))
        return any(target in self.flow.training.seen_by(node) for node in found)

    # The fix

    def _statement(self, call: cst.Call) -> cst.CSTNode | None:
        parent = self.flow.training.parents.get(call)
        return parent if isinstance(parent, cst.Expr | cst.Assign) else None

    def _is_made_before(self, capture: Capture, registration: Registration) -> bool:
        made = [definition for definition in self.flow.graph.definitions.values() if definition.name == capture.name]
        return len(made) == 1 and made[0].event.at < registration.event.at and encloses(made[0].event.region, registration.event.region)

    def _is_lambda_or_own(self, hook: cst.BaseExpression) -> bool:
        """Is the hook written for this registration alone?"""
        if not isinstance(hook, cst.Name):
            return isinstance(hook, cst.Lambda)
        mentions = (node for node in nodes_under(self.flow.entry.node) if isinstance(node, ast.Name) and node.id == hook.value)
        return sum(1 for _ in mentions) == 1


def _span(start: int, name: str) -> Span:
    return Span(start, start + len(name))


def _free_names(body: cst.CSTNode, own: set[str]) -> Iterator[cst.Name]:
    """Names read in a lambda's body that are not its own; attribute and keyword names left out."""
    pending: list[cst.CSTNode] = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, cst.Name):
            yield from (node,) if node.value not in own else ()
        elif isinstance(node, cst.Attribute | cst.Arg):
            pending.append(node.value)
        elif not isinstance(node, cst.Lambda | cst.CompFor):
            pending.extend(node.children)
