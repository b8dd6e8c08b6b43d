"""A running statistic or an average of weights is updated with a term that carries its graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow, LiveStatistic


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report updates of what outlives the step, from itself and a term with a graph."""
    for statistic in function.training.live_statistics:
        yield rule.finding(
            function,
            function.span(statistic.statement),
            _message(function, statistic),
            fix=None if statistic.read_later else Fix("Detach the new term", tuple(_detach(function, statistic))),
            severity=Severity.ERROR if statistic.saves else Severity.WARNING,
            retains=Retention("activations" if statistic.saves else "graph nodes", statistic.fact.evidence),
            evidence=statistic.fact.evidence,
        )


def _detach(function: FunctionFlow, statistic: LiveStatistic) -> Iterator[Replace]:
    for term in statistic.terms:
        yield Replace(function.span(term), function.detached(term))


def _message(function: FunctionFlow, statistic: LiveStatistic) -> str:
    name, term = statistic.name, statistic.terms[0]
    if statistic.of_weights:
        return f"`{name}` collects a graph of every update of it; update it under torch.no_grad()"
    start = "is set to" if statistic.first else "is updated from itself and"
    kept = "and what its operations saved stay" if statistic.saves else "stay"
    detached = f"use `{function.detached(term)}`" if len(function.text(term)) <= 40 else "detach it"
    return f"`{name}` {start} `{function.short(term)}`, which carries a graph: every step's graph nodes {kept} alive; {detached}"


rule = Rule("LT205", check, Scope.EVERYWHERE, frozenset({Seed.SELF_STORE, Seed.ACCUMULATION, Seed.COLLECTION, Seed.IN_PLACE}))
