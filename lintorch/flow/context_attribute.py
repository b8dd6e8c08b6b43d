"""Inputs and outputs that a custom autograd function keeps as attributes of its context instead of saving them for backward."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.emptying import is_emptied
from lintorch.flow.event import Binding, Kind
from lintorch.flow.fact import Sort
from lintorch.flow.gradient_return import inputs_with_gradient
from lintorch.flow.owner import is_given_plain
from lintorch.flow.tensor_use import tensor_parameters
from lintorch.project.calls import calls_by_name
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.project.module import ClassEntry, FunctionEntry

_FUNCTIONS = frozenset({"torch.autograd.Function", "torch.autograd.function.Function", "torch.autograd.function.InplaceFunction"})


@dataclass(frozen=True, eq=False)
class ContextTensor:
    """`ctx.<attribute> = <value>` where the value is an input or an output of the function, or holds one, with the evidence.

    `value` is a name, unless the attribute itself is what the function returns.
    """

    statement: cst.Assign
    target: cst.Attribute
    value: cst.BaseExpression
    is_output: bool
    evidence: tuple[str, ...]

    @property
    def context(self) -> str:
        """The name of the context."""
        return self.target.value.value if isinstance(self.target.value, cst.Name) else "ctx"

    @property
    def name(self) -> str | None:
        """The name of the value, where it has one."""
        return self.value.value if isinstance(self.value, cst.Name) else None

    @property
    def attribute(self) -> str:
        """The attribute of the context."""
        return self.target.attr.value


class ContextAttributes:
    """What one forward (or setup_context) of a custom autograd function keeps on its context."""

    def __init__(self, flow: FunctionFlow) -> None:
        self.flow = flow

    @cached_property
    def owner(self) -> ClassEntry | None:
        """The custom autograd function this method belongs to."""
        owner = self.flow.entry.owner
        if owner is None or self.flow.entry.name not in ("forward", "setup_context"):
            return None
        return owner if _FUNCTIONS.intersection(self.flow.project.ancestry(owner).external) else None

    @cached_property
    def context(self) -> str | None:
        """The name of the context, where the method has one."""
        names = self._parameters(self.flow.entry)
        has_context = self.owner is not None and not (self.flow.entry.name == "forward" and "setup_context" in self.owner.methods)
        return names[0] if names and has_context else None

    @staticmethod
    def _parameters(entry: FunctionEntry) -> list[str]:
        return [node.arg for node in (*entry.node.args.posonlyargs, *entry.node.args.args)]

    def kept(self) -> Iterator[ContextTensor]:
        """The attributes that hold an input or an output, in the order of the file, but for those that backward empties."""
        if self.owner is None or self.context is None or not _stores(self.flow.entry.node, self.context):
            return
        for statement in self.flow.graph.placements:
            for target, value in _pairs(statement):
                if isinstance(target.value, cst.Name) and target.value.value == self.context and not self._is_emptied(target.attr.value):
                    yield from islice(self._tensors(statement, target, value), 1)

    def _tensors(self, statement: cst.CSTNode, target: cst.Attribute, value: cst.BaseExpression) -> Iterator[ContextTensor]:
        """What the attribute holds of it: one tensor, or several in a tuple."""
        assert isinstance(statement, cst.Assign)
        held = [element.value for element in value.elements] if isinstance(value, cst.Tuple | cst.List) else [value]
        for one in held:
            found = self._tensor(statement, target, one) if isinstance(one, cst.Name) else None
            if found is not None:
                yield found
        if not isinstance(value, cst.Name | cst.Tuple | cst.List):
            evidence = self._returned_attribute(target, value)
            yield from [ContextTensor(statement, target, value, True, (evidence,))] if evidence is not None else ()

    def _returned_attribute(self, target: cst.Attribute, value: cst.BaseExpression) -> str | None:
        """Evidence that the function returns what it stored: `ctx.out = x.exp()`, then `return ctx.out`."""
        if self._is_no_tensor(value) or not isinstance(value, cst.Call | cst.BinaryOperation):
            return None
        returns = (event.node for event in self.flow.graph.events if event.kind is Kind.RETURN and isinstance(event.node, cst.Return))
        found = next((node for node in returns if any(part.deep_equals(target) for part in _parts(node))), None)
        return f"`{self.flow.short(target)}` is returned on line {self.flow.line(found)}" if found is not None else None

    def _is_no_tensor(self, value: cst.BaseExpression) -> bool:
        sort = self.flow.training.inference.fact(value).sort
        return sort.is_module or sort in (Sort.NUMBER, Sort.CONTAINER)

    def _tensor(self, statement: cst.Assign, target: cst.Attribute, value: cst.Name) -> ContextTensor | None:
        output = self._output(value)
        evidence = output or self._input(value)
        return ContextTensor(statement, target, value, output is not None, (evidence,)) if evidence is not None else None

    # Outputs

    def _output(self, value: cst.Name) -> str | None:
        """Evidence that the function returns the value of the name as it stands here."""
        seen = self.flow.training.seen_by(value)
        if self.flow.entry.name == "setup_context":
            third = self._parameters(self.flow.entry)[2:3]
            return f"`{value.value}` is the output" if third == [value.value] and all(made.binding is Binding.PARAMETER for made in seen) else None
        plain = self._is_no_tensor(value)
        if not seen:
            return None
        for event in self.flow.graph.events:
            if (
                event.kind is Kind.RETURN
                and isinstance(event.node, cst.Return)
                and not (plain and isinstance(event.node.value, cst.Tuple))  # what is returned alone is a tensor
                and any(self.flow.training.seen_by(name) == seen for name in _names(event.node))
            ):
                return f"`{value.value}` is returned on line {self.flow.line(event.node)}"
        return None

    # Inputs

    def _input(self, value: cst.Name) -> str | None:
        """Evidence that the name is an input of forward, and a tensor."""
        forward = self.owner.methods.get("forward") if self.owner is not None else None
        name = self._input_name(value)
        if forward is None or name is None:
            return None
        return self._gradients(forward).get(name) or (tensor_parameters(forward).get(name) if not self._is_given_plain(forward, name) else None)

    def _is_given_plain(self, forward: FunctionEntry, name: str) -> bool:
        """Does the file itself call `apply` with a number or the like there, whatever the annotation says?"""
        place = self._parameters(forward).index(name) - (0 if self.flow.entry.name == "setup_context" else 1) if name in self._parameters(forward) else -1
        calls = [call for call in calls_by_name(self.flow.module).get("apply", ()) if call.caller is not None and self._applies(call.node.func)]
        given = [(call.node.args[place], call.caller) for call in calls if 0 <= place < len(call.node.args)]
        return any(caller is not None and is_given_plain(value, caller, self.flow.project) for value, caller in given)

    def _applies(self, called: ast.expr) -> bool:
        dotted = self.flow.module.qualify(called.value) if isinstance(called, ast.Attribute) else None
        return self.owner is not None and dotted == self.owner.dotted

    def _input_name(self, value: cst.Name) -> str | None:
        """The parameter of forward that the name holds, whatever it is called here."""
        made = self.flow.training.seen_by(value)
        if len(made) != 1:
            return None
        if self.flow.entry.name == "forward":
            return value.value if made[0].binding is Binding.PARAMETER else None
        return self._unpacked_input(value.value, made[0].statement)

    def _unpacked_input(self, name: str, statement: cst.CSTNode | None) -> str | None:
        """`x, exponent = inputs` in setup_context."""
        forward = self.owner.methods.get("forward") if self.owner is not None else None
        inputs = self._parameters(self.flow.entry)[1:2]
        target = statement.targets[0].target if isinstance(statement, cst.Assign) else None
        if forward is None or not isinstance(target, cst.Tuple) or not isinstance(statement, cst.Assign) or not isinstance(statement.value, cst.Name):
            return None
        names = [element.value.value if isinstance(element.value, cst.Name) else "" for element in target.elements]
        parameters = self._parameters(forward)
        fits = [statement.value.value] == inputs and len(names) == len(parameters)
        return parameters[names.index(name)] if fits and name in names else None

    def _gradients(self, forward: FunctionEntry) -> dict[str, str]:
        backward = self.owner.methods.get("backward") if self.owner is not None else None
        skipped = 0 if self.flow.entry.name == "setup_context" else 1
        return inputs_with_gradient(forward, backward, skipped) if backward is not None else {}

    def _is_emptied(self, attribute: str) -> bool:
        """Is the attribute bound anew, deleted or emptied by another method, such as backward?"""
        others = [entry for entry in self.owner.methods.values() if entry is not self.flow.entry] if self.owner is not None else []
        return any(is_emptied(attribute, (entry.node,)) for entry in others) or any(
            isinstance(node, ast.Attribute) and node.attr == attribute and not isinstance(node.ctx, ast.Load)
            for entry in others
            for node in nodes_under(entry.node)
        )


def _stores(function: ast.AST, context: str) -> bool:
    return any(
        isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == context
        for node in nodes_under(function)
    )


def _pairs(statement: cst.CSTNode) -> Iterator[tuple[cst.Attribute, cst.BaseExpression]]:
    """The attributes a statement stores to, with the values."""
    if not isinstance(statement, cst.Assign):
        return
    for assigned in statement.targets:
        target, value = assigned.target, statement.value
        if isinstance(target, cst.Attribute):
            yield target, value
        elif isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple) and len(target.elements) == len(value.elements):
            for left, right in zip(target.elements, value.elements, strict=True):
                if isinstance(left.value, cst.Attribute):
                    yield left.value, right.value


def _names(returned: cst.Return) -> list[cst.Name]:
    return [value for value in _parts(returned) if isinstance(value, cst.Name)]


def _parts(returned: cst.Return) -> list[cst.BaseExpression]:
    value = returned.value
    if isinstance(value, cst.Tuple):
        return [element.value for element in value.elements]
    return [value] if value is not None else []
