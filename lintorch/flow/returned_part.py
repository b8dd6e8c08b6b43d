"""Results of one call of which one is a sum of the others: of `loss, bce, kld = elbo(...)`, where elbo returns `bce + kld, bce, kld`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Binding, Definition, Kind
from lintorch.flow.loss_part import is_computed, terms, terms_of
from lintorch.flow.segment import Unmappable
from lintorch.flow.unpacking import place_of

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import FunctionEntry


def parts_beside(training: TrainingFlow, whole: Definition) -> Iterator[Definition]:
    """The definitions unpacked beside one that are terms of the sum which that one is."""
    statement = whole.statement
    if whole.binding is not Binding.UNPACKED or not isinstance(statement, cst.Assign) or not isinstance(statement.value, cst.Call):
        return
    entry, place = training.wanting.named(statement.value), place_of(statement, whole.event.node)
    parts = _parts(training, entry).get(place, frozenset()) if entry is not None and place is not None else frozenset()
    for made in training.made_by_statement(statement) if parts else ():
        if place_of(statement, made.event.node) in parts:
            yield made


def _parts(training: TrainingFlow, entry: FunctionEntry) -> dict[int, frozenset[int]]:
    """For each place of the tuple that a function returns the places of its terms."""
    if "parts returned" not in entry.memo:
        entry.memo["parts returned"] = {}
        with suppress(Unmappable):
            entry.memo["parts returned"] = _found(training.flow.of(entry).training)
    found: dict[int, frozenset[int]] = entry.memo["parts returned"]
    return found


def _found(training: TrainingFlow) -> dict[int, frozenset[int]]:
    returned = [event.node.value for event in training.flow.graph.events if event.kind is Kind.RETURN and isinstance(event.node, cst.Return)]
    only = returned[0] if len(returned) == 1 else None
    values = [element.value for element in only.elements] if isinstance(only, cst.Tuple) else []
    summed = [_summed(training, value) for value in values]
    seen = [frozenset(training.seen_by(value)) if isinstance(value, cst.Name) else frozenset() for value in values]
    makers = [made if all(map(is_computed, made)) else frozenset() for made in seen]
    return {place: frozenset(other for other, made in enumerate(makers) if other != place and made and made <= whole) for place, whole in enumerate(summed)}


def _summed(training: TrainingFlow, value: cst.BaseExpression) -> frozenset[Definition]:
    """The definitions that a value is a sum of."""
    found: set[Definition] = set()
    pending = [made for name in terms(value) for made in training.seen_by(name)]
    while pending:
        made = pending.pop()
        if made not in found:
            found.add(made)
            pending += [other for name in terms_of(made) for other in training.seen_by(name)]
    return frozenset(found)
