"""Callees of which the code itself says that they compute losses: backward runs on what they give, here or in another method of the class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.segment import Unmappable
from lintorch.flow.tree import dotted_name

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow


def evidence_of_loss(training: TrainingFlow, callee: cst.BaseExpression) -> str | None:
    """Why calling it gives a loss: the sentence that says where backward runs on what it gave."""
    if isinstance(callee, cst.Name):
        makers = training.seen_by(callee)
        same = (other for other in _loss_callees(training) if isinstance(other, cst.Name) and training.seen_by(other) == makers)
        found = next(same, None) if makers else None
        return _sentence(training, found) if found is not None else None
    spelled = dotted_name(callee)
    if spelled is None or spelled.count(".") != 1 or spelled.split(".")[0] != training.flow.entry.receiver:
        return None
    return next(_sentences_of_class(training, spelled), None)


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
