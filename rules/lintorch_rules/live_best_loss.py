"""The best loss so far, or the last few, are kept with their graphs, though they are only compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity

if TYPE_CHECKING:
    from lintorch.rule import Best, FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report values kept to be compared with later ones that carry their graphs along."""
    for best in function.training.live_bests:
        kept = best.kept
        yield rule.finding(
            function,
            function.span(kept.statement),
            _message(function, best),
            fix=Fix("Keep the value without its graph", (Replace(function.span(kept.value), function.detached(kept.value)),)),
            severity=_severity(best),
            retains=Retention("graph nodes" if kept.covering else "activations", kept.fact.evidence),
            evidence=kept.fact.evidence,
        )


def _message(function: FunctionFlow, best: Best) -> str:
    value, detached = function.short(best.kept.value), " ".join(function.detached(best.kept.value).split())
    held = {
        "one": f"keeps the graph of one `{value}` alive until a better one comes, and is only compared",
        "chain": f"chains the graphs of all steps; it needs no graph of `{value}`",
        "window": f"keeps the graphs of the last values of `{value}`, as many as it has places",
    }
    return f"`{best.kept.name}` {held[best.way]}; keep `{detached}`"


def _severity(best: Best) -> Severity:
    if best.way != "chain":
        return Severity.INFO
    return Severity.WARNING if best.kept.covering is not None else Severity.ERROR


rule = Rule("LT220", check, Scope.TRAINING, frozenset({Seed.KEPT_BEST, Seed.COLLECTION}))
