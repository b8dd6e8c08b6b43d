"""A detached slice is kept, and being a view it keeps the whole tensor it was cut from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report small views of tensors made in the same turn of a loop that are stored beyond it."""
    for view in function.training.pinned_views:
        value, base = function.span(view.kept.value), function.short(view.base)
        copied = f"{function.text(view.kept.value)}.clone()"
        yield rule.finding(
            function,
            function.span(view.kept.statement),
            f"`{view.kept.name}` keeps a view: all of `{base}` stays for the part that is stored; store `{' '.join(copied.split())}`",
            fix=None if view.is_written else Fix("Store a copy of the part", (Replace(value, copied),)),
            retains=Retention("storage", (f"a view of `{base}`",)),
            evidence=(f"a view of `{base}`, made on line {function.line(view.base)}",),
        )


rule = Rule("LT219", check, Scope.TRAINING, frozenset({Seed.COLLECTION}))
