"""Transitions go into a replay buffer, or log probabilities into an episode list that is never emptied, with the graphs they were computed by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow, Replayed


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report live values that are stored where later steps draw them from."""
    for found in function.training.replayed:
        evidence = tuple(dict.fromkeys(said for value in found.values for said in function.training.inference.fact(value).evidence))
        yield rule.finding(
            function,
            function.span(found.statement),
            _message(function, found),
            fix=_fix(function, found) if found.updated is None else None,
            severity=Severity.ERROR if found.updated is None else Severity.WARNING,
            retains=Retention("activations" if found.updated is None else "graph nodes", evidence),
            evidence=evidence,
        )


def _message(function: FunctionFlow, found: Replayed) -> str:
    if found.updated is not None:
        return f"`{found.name}` is never emptied: it keeps the graph nodes of every earlier episode; clear it after backward at line {found.updated}"
    value, detached = function.short(found.values[0]), " ".join(function.detached(found.values[0]).split())
    return f"`{found.name}` keeps the graph of `{value}` with each transition: all activations of its step; store `{detached}`"


def _fix(function: FunctionFlow, found: Replayed) -> Fix:
    return Fix("Store the values without their graphs", tuple(Replace(function.span(value), function.detached(value)) for value in found.values))


rule = Rule("LT215", check, Scope.EVERYWHERE, frozenset({Seed.COLLECTION, Seed.HANDED_OVER}))
