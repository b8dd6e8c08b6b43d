"""A fresh name is bound only to be returned by the next statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Drop, Finding, Fix, Operation, Replace, Rule, Scope, Seed, Span, Temporary, moves

if TYPE_CHECKING:
    from lintorch.rule import Definition, FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report each fresh name that is returned right after it is bound, also out of a with suite that lets exceptions through."""
    for inlining in function.inlinings:
        if inlining.temporary is Temporary.RETURNED:
            yield _finding(function, inlining.definition, moves(function, inlining))
    for returned in function.returned_from_with:
        statement, value = function.own_statement(returned.definition), returned.value
        return_here = Replace(Span(statement.span.start, value.start), "return ", observed=value)
        yield _finding(function, returned.definition, (return_here, Drop(returned.statement)))


def _finding(function: FunctionFlow, definition: Definition, operations: tuple[Operation, ...]) -> Finding:
    return rule.finding(
        function,
        definition,
        f"`{definition.name}` is bound only to be returned; return the expression",
        fix=Fix(f"Return the value of `{definition.name}` directly", operations),
    )


rule = Rule("LT101", check, Scope.FORWARD, frozenset({Seed.FRESH_RETURN}), temporary=Temporary.RETURNED)
