"""What reports say in words: verdicts, counts, hunks as lines."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator

from lintorch.engine.result import Hunk
from lintorch.verify.verdict import Status, Verdict

SAID = {
    Status.SAME_TRACE: "both versions run the same operations on the same values, forward and backward",
    Status.TESTED: "both versions give the same outputs, gradients, buffers and random state, bit for bit",
    Status.CLOSE: "both versions agree within tolerances only, not bit for bit",
    Status.UNDECIDED: "whether both versions compute the same could not be shown",
    Status.REFUTED: "the two versions do not compute the same",
}


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """What a verdict says, and what it rests on."""
    yield f"{verdict.status.value}: {SAID[verdict.status]}"
    if verdict.reason:
        yield f"reason: {verdict.reason}"
    basis = basis_of(verdict)
    if basis:
        yield basis
    if verdict.retained:
        yield f"kept alive: {verdict.retained.told}"
    yield from (f"note: {note}" for note in verdict.notes)
    if verdict.hint:
        yield f"give an example: --example {shlex.quote(verdict.hint)}"


def basis_of(verdict: Verdict) -> str:
    """The inputs, seeds, modes and lines that a verdict rests on, as far as anything ran."""
    parts = []
    if verdict.inputs:
        parts.append(f"inputs {', '.join(verdict.inputs)}")
    if verdict.seeds:
        parts.append(f"seeds {', '.join(map(str, verdict.seeds))}")
    if verdict.modes:
        parts.append(" and ".join(verdict.modes))
    if verdict.gradients != "compared":
        parts.append(f"gradients {verdict.gradients}")
    if verdict.peak_bytes:
        parts.append(f"peak {verdict.peak_bytes[0]:,} -> {verdict.peak_bytes[1]:,} bytes")
    if verdict.peak_training:
        parts.append(f"peak of a training step {verdict.peak_training[0]:,} -> {verdict.peak_training[1]:,} bytes")
    return "; ".join(parts)


def hunk_lines(hunk: Hunk) -> Iterator[tuple[str, int | None, str]]:
    """`-`, `+` or blank, the line number in the old text (None for new lines) and the text of each line of a change."""
    before, after = _lines(hunk.before), _lines(hunk.after)
    for tag, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            edge = i == 0 or j == len(before)  # unchanged lines at the rim say nothing
            yield from () if edge else ((" ", hunk.line + number, before[number]) for number in range(i, j))
        else:
            yield from (("-", hunk.line + number, before[number]) for number in range(i, j))
            yield from (("+", None, after[number]) for number in range(k, m))


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n") if text else []
