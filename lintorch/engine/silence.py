"""Ignores for the findings a file has today: comments behind their lines, and nothing else changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from lintorch.engine.check import Analysis
from lintorch.engine.comments import UNUSED_CODE
from lintorch.engine.place import place
from lintorch.engine.result import FileResult
from lintorch.engine.run import written
from lintorch.engine.workshop import Task, Workshop
from lintorch.source.parse import parse
from lintorch.source.suppress import Suppressions
from lintorch.source.text import Edit, Source, SourceError, Span, splice

_OWN = re.compile(r"#\s*lintorch:\s*ignore\[(?P<codes>[^\]\n]*)\]")


def silenced(task: Task, workshop: Workshop) -> FileResult:
    """The file with an ignore behind each finding the task is about, written where the task's mode is to fix; nothing is run."""
    try:
        source = workshop.read(task)
        analysis = workshop.checker.analyse(source, task.settings)
        placed = [place(source, judged.finding) for judged in analysis.judged]
        aside = dict(task.concern.aside(placed))
        wanted = [judged.finding for index, judged in enumerate(analysis.judged) if index not in aside and judged.finding.code != UNUSED_CODE]
        codes: dict[int, set[str]] = {}
        for finding in wanted:
            codes.setdefault(source.position(finding.span.start).line, set()).add(finding.code)
        text = with_ignores(source, codes)
        _require_silence(source, text, workshop.checker.analyse(source.with_text(text), task.settings), codes)
    except SourceError as error:
        return FileResult(str(task.path), failures=(str(error),), skipped=error.reason)
    kept = tuple(one for index, one in enumerate(placed) if index not in aside and one.code != UNUSED_CODE)
    return written(FileResult(str(task.path), kept, original=source, text=text if codes else None), task.mode)


def with_ignores(source: Source, codes: Mapping[int, set[str]]) -> str:
    """The text with the codes of each line (1-based) named in a comment that speaks for it; one that is there already gets longer."""
    suppressions = Suppressions.of(source)
    by_last: dict[int, set[str]] = {}
    for line, named in codes.items():
        by_last.setdefault(suppressions.extent(line)[1], set()).update(named)
    return splice(source.text, [_edit(source, line, suppressions.comment_spans.get(line), named) for line, named in by_last.items()])


def _edit(source: Source, line: int, comment: Span | None, codes: set[str]) -> Edit:
    own = _OWN.search(source.text, comment.start, comment.end) if comment else None
    if own is not None:
        there = [code for code in re.split(r"[,\s]+", own["codes"]) if code]
        named = ", ".join([*there, *sorted(codes - set(there))])
        return Edit(Span(*own.span("codes")), named)
    start = source.line_span(line).start
    end = start + len(source.line(line).rstrip())
    return Edit(Span(end, start + len(source.line(line))), f"  # lintorch: ignore[{', '.join(sorted(codes))}]")


def _require_silence(source: Source, text: str, after: Analysis, codes: Mapping[int, set[str]]) -> None:
    """Raise SourceError unless the program is the same and the findings are gone: a comment may not fit everywhere."""
    if ast.dump(parse(source)) != ast.dump(parse(after.source)) or text.count("\n") != source.text.count("\n"):
        raise SourceError(source.path, "an ignore comment would change what it says", "silence its findings by hand")
    left = {(after.source.position(judged.finding.span.start).line, judged.finding.code) for judged in after.judged}
    for line, named in codes.items():
        loud = sorted(code for code in named if (line, code) in left)
        if loud:
            raise SourceError(source.path, f"no comment silences {', '.join(loud)} there", "silence it by hand", line)
