"""`create_graph=True` builds a graph of the gradients that nothing differentiates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report backward passes whose gradients reach no other backward pass, no return value and no unknown code."""
    for created in function.training.needless_graphs:
        evidence = (f"no gradient of `{function.short(created.loss)}` is differentiated again",)
        yield rule.finding(
            function,
            function.span(created.call),
            f"create_graph=True builds a graph of the gradients of `{function.short(created.loss)}` that nothing differentiates; drop it",
            fix=Fix("Drop create_graph=True", (Replace(created.removal, ""),)) if created.removal is not None else None,
            severity=Severity.ERROR if created.piles_up else Severity.WARNING,
            retains=Retention("activations", evidence),
            evidence=evidence,
        )


rule = Rule("LT210", check, Scope.TRAINING, frozenset({Seed.KEYWORD}))
