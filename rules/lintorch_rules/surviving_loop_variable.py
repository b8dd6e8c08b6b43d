"""The names of one iteration still hold its graph while the next iteration computes its own, so two graphs are alive at the peak."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow, Surviving


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report the first name of a loop that holds a graph nothing reads any more when the turn ends."""
    for surviving in function.training.surviving_names:
        first, names = surviving.names[0], ", ".join(made.name for made in surviving.names)
        evidence = function.training.inference.definition(first).evidence
        assert first.statement is not None
        yield rule.finding(
            function,
            function.span(first.statement),
            f"`{names}` still {'holds' if len(surviving.names) == 1 else 'hold'} the graph of the last iteration while this one is computed;"
            f" `del {names}` at the end of the loop body",
            fix=_fix(surviving),
            severity=Severity.INFO,
            retains=Retention("activations", evidence),
            evidence=evidence,
        )


def _fix(surviving: Surviving) -> Fix | None:
    edits = tuple(Replace(edit.span, edit.text) for edit in surviving.edits)
    return Fix("Delete the names behind their last use", edits) if edits else None


rule = Rule("LT217", check, Scope.TRAINING, frozenset({Seed.LOOP_VALUE}), default=False)
