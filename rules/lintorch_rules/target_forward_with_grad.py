"""A network that no optimizer trains is run with autograd on, only for the target of a loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Span

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report runs of target networks and teachers whose parameters no optimizer in sight steps."""
    for run in function.training.untrained_runs:
        evidence = (f"no optimizer in sight has the parameters of {run.module}",)
        insertions = tuple(Replace(Span(insertion.offset, insertion.offset), insertion.text) for insertion in run.insertions)
        yield rule.finding(
            function,
            function.statement_span(run.call),
            f"`{run.module}(...)` records a graph that only gives gradients to parameters no optimizer steps; run it under torch.no_grad()",
            fix=Fix("Run the network under torch.no_grad()", insertions) if insertions else None,
            retains=Retention("activations", evidence),
            evidence=evidence,
        )


rule = Rule("LT213", check, Scope.TRAINING, frozenset({Seed.BACKWARD}))
