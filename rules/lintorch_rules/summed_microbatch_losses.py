"""The losses of several micro-batches are added up and one backward pass is run for the sum, so all their graphs are alive at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report sums of losses over a loop whose terms could be run backward one by one."""
    for summed in function.training.summed_losses:
        total, line = summed.total.name, function.line(summed.backward.event.node)
        evidence = (f"backward runs on `{total}` behind the loop, on line {line}",)
        yield rule.finding(
            function,
            function.span(summed.statement),
            f"`{total}` holds the graphs of all micro-batches until `{total}.backward()` at line {line};"
            f" run backward for each `{function.short(summed.added)}` instead",
            severity=Severity.INFO,
            retains=Retention("activations", evidence),
            evidence=evidence,
        )


rule = Rule("LT218", check, Scope.TRAINING, frozenset({Seed.BACKWARD}), default=False)
