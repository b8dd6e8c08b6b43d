"""A name that already has a value is bound anew only to be returned by the next statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Rule, Scope, Seed, Temporary, moves

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report each name that is rebound and returned right after."""
    for inlining in function.inlinings:
        if inlining.temporary is Temporary.REBOUND:
            name = inlining.definition.name
            yield rule.finding(
                function,
                inlining.definition,
                f"`{name}` is bound anew only to be returned; return the expression",
                fix=Fix(f"Return the new value of `{name}` directly", moves(function, inlining)),
            )


rule = Rule("LT102", check, Scope.FORWARD, frozenset({Seed.RETURNED_NAME}), default=False, temporary=Temporary.REBOUND)
