"""A tensor's hook refers to the tensor itself, or to one computed from it: a cycle that no collector frees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed, Severity, Span

if TYPE_CHECKING:
    from lintorch.rule import CapturingHook, FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report hooks whose closure or default argument holds what owns the hook."""
    for hook in function.training.capturing_hooks:
        yield rule.finding(
            function,
            function.span(hook.call),
            _message(hook),
            fix=_fix(function, hook),
            severity=Severity.WARNING if hook.bounded else Severity.ERROR,
            retains=Retention("activations", hook.evidence),
            evidence=hook.evidence,
        )


def _message(hook: CapturingHook) -> str:
    captured, each = hook.captures[0].name, " (one tensor stays for each call)" if hook.bounded else ""
    return (
        f"the hook on `{hook.target}` refers to `{captured}`, whose graph owns the hook: "
        f"neither backward nor the garbage collector frees it{each}; capture `{captured}.detach()`"
    )


def _fix(function: FunctionFlow, hook: CapturingHook) -> Fix | None:
    """Detached copies of what the closure reads, made in front of the registration; defaults are detached where they stand."""
    source, start = function.module.source, function.span(hook.statement).start
    before = source.text[source.line_span(source.position(start).line).start : start]
    names = {capture.name: f"{capture.name}_detached" for capture in hook.captures}
    if not hook.detachable or before.strip() or "create_graph" in source.text or function.local_names.intersection(names.values()):
        return None
    lines = (f"{names[capture.name]} = {capture.name}.detach(){source.newline}{before}" for capture in hook.captures if not capture.by_value)
    inserted = "".join(dict.fromkeys(lines))
    reads = (Replace(span, f"{capture.name}.detach()" if capture.by_value else names[capture.name]) for capture in hook.captures for span in capture.reads)
    return Fix("Let the hook hold a detached copy", (*((Replace(Span(start, start), inserted),) if inserted else ()), *reads))


rule = Rule("LT208", check, Scope.TRAINING, frozenset({Seed.HOOK}))
