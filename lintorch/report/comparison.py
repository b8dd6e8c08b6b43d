"""What `lintorch verify` reports: a verdict for each module of two versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from lintorch.report.escape import visible
from lintorch.report.json import verdict
from lintorch.report.text import VERDICT_STYLES, Line
from lintorch.report.words import counted, verdict_lines
from lintorch.verify.pairs import Compared


def document(results: Sequence[Compared], failures: Sequence[str]) -> dict[str, Any]:
    """The verdicts as plain values."""
    modules = [{"name": result.name, "path": result.path, "verdict": verdict(result.verdict)} for result in results]
    return {"version": 1, "modules": modules, "errors": list(failures)}


def lines(results: Sequence[Compared], quiet: bool) -> Iterator[Line]:
    """The verdicts for people."""
    for result in results:
        head, *rest = verdict_lines(result.verdict)
        yield (visible(f"{result.path}: {result.name}: "), "path"), (visible(head), VERDICT_STYLES[result.verdict.status])
        yield from (((f"  {visible(text)}", ""),) for text in rest)
    if not quiet:
        yield ((summary(results), "path"),)


def summary(results: Sequence[Compared]) -> str:
    """How many were compared, and what came of it."""
    if not results:
        return "Nothing to run: no module differs (--all runs those that do not)."
    by_status = Counter(result.verdict.status.value for result in results)
    return f"Compared {counted(len(results), 'module')}: {', '.join(f'{number} {status}' for status, number in by_status.items())}."
