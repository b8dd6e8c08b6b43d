"""A name is bound to a value without effects and bound again before anything reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Drop, Finding, Fix, Rule, Scope, Seed

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report each plain assignment that every path overwrites unread; a value with effects may be wanted for them."""
    for definition in function.assignments:
        if function.is_dead(definition) and function.is_overwritten(definition) and function.is_pure(definition):
            dropped = None if function.has_comment(definition) else Drop(function.own_statement(definition))
            yield rule.finding(
                function,
                definition,
                f"`{definition.name}` is bound again before this value is read",
                fix=Fix("Remove the value that is never read", (dropped,)) if dropped is not None else None,
            )


rule = Rule("LT105", check, Scope.FORWARD, frozenset({Seed.DEAD_STORE}))
