"""A fresh name holds a computed value only until the next statement uses it once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Rule, Scope, Seed, Temporary, moves

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report each fresh name whose value could be computed where the next statement uses it."""
    for inlining in function.inlinings:
        if inlining.temporary is Temporary.SINGLE_USE:
            name = inlining.definition.name
            yield rule.finding(
                function,
                inlining.definition,
                f"`{name}` is used once, by the next statement; nest its expression there",
                fix=Fix(f"Nest the value of `{name}` where it is used", moves(function, inlining)),
            )


rule = Rule("LT103", check, Scope.FORWARD, frozenset({Seed.SINGLE_USE, Seed.RETURNED_NAME}), default=False, temporary=Temporary.SINGLE_USE)
