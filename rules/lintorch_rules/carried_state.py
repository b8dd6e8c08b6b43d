"""A recurrent state is handed to the next step with its history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report states whose graph grows from step to step; what to do about it decides what the model learns, so there is no fix."""
    for state in function.training.carried_states:
        yield rule.finding(
            function,
            function.span(state.statement),
            f"`{state.name}` carries the graph of every earlier step into this one; detach it between steps (`{state.name} = {state.name}.detach()`),"
            " which truncates backpropagation",
            severity=Severity.ERROR,
            retains=Retention("activations", (state.evidence,)),
            evidence=(state.evidence,),
        )


rule = Rule("LT204", check, Scope.EVERYWHERE, frozenset({Seed.RECURRENCE, Seed.SELF_STORE}))
