"""A verdict as a page shows it: the words that every report uses, its facts one by one, gradients and pictures."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from lintorch.report.html import pictures
from lintorch.report.html.view import GradientLine, Picture, VerdictView
from lintorch.report.text import VERDICT_STYLES
from lintorch.report.words import SAID
from lintorch.verify.figures import Gradient
from lintorch.verify.verdict import Verdict


def verdict_view(verdict: Verdict, about: str) -> VerdictView:
    """The verdict on `about`, a class or function."""
    figures = verdict.figures
    return VerdictView(
        status=verdict.status.value, tone=VERDICT_STYLES[verdict.status], said=SAID[verdict.status], facts=tuple(_facts(verdict)),
        gradients=tuple(map(_gradient, figures.gradients)) if figures else (), gradients_left_out=figures.left_out if figures else 0,
        pictures=tuple(_pictures(verdict, about)),
    )  # fmt: skip


def _facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    if verdict.reason:
        yield "Reason", verdict.reason
    if verdict.inputs:
        yield "Inputs", ", ".join(verdict.inputs)
    if verdict.seeds:
        yield "Seeds", ", ".join(map(str, verdict.seeds))
    if verdict.modes:
        yield "Modes", " and ".join(verdict.modes)
    if verdict.lines:
        yield "Lines of the change that ran", ", ".join(map(str, verdict.lines))
    if verdict.inputs and (verdict.modes or verdict.gradients != "compared"):
        yield "Gradients", verdict.gradients
    for name, peak in (("Peak of forward", verdict.peak_bytes), ("Peak of a training step", verdict.peak_training)):
        if peak:
            yield name, f"{peak[0]:,} → {peak[1]:,} bytes"
    if verdict.retained:
        yield "Kept alive", verdict.retained.told
    yield from (("Note", note) for note in verdict.notes)
    if verdict.hint:
        yield "Give an example", f"--example {shlex.quote(verdict.hint)}"


def _gradient(gradient: Gradient) -> GradientLine:
    before, after = (f"{size:.6g}" if size is not None else "not finite or empty" for size in gradient.largest)
    return GradientLine(gradient.name, gradient.kind, before, after, gradient.equal)


def _pictures(verdict: Verdict, about: str) -> Iterator[Picture]:
    figures = verdict.figures
    if figures and figures.forward:
        yield pictures.timeline(figures.forward, f"Live memory in forward of {about}, without gradients")
    if figures and figures.training:
        yield pictures.timeline(figures.training, f"Live memory in a training step of {about}, forward and backward")
    if verdict.retained:
        yield from pictures.witness(verdict.retained, about)
