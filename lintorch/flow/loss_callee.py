"""Callees of which the code itself says that they compute losses: backward runs on what they give, here or in another method of the class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Binding
from lintorch.flow.parameter import gives_none, passed_by_callers
from lintorch.flow.segment import Unmappable
from lintorch.flow.tree import dotted_name

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow


def evidence_of_loss(training: TrainingFlow, call: cst.Call) -> str | None:
    """Why a call of something unknown gives a loss: the sentence that says where backward runs on what it gives, or what it compares in an evaluation."""
    callee = call.func
    if isinstance(callee, cst.Name):
        makers = training.seen_by(callee)
        same = (other for other in _loss_callees(training) if isinstance(other, cst.Name) and training.seen_by(other) == makers)
        found = next(same, None) if makers else None
        handed_in = bool(makers) and all(made.binding is Binding.PARAMETER for made in makers) and not any(_loss_callees(training))
        return _sentence(training, found) if found is not None else _comparison(training, call) if handed_in else None
    spelled = dotted_name(callee)
    if spelled is None or spelled.count(".") != 1 or spelled.split(".")[0] != training.flow.entry.receiver:
        return None
    return next(_sentences_of_class(training, spelled), None)


def _comparison(training: TrainingFlow, call: cst.Call) -> str | None:
    """A function that is handed in: in an evaluation, what else than a criterion is given the module's result and something beside it?

    Not where a caller in the file hands in a function that gives something else, or the training beside it has a loss function of its own.
    """
    name = call.func.value if isinstance(call.func, cst.Name) else ""
    if not training.evaluation.compares(call) or any(gives_none(training.flow, passed) for passed in passed_by_callers(training.flow, name)):
        return None
    return f"`{name}` compares it on line {training.flow.line(call)}"


def _sentences_of_class(training: TrainingFlow, spelled: str) -> Iterator[str]:
    """The methods of the class that run backward on the result of the same attribute."""
    owner = training.flow.entry.owner
    for method in owner.methods.values() if owner is not None else ():
        if "backward" not in method.mentions or spelled.partition(".")[2] not in method.mentions:
            continue
        try:
            other = training.flow.of(method).training
        except Unmappable:
            continue
        yield from (_sentence(other, found) for found in _loss_callees(other) if dotted_name(found) == spelled)


def _loss_callees(training: TrainingFlow) -> Iterator[cst.BaseExpression]:
    """What a function calls for the values that it runs backward on."""
    for definition in training.anchored:
        if isinstance(definition.value, cst.Call):
            yield definition.value.func
    for backward in training.backwards:
        call = backward.event.node
        if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Call):
            yield call.func.value.func


def _sentence(training: TrainingFlow, callee: cst.BaseExpression) -> str:
    return f"backward() runs on the result of `{dotted_name(callee)}` on line {training.flow.line(callee)}"
