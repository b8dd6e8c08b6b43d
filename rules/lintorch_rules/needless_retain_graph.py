"""`retain_graph=True` keeps what forward saved for a second backward pass that never comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report backward passes that retain a graph over which no other pass can go."""
    for retained in function.training.retained_graphs:
        loss = function.short(retained.loss)
        evidence = (f"no other backward pass goes over the graph of `{loss}`",)
        yield rule.finding(
            function,
            function.span(retained.call),
            f"retain_graph=True keeps the activations of `{loss}` after its only backward pass; drop it",
            fix=Fix("Drop retain_graph=True", (Replace(retained.removal, ""),)),
            severity=Severity.WARNING if retained.outlives else Severity.INFO,
            retains=Retention("activations", evidence),
            evidence=evidence,
        )


rule = Rule("LT211", check, Scope.TRAINING, frozenset({Seed.KEYWORD}), default=False)
