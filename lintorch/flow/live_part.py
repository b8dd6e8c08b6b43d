"""The innermost part of an expression that brings a graph into it: what a `.detach()` belongs to."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from lintorch.flow.differentiable import is_differentiable_function
from lintorch.flow.fact import Fact
from lintorch.flow.torch_names import SAME_ATTRIBUTES

Infer = Callable[[cst.CSTNode | None], Fact]
Qualify = Callable[[cst.BaseExpression], str | None]


def live_parts(value: cst.BaseExpression, state: cst.BaseExpression, infer: Infer, qualify: Qualify) -> tuple[cst.BaseExpression, ...]:
    """The parts of a live expression to detach so that it has no graph of its own; more than one only where they stand on both sides of `state`."""
    operands = [part for part in _operands(value, infer, qualify) if infer(part).is_live]
    if len(operands) == 1:
        return live_parts(operands[0], state, infer, qualify)
    if operands and _holds(value, state):
        return tuple(part for operand in operands for part in live_parts(operand, state, infer, qualify))
    return (value,)


def _operands(value: cst.BaseExpression, infer: Infer, qualify: Qualify) -> list[cst.BaseExpression]:
    if isinstance(value, cst.BinaryOperation):
        return [value.left, value.right]
    if isinstance(value, cst.UnaryOperation):
        return [value.expression]
    if isinstance(value, cst.Subscript) or (isinstance(value, cst.Attribute) and value.attr.value in SAME_ATTRIBUTES):
        return [value.value]
    return _of_call(value, infer, qualify) if isinstance(value, cst.Call) else []


def _of_call(call: cst.Call, infer: Infer, qualify: Qualify) -> list[cst.BaseExpression]:
    """The operands of a tensor's method or a torch function; the result of any other call is one part."""
    arguments = [arg.value for arg in call.args]
    name = qualify(call.func)
    if name is not None:
        return arguments if is_differentiable_function(name) else []
    tensor = isinstance(call.func, cst.Attribute) and infer(call.func.value).is_live
    return [call.func.value, *arguments] if tensor and isinstance(call.func, cst.Attribute) else []


def _holds(value: cst.CSTNode, state: cst.BaseExpression) -> bool:
    return value.deep_equals(state) or any(_holds(child, state) for child in value.children)
