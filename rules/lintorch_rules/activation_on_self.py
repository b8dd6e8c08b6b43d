"""A module stores an activation with its graph in an attribute, where it stays until the next forward pass, or for ever in a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow, StoredActivation


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report activations left on self that everything in sight only looks at."""
    for stored in function.training.stored_activations:
        yield rule.finding(
            function,
            function.span(stored.statement),
            _message(function, stored),
            fix=None if stored.is_part else Fix("Store it without its graph", (Replace(function.span(stored.value), function.detached(stored.value)),)),
            severity=Severity.ERROR if stored.grows else Severity.INFO,
            retains=Retention("activations", stored.fact.evidence),
            evidence=stored.fact.evidence,
        )


def _message(function: FunctionFlow, stored: StoredActivation) -> str:
    kept = "of every forward" if stored.grows else "alive after forward"
    value = f"its part of {function.short(stored.value)}" if stored.is_part else function.short(stored.value)
    return f"`self.{stored.name}` keeps `{value}` and its graph {kept}; store its `.detach()` or return it"


rule = Rule("LT206", check, Scope.FORWARD, frozenset({Seed.SELF_STORE, Seed.COLLECTION}), default=False)
