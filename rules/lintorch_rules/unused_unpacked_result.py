"""One of a pair of results is unpacked into a name that nothing reads, which keeps it alive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Rule, Scope, Seed, Span

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report calls known to return a pair of which only one element is read."""
    for pair in function.unpacked_pairs:
        index = f"[{pair.used_index}]"
        value_end = Span(pair.value.end, pair.value.end)
        operations = (Replace(pair.targets, pair.used, observed=None), Replace(value_end, index, observed=Span(pair.value.start, pair.value.end)))
        yield rule.finding(
            function,
            pair.unused,
            f"`{pair.unused.name}` keeps a result alive that nothing reads; take `{pair.used}` by index",
            fix=Fix(f"Index the result instead of binding `{pair.unused.name}`", operations),
            evidence=(pair.evidence,),
        )


rule = Rule("LT108", check, Scope.FORWARD, frozenset({Seed.PAIR}), default=False)
