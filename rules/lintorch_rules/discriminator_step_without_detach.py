"""The discriminator's loss is computed on samples that still carry the generator's graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.rule import Finding, Fix, Replace, Retention, Rule, Scope, Seed

if TYPE_CHECKING:
    from lintorch.rule import FunctionFlow


def check(function: FunctionFlow) -> Iterator[Finding]:
    """Report samples of one player in a backward pass that only the other player's optimizer steps on."""
    for live in function.training.live_samples:
        samples = function.short(live.samples)
        evidence = (f"`{samples}` is made by {live.generator}", f"{live.optimizer} has the parameters of {live.discriminator} alone")
        yield rule.finding(
            function,
            function.statement_span(live.call),
            f"`{samples}` carries the graph of `{live.generator}` into the loss that steps `{live.optimizer}` of `{live.discriminator}` only:"
            f" backward runs through the generator for nothing; pass `{samples}.detach()`",
            fix=Fix("Detach the samples", (Replace(function.span(live.samples), function.detached(live.samples)),)),
            retains=Retention("activations", evidence),
            evidence=evidence,
        )


rule = Rule("LT212", check, Scope.TRAINING, frozenset({Seed.BACKWARD}))
