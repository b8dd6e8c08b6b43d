"""A name is assigned to itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Drop, Finding, Fix, Rule, Scope, Seed

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report `x = x` where x has a value; parentheses, `x = (x)`, hint at a lost comma."""
    for definition in function.assignments:
        if function.is_self_assignment(definition) and function.is_bound_before(definition):
            dropped = None if function.has_comment(definition) else Drop(function.own_statement(definition))
            fix = Fix("Remove the assignment", (dropped,)) if dropped is not None else None
            yield rule.finding(function, definition, f"`{definition.name}` is assigned to itself", fix=fix)


rule = Rule("LT106", check, Scope.FORWARD, frozenset({Seed.SELF_ASSIGNMENT}))
