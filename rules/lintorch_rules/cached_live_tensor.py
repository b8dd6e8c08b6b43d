"""A cache that outlives the step holds tensors with their graphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import CachedTensor, FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report cached methods of modules and containers at module level that keep graphs for good."""
    for cached in function.training.cached_tensors:
        yield rule.finding(
            function,
            function.span(cached.node),
            _message(function, cached),
            severity=Severity.ERROR,
            retains=Retention("activations", cached.fact.evidence),
            evidence=cached.fact.evidence,
        )


def _message(function: FunctionFlow, cached: CachedTensor) -> str:
    if cached.is_method:
        kept = "`self`, each tensor argument (hashed by identity: always a miss) and the graph of each result"
        return f"the cache of `{cached.cache}` keeps {kept}; cache per instance, or detached values"
    return f"`{cached.cache}` at module level keeps the graph of every `{function.short(cached.value)}`"


rule = Rule("LT214", check, Scope.EVERYWHERE, frozenset({Seed.DECORATED, Seed.COLLECTION}))
