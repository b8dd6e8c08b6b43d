"""Work is repeated inside an except block, or the exception is kept, while its traceback holds the activations of the attempt that failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity, Span

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow, KeptException, Retry


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report computations inside except blocks that follow a computation, and exceptions stored with their frames."""
    yield from (_retry(function, retry) for retry in function.training.retries)
    yield from (_kept(function, kept) for kept in function.training.kept_exceptions)


def _retry(function: FunctionFlow, retry: Retry) -> Finding:
    evidence = (f"the attempt on line {retry.attempt} runs the model",)
    return rule.finding(
        function,
        function.statement_span(retry.call),
        "this runs while the exception holds the frames and activations of the attempt that failed; leave the except block first",
        fix=_fix(retry),
        retains=Retention("frames", evidence),
        evidence=evidence,
    )


def _fix(retry: Retry) -> Fix | None:
    insertions = tuple(Replace(Span(insertion.offset, insertion.offset), insertion.text) for insertion in retry.insertions)
    return Fix("Repeat the work behind the except block", insertions) if insertions else None


def _kept(function: FunctionFlow, kept: KeptException) -> Finding:
    bare = f"{kept.exception.value}.with_traceback(None)"
    evidence = (f"`{kept.exception.value}` refers to its traceback, and that to every frame of the attempt",)
    return rule.finding(
        function,
        function.span(kept.statement),
        f"`{kept.keeper}` keeps {'each' if kept.adds_up else 'the'} exception with its traceback and all local tensors; store `{bare}`",
        fix=Fix("Keep the exception without its frames", (Replace(function.span(kept.exception), bare),)),
        severity=Severity.ERROR if kept.adds_up else Severity.WARNING,
        retains=Retention("frames", evidence),
        evidence=evidence,
    )


rule = Rule("LT216", check, Scope.EVERYWHERE, frozenset({Seed.EXCEPT}))
