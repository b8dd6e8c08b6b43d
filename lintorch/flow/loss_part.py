"""The terms of the sums that backward runs on: whoever adds a value to a loss wants its gradient, so that it has a graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import roots_of
from lintorch.flow.event import Binding, Definition
from lintorch.flow.unpacking import written_for

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

_MADE = (Binding.ASSIGNED, Binding.ANNOTATED, Binding.UNPACKED, Binding.AUGMENTED)
_SCALED = (cst.MultiplyAssign, cst.DivideAssign)


def loss_parts(training: TrainingFlow) -> dict[Definition, str]:
    """The definitions computed here that are terms of a loss, with the sentence that says so."""
    from lintorch.flow.returned_part import parts_beside

    found: dict[Definition, str] = {}
    for made, backward in training.anchored.items():
        line = training.flow.line(backward.event.node)
        found.update((part, f"`{made.name}`, which backward() on line {line} runs through, is a sum with it") for part in parts_beside(training, made))
    pending = [(term, backward.event.node) for made, backward in training.anchored.items() for term in terms_of(made)]
    for backward in training.backwards:
        call = backward.event.node
        if not backward.roots and isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute):
            pending += [(term, call) for term in terms(call.func.value)]
    while pending:
        name, call = pending.pop()
        for made in training.seen_by(name):
            if made not in found and made not in training.anchored and is_computed(made):
                found[made] = f"line {training.flow.line(name)} adds `{made.name}` to what backward() on line {training.flow.line(call)} runs through"
                pending += [(term, call) for term in (*terms_of(made), *_terms_put_into(training, made))]
    return found


def terms_of(made: Definition) -> Iterator[cst.Name]:
    """The names that a definition adds up."""
    statement = made.statement
    if isinstance(statement, cst.AugAssign) and isinstance(statement.operator, (cst.AddAssign, *_SCALED)):
        yield from terms(statement.target)
        yield from terms(statement.value) if isinstance(statement.operator, cst.AddAssign) else ()
    elif made.binding in (Binding.ASSIGNED, Binding.ANNOTATED) and made.value is not None:
        yield from terms(made.value)


def _terms_put_into(training: TrainingFlow, made: Definition) -> Iterator[cst.Name]:
    """The names appended to a list, all of which are summed where it is."""
    if isinstance(made.value, cst.List):
        yield from (name for value in training.put_into(made) for name in terms(value))


def terms(value: cst.BaseExpression) -> Iterator[cst.Name]:
    """The names added up in a value, each scaled by numbers or not."""
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Add | cst.Subtract):
        yield from terms(value.left)
        yield from terms(value.right) if isinstance(value.operator, cst.Add) else ()
    elif isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Multiply) and isinstance(value.left, cst.Attribute | cst.BaseNumber):
        yield from terms(value.right)
    elif (summed := _summed(value)) is not None:
        yield summed
    else:
        roots = [root for root in roots_of(value, known_factors=True) if isinstance(root, cst.Name)]
        yield from roots if isinstance(value, cst.Name | cst.Call | cst.UnaryOperation | cst.BinaryOperation) else ()


def _summed(value: cst.BaseExpression) -> cst.Name | None:
    """What `sum(losses)` and `sum(losses.values())` add up."""
    if not isinstance(value, cst.Call) or not isinstance(value.func, cst.Name) or value.func.value != "sum" or len(value.args) != 1:
        return None
    added = value.args[0].value
    if isinstance(added, cst.Call) and isinstance(added.func, cst.Attribute) and added.func.attr.value == "values":
        added = added.func.value
    return added if isinstance(added, cst.Name) else None


def is_computed(made: Definition) -> bool:
    """Is the value the result of a call or an operation, alone or as one of several results, or what holds such results?"""
    value = made.value if not isinstance(made.statement, cst.AugAssign) else made.statement.value
    if isinstance(made.statement, cst.AugAssign) and isinstance(made.statement.operator, _SCALED):
        return True
    if made.binding is Binding.UNPACKED and isinstance(made.statement, cst.Assign):
        value = written_for(made.statement, made.event.node) or made.statement.value
    return made.binding in _MADE and (_is_operation(value) or _holds_computed(value))


def _is_operation(value: cst.CSTNode | None) -> bool:
    return isinstance(value, cst.Call | cst.BinaryOperation | cst.UnaryOperation)


def _holds_computed(value: cst.CSTNode | None) -> bool:
    """Is it a list that is filled later, or one, or a dict, of results?"""
    if isinstance(value, cst.ListComp | cst.DictComp):
        return _is_operation(value.elt if isinstance(value, cst.ListComp) else value.value)
    return isinstance(value, cst.List | cst.Dict) and all(_is_operation(element.value) for element in value.elements)
