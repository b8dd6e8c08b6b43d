"""Which operations may make a graph, and which only carry data about: batches taken from a loader and moved to a device have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Definition
from lintorch.flow.fact import Sort
from lintorch.flow.ingredients import bound_values, ingredients
from lintorch.flow.tensor_use import is_tensor_method
from lintorch.project.module import FunctionEntry

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

# Methods of tensors and batches that give the same values elsewhere, in another type or shape.
_CARRYING = frozenset(
    {"to", "cuda", "cpu", "float", "double", "half", "long", "int", "bool", "type", "type_as", "view", "reshape", "size", "flatten", "repeat", "expand"}
    | {"unsqueeze", "squeeze", "permute", "transpose", "contiguous", "clone", "items", "values", "keys", "get", "pop", "detach", "requires_grad_", "mul", "add"}
)


class Making:
    """The makers of graphs among the expressions of one function; two values share a graph only if they share a maker."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow

    def makers(self, value: cst.BaseExpression) -> frozenset[cst.BaseExpression]:
        """The operations that may have made the graph of a value."""
        return frozenset(part for part in ingredients(value, self.training.seen_by) if self.makes(part))

    def brings(self, made: Definition) -> bool:
        """May what a definition binds have a graph that was made in this function?"""
        return any(self.makers(value) for value in bound_values(made))

    def makes(self, node: cst.BaseExpression) -> bool:
        """May the operation itself make a graph, or go on with one?"""
        if not isinstance(node, cst.Call | cst.BinaryOperation | cst.UnaryOperation):
            return False
        fact = self.training.inference.fact(node)
        if fact.is_cut or fact.sort.is_module or fact.sort in (Sort.OPTIMIZER, Sort.LOADER, Sort.NUMBER):
            return False
        return fact.is_live or fact.sort is Sort.TENSOR or (isinstance(node, cst.Call) and self._may_run_module(node))

    def _may_run_module(self, call: cst.Call) -> bool:
        """Is something unknown called with more than plain values? What other packages make is no module until something says so."""
        name = self.flow.qualify(call.func)
        method = call.func.attr.value if isinstance(call.func, cst.Attribute) else ""
        if method in _CARRYING or (name is not None and not self._is_bound_here(call.func) and not isinstance(self.flow.project.find(name), FunctionEntry)):
            return False
        return any(self.training.inference.fact(arg.value).sort is not Sort.NUMBER for arg in call.args)

    def _is_bound_here(self, callee: cst.BaseExpression) -> bool:
        """Is it a name that the module binds, such as its `model`, or a method of it?"""
        while isinstance(callee, cst.Attribute) and not is_tensor_method(callee.attr.value):
            callee = callee.value
        return isinstance(callee, cst.Name) and callee.value in self.flow.module.constants
