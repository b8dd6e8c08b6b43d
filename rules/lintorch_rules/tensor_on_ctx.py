"""A custom autograd function keeps an input or its output as an attribute of ctx instead of saving it for backward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Drop, Finding, Fix, Replace, Retention, Rule, Scope, Seed

if TYPE_CHECKING:
    from lintorch.rule import ContextTensor, FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report attributes of a function's context that hold what save_for_backward is for."""
    kept = function.training.tensors_on_context
    fix = _fix(function) if kept else None
    for tensor in kept:
        yield rule.finding(
            function, function.span(tensor.statement), _message(tensor), fix=fix, retains=Retention("activations", tensor.evidence), evidence=tensor.evidence
        )


def _fix(function: FunctionFlow) -> Fix | None:
    plan = function.training.saving_for_backward
    if plan is None:
        return None
    reads = (Replace(span, name) for span, name in plan.reads)
    drops = (Drop(statement) for statement in plan.others)
    return Fix("Save it for backward", (Replace(plan.first, plan.save), *drops, Replace(plan.at, plan.unpack), *reads))


def _message(tensor: ContextTensor) -> str:
    context, name = tensor.context, tensor.name or "..."
    if tensor.is_output:
        held = "the function's output: a cycle that keeps the graph until the garbage collector runs"
    else:
        held = "an input that backward does not release"
    return f"`{context}.{tensor.attribute}` holds {held}; use {context}.save_for_backward({name})"


rule = Rule("LT209", check, Scope.TRAINING, frozenset({Seed.CONTEXT}))
