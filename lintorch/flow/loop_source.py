"""Which iterable the name of a for loop takes its values from: `new` of `for old, new in zip(target, model.parameters())` takes them from the second."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import libcst as cst

from lintorch.flow.event import Binding, Definition
from lintorch.flow.torch_names import SAME_ITERATORS

_PAIRS = frozenset({"named_parameters", "named_buffers", "items", "named_modules"})
PARAMETER_METHODS = frozenset({"parameters", "named_parameters"})
Qualify = Callable[[cst.BaseExpression], str | None]


def source_of(definition: Definition, parents: Mapping[cst.CSTNode, cst.CSTNode], qualify: Qualify) -> cst.BaseExpression | None:
    """The iterable whose elements (or second parts of elements, for `items()` and the like) a loop binds to the name; None where that is not plain."""
    if definition.binding is not Binding.LOOP:
        return None
    node: cst.CSTNode | None = definition.event.node
    while node is not None and not isinstance(node, cst.For | cst.CompFor):
        node = parents.get(node)
    return _taken(node.target, node.iter, definition.event.node, qualify) if node is not None else None


def _taken(target: cst.CSTNode, iterable: cst.BaseExpression, name: cst.CSTNode, qualify: Qualify) -> cst.BaseExpression | None:
    callee = qualify(iterable.func) if isinstance(iterable, cst.Call) else None
    if isinstance(iterable, cst.Call) and callee in SAME_ITERATORS and iterable.args:
        return _taken(target, iterable.args[0].value, name, qualify)
    if target is name:
        return iterable
    index = _position(target, name)
    if index is None or not isinstance(iterable, cst.Call) or not isinstance(target, cst.Tuple | cst.List):
        return None
    element, arguments = target.elements[index].value, iterable.args
    if callee == "builtins.zip" and index < len(arguments) and not any(arg.star or arg.keyword for arg in arguments):
        return _taken(element, arguments[index].value, name, qualify)
    if callee == "builtins.enumerate" and index == 1 and arguments:
        return _taken(element, arguments[0].value, name, qualify)
    named = isinstance(iterable.func, cst.Attribute) and iterable.func.attr.value in _PAIRS
    return iterable if named and index == 1 and element is name else None


def _position(target: cst.CSTNode, name: cst.CSTNode) -> int | None:
    """Which element of a tuple of targets holds the name."""
    if not isinstance(target, cst.Tuple | cst.List):
        return None
    return next((index for index, element in enumerate(target.elements) if _holds(element.value, name)), None)


def _holds(target: cst.CSTNode, name: cst.CSTNode) -> bool:
    return target is name or (isinstance(target, cst.Tuple | cst.List) and any(_holds(element.value, name) for element in target.elements))


def module_of_parameters(iterable: cst.BaseExpression | None) -> cst.BaseExpression | None:
    """`model` of `model.parameters()` and `model.named_parameters()`."""
    if isinstance(iterable, cst.Call) and isinstance(iterable.func, cst.Attribute) and iterable.func.attr.value in PARAMETER_METHODS:
        return iterable.func.value
    return None
