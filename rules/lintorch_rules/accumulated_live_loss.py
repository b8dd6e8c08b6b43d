"""A running total is fed with a loss that still carries its autograd graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow, Kept


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report totals that outlive the loop which feeds them, where nothing needs the graph of the sum."""
    for total in function.training.leaking_totals:
        yield rule.finding(
            function,
            function.span(total.statement),
            _message(function, total),
            fix=_fix(function, total),
            severity=_severity(total),
            retains=Retention("graph nodes" if total.covering else "activations", total.fact.evidence),
            evidence=total.fact.evidence,
        )


def _fix(function: FunctionFlow, total: Kept) -> Fix | None:
    if function.training.evaluation.covers(total.statement):
        return None  # under torch.no_grad(), which the evaluation needs, there is no graph to detach from
    return Fix("Add the value without its graph", (Replace(function.span(total.value), function.detached(total.value)),))


def _message(function: FunctionFlow, total: Kept) -> str:
    added, until = function.short(total.value), " of a limited number of steps" if total.keeper.bounded else ""
    if total.covering is not None:
        line = function.line(total.covering.event.node)
        return f"`{total.name}` keeps the graph nodes of every `{added}`{until} (backward on line {line} freed its activations); add the detached value"
    return f"`{total.name}` keeps the activations of every step{until}, no backward frees them; add the detached value"


def _severity(total: Kept) -> Severity:
    if total.keeper.bounded:
        return Severity.INFO
    return Severity.WARNING if total.covering is not None else Severity.ERROR


rule = Rule("LT201", check, Scope.TRAINING, frozenset({Seed.ACCUMULATION, Seed.BACKWARD, Seed.COLLECTION, Seed.IN_PLACE}))
