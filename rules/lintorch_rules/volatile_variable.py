"""`Variable(x, volatile=True)` has had no effect since torch 0.4: the graph it was meant to avoid is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Drop, Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity, Span

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow, Volatile


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report Variables with the flag `volatile` where gradients are not switched off by other means."""
    for volatile in function.training.volatile_calls:
        yield rule.finding(
            function,
            function.span(volatile.call),
            "volatile=True has no effect since torch 0.4, so the graph is built; use torch.no_grad()",
            fix=_fix(function, volatile) if volatile.insertions else None,
            severity=Severity.ERROR if volatile.piles_up else Severity.WARNING,
            retains=Retention("activations", ("torch ignores the flag",)),
            evidence=("torch ignores the flag",),
        )


def _fix(function: FunctionFlow, volatile: Volatile) -> Fix:
    under = (Replace(Span(insertion.offset, insertion.offset), insertion.text) for insertion in volatile.insertions)
    gone = tuple(Drop(statement) for statement in volatile.dropped)
    plain = () if gone else (Replace(function.span(volatile.call), function.text(volatile.argument)),)
    return Fix("Use torch.no_grad() instead of the flag", (*under, *gone, *plain))


rule = Rule("LT222", check, Scope.TRAINING, frozenset({Seed.KEYWORD}))
