"""Where the graph of a loss comes from: backward runs on it, so that the one computed value among what it is made of has a graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.differentiable import is_differentiable_function
from lintorch.flow.event import Binding, Definition
from lintorch.flow.given import is_given
from lintorch.flow.tensor_use import is_tensor_method
from lintorch.flow.torch_names import CUTTING_ATTRIBUTES, CUTTING_FUNCTIONS, CUTTING_METHODS, SAME_ATTRIBUTES, is_loss_class
from lintorch.flow.unpacking import written_for

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

_GIVEN = (Binding.LOOP, Binding.PARAMETER)
_DEPTH = 6


class _OutOfSight(Exception):
    """Something of which nothing is known may have brought the graph."""


def loss_sources(training: TrainingFlow) -> dict[Definition, str]:
    """The definitions that alone can have given losses their graphs, with the sentence that says so."""
    found: dict[Definition, str] = {}
    for made, backward in training.anchored.items():
        value = made.value if made.binding in (Binding.ASSIGNED, Binding.ANNOTATED) else None
        sources = _sources(training, value) if value is not None else []
        if len(sources) == 1:
            line = training.flow.line(backward.event.node)
            found.update((source, f"backward() on line {line} runs through `{source.name}`") for source in sources[0])
    return found


def _sources(training: TrainingFlow, value: cst.BaseExpression) -> list[tuple[Definition, ...]]:
    """The names in an expression that hold what other code computed, each with its definitions; empty where the graph may come from elsewhere."""
    try:
        return list(dict.fromkeys(_walk(training, value, _DEPTH)))
    except _OutOfSight:
        return []


def _walk(training: TrainingFlow, node: cst.BaseExpression, depth: int) -> Iterator[tuple[Definition, ...]]:
    if depth == 0:
        raise _OutOfSight
    if isinstance(node, cst.Name):
        yield from _of_name(training, node, depth - 1)
    elif isinstance(node, cst.Attribute):
        if node.attr.value in CUTTING_ATTRIBUTES:
            return
        if node.attr.value not in SAME_ATTRIBUTES:
            raise _OutOfSight  # the graph of `output.loss` says nothing of what else the output holds
        yield from _walk(training, node.value, depth)
    elif isinstance(node, cst.Subscript):
        yield from _walk(training, node.value, depth)
    elif isinstance(node, cst.Call):
        for part in _parts(training, node):
            yield from _walk(training, part, depth)
    elif isinstance(node, cst.BinaryOperation | cst.UnaryOperation):
        for side in (node.left, node.right) if isinstance(node, cst.BinaryOperation) else (node.expression,):
            yield from _walk(training, side, depth)
    elif not isinstance(node, cst.BaseNumber | cst.Comparison | cst.BaseString):
        raise _OutOfSight


def _of_name(training: TrainingFlow, name: cst.Name, depth: int) -> Iterator[tuple[Definition, ...]]:
    makers = training.seen_by(name)
    if not makers and name.value not in ("None", "True", "False"):
        raise _OutOfSight
    values = [_written(made) for made in makers if made.binding not in _GIVEN]
    if values and len(values) == len(makers) and all(isinstance(value, cst.Call) and _is_computed(training, value) for value in values):
        yield makers
    else:
        for value in values:
            if value is None or (isinstance(value, cst.Call) and _is_computed(training, value)):
                raise _OutOfSight
            yield from _walk(training, value, depth)


def _written(made: Definition) -> cst.BaseExpression | None:
    if made.binding is Binding.UNPACKED and isinstance(made.statement, cst.Assign):
        return written_for(made.statement, made.event.node) or made.statement.value
    return made.value if made.binding in (Binding.ASSIGNED, Binding.ANNOTATED) else None


def _is_computed(training: TrainingFlow, call: cst.Call) -> bool:
    """Is something called whose result may have a graph of its own: no operation on what stands in sight?"""
    if isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Call | cst.BinaryOperation):
        return False
    name = training.flow.qualify(call.func)
    return is_given(training, call.func) if name is None else not name.startswith(("torch.", "builtins.", "numpy."))


def _parts(training: TrainingFlow, call: cst.Call) -> list[cst.BaseExpression]:
    """What an operation, a loss function, or a criterion computes its result from."""
    arguments = [arg.value for arg in call.args]
    name = training.flow.qualify(call.func)
    if name is not None and name.startswith("torch."):
        return [] if name.rpartition(".")[2] in CUTTING_FUNCTIONS else arguments if is_differentiable_function(name) else _unknown()
    if _is_criterion(training, call):
        return arguments
    if isinstance(call.func, cst.Attribute) and is_tensor_method(call.func.attr.value) and not isinstance(call.func.value, cst.Attribute):
        return [] if call.func.attr.value in CUTTING_METHODS else [call.func.value, *arguments]
    return _unknown()  # `model.loss(x)`, `self.net(x)`: parameters of the receiver may bring the graph


def _unknown() -> list[cst.BaseExpression]:
    raise _OutOfSight


def _is_criterion(training: TrainingFlow, call: cst.Call) -> bool:
    """Something handed in that is given what was computed and something beside it, or a loss of torch made here."""
    if is_given(training, call.func):
        return len(call.args) > 1
    makers = training.seen_by(call.func)
    made = [maker.value for maker in makers]
    return bool(made) and all(isinstance(value, cst.Call) and is_loss_class(training.flow.qualify(value.func) or "") for value in made)
