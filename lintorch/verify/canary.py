"""The text of a rewrite with its probed expressions wrapped, so that a worker can alter each of them."""

from __future__ import annotations

from collections.abc import Sequence

from lintorch.source.text import Span

# The worker puts this name into builtins (worker/alter.py); a name no program has.
NAME = "__lintorch_canary__"


def canary_text(text: str, probes: Sequence[Span]) -> str:
    """`text` with each probe E as `__lintorch_canary__(i, (E))`; lines stay where they are. Probes may nest, not overlap."""
    insertions = [
        *((probe.start, 1, -probe.end, f"{NAME}({number}, (") for number, probe in enumerate(probes)),
        *((probe.end, 0, -probe.start, "))") for probe in probes),
    ]
    parts: list[str] = []
    done = 0
    for offset, _, _, inserted in sorted(insertions):
        parts += text[done:offset], inserted
        done = offset
    return "".join((*parts, text[done:]))
