"""Is something that is called handed in: a parameter, or an attribute of self on which only parameters are stored? Nothing else is known of it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Binding

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow


def is_given(training: TrainingFlow, callee: cst.BaseExpression) -> bool:
    """A parameter of the function, or what a method of the class was given to store."""
    if isinstance(callee, cst.Attribute):
        return isinstance(callee.value, cst.Name) and callee.value.value == training.flow.entry.receiver and _is_stored(training, callee.attr.value)
    makers = training.seen_by(callee)
    return bool(makers) and all(maker.binding is Binding.PARAMETER for maker in makers)


def _is_stored(training: TrainingFlow, name: str) -> bool:
    owner = training.flow.entry.owner
    stores = training.flow.project.attribute_stores(owner).get(name, ()) if owner is not None else ()
    return bool(stores) and all(_is_parameter(store.value, store.method.node.args) for store in stores)


def _is_parameter(value: ast.expr | None, arguments: ast.arguments) -> bool:
    names = [node.arg for node in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return isinstance(value, ast.Name) and value.id in names
