"""An input moved along its own gradient stays chained to all of its earlier values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report updates whose result is the next step's input, history and all."""
    for chained in function.training.chained_inputs:
        assert chained.last.value is not None
        evidence = (f"autograd.grad on line {function.line(chained.call)} differentiates for `{chained.last.name}`, and the loop carries it on",)
        text = f"{function.detached(chained.last.value)}.requires_grad_(True)"
        yield rule.finding(
            function,
            function.span(chained.update.statement) if chained.update.statement is not None else chained.update,
            f"`{chained.last.name}` carries the updates of all earlier steps; start each step from `{chained.last.name}.detach()`",
            fix=Fix("Begin each step with a leaf", (Replace(function.span(chained.last.value), text),)),
            severity=Severity.ERROR if chained.created else Severity.WARNING,
            retains=Retention("activations" if chained.created else "graph nodes", evidence),
            evidence=evidence,
        )


rule = Rule("LT221", check, Scope.EVERYWHERE, frozenset({Seed.GRADIENT}))
