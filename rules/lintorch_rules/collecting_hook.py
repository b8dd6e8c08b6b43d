"""A forward hook collects outputs with their graphs, and nothing clears the collection or removes the hook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import CollectingHook, FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report stores in forward hooks that grow by a graph with every pass."""
    for hook in function.training.collecting_hooks:
        yield rule.finding(
            function,
            hook.place,
            f"`{hook.container}` gets `{hook.text}` of every forward pass with its graph, "
            "and is never cleared nor the hook removed; detach it, and clear or remove",
            fix=Fix("Store it without its graph", (Replace(hook.value, hook.detached),)) if hook.detached is not None else None,
            severity=Severity.WARNING if hook.covered else Severity.ERROR,
            retains=_retention(hook),
            evidence=hook.evidence,
        )


def _retention(hook: CollectingHook) -> Retention:
    return Retention("graph nodes" if hook.covered else "activations", hook.evidence)


rule = Rule("LT207", check, Scope.TRAINING, frozenset({Seed.HOOK}))
