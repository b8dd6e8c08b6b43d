"""A name keeps an activation alive beyond its last use, while later operations allocate theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Measurement, Replace, Rule, Scope, Seed

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Propose to bind the next value of a chain to the same name; the measured peak decides whether that is worth saying."""
    for outliving in function.outliving:
        line = function.line(outliving.following.event.node)
        renamed = tuple(Replace(function.span(place), outliving.name) for place in outliving.places)
        yield rule.finding(
            function,
            outliving.kept,
            f"`{outliving.kept.name}` outlives its last use on line {line}; bind the value made there to the same name",
            fix=Fix(f"Rebind `{outliving.name}` instead of binding `{outliving.following.name}`", renamed),
        )


rule = Rule("LT107", check, Scope.FORWARD, frozenset({Seed.CHAIN}), needs=Measurement.PEAK, default=False)
