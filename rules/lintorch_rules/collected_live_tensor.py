"""A tensor that still carries its autograd graph is put into a container that outlives the step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow, Kept


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report values collected over the turns of a loop, where nothing needs their graphs."""
    for collected in function.training.leaking_collections:
        yield rule.finding(
            function,
            function.span(collected.value),
            _message(function, collected, function.short(collected.value)),
            fix=_fix(function, collected),
            severity=_severity(collected),
            retains=Retention("graph nodes" if collected.covering else "activations", collected.fact.evidence),
            evidence=collected.fact.evidence,
        )


def _fix(function: FunctionFlow, collected: Kept) -> Fix | None:
    if function.training.evaluation.covers(collected.statement):
        return None  # under torch.no_grad(), which the evaluation needs, there is no graph to detach from
    copied = ".clone()" if collected.full_storage else ""
    return Fix("Store the value without its graph", (Replace(function.span(collected.value), function.detached(collected.value) + copied),))


def _message(function: FunctionFlow, collected: Kept, value: str) -> str:
    if collected.covering is not None:
        line = function.line(collected.covering.event.node)
        return f"`{collected.name}` keeps the graph nodes of every `{value}` (backward on line {line} freed its activations); store the detached value"
    return f"`{collected.name}` keeps every activation behind `{value}`, in each step; store the detached value"


def _severity(collected: Kept) -> Severity:
    if collected.keeper.bounded:
        return Severity.INFO
    return Severity.WARNING if collected.covering is not None else Severity.ERROR


rule = Rule("LT202", check, Scope.TRAINING, frozenset({Seed.BACKWARD, Seed.COLLECTION}))
