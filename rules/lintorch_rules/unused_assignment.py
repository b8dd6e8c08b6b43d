"""A name is bound and never read afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Drop, Finding, Fix, Operation, Replace, Rule, Scope, Seed, Span

if TYPE_CHECKING:
    from lintorch.rule import Definition, FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report each plain assignment whose name nothing reads or binds again; names that begin with an underscore say so themselves."""
    for definition in function.assignments:
        if function.is_dead(definition) and not function.is_overwritten(definition) and not definition.name.startswith("_"):
            operation = _remedy(function, definition)
            fix = Fix(f"Remove the unused `{definition.name}`", (operation,)) if operation is not None else None
            yield rule.finding(function, definition, f"`{definition.name}` is assigned and not read afterwards", fix=fix)


def _remedy(function: FunctionFlow, definition: Definition) -> Operation | None:
    """Drop the statement where its value has no effect, else drop the name and keep the call."""
    statement = function.own_statement(definition)
    if function.is_pure(definition):
        return None if function.has_comment(definition) else Drop(statement)
    return Replace(Span(statement.span.start, function.value_span(definition).start), "") if function.is_call(definition) else None


rule = Rule("LT104", check, Scope.FORWARD, frozenset({Seed.DEAD_STORE}), aliases=("F841",))
