"""A model is run for evaluation while autograd records a graph that no backward pass uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity, Span

if TYPE_CHECKING:
    from lintorch.rule import Evaluation, FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report the first call of each evaluation that runs with autograd on and asks for no gradient."""
    for evaluation in function.training.evaluation.evaluations:
        evidence = (f"{evaluation.module} is in evaluation mode since line {evaluation.switched}",)
        yield rule.finding(
            function,
            function.statement_span(evaluation.call),
            f"`{evaluation.module}(...)` records a graph in an evaluation (evaluation mode since line {evaluation.switched}) that no backward pass uses;"
            " run it under torch.no_grad()",
            fix=_fix(evaluation),
            severity=Severity.ERROR if evaluation.piles_up else Severity.WARNING,
            retains=Retention("activations", evidence),
            evidence=evidence,
        )


def _fix(evaluation: Evaluation) -> Fix | None:
    insertions = tuple(Replace(Span(insertion.offset, insertion.offset), insertion.text) for insertion in evaluation.insertions)
    return Fix("Run the evaluation under torch.no_grad()", insertions) if insertions else None


rule = Rule("LT203", check, Scope.TRAINING, frozenset({Seed.EVALUATION}))
