"""The page of a check: findings by rule and by file, those that were rewritten together under their rewrite."""

from __future__ import annotations

from collections.abc import Iterable

from lintorch.catalogue import Catalogue
from lintorch.engine.result import Diagnostic, FileResult, Patch, Rewrite, Run
from lintorch.report import text
from lintorch.report.html import pictures
from lintorch.report.html.sidebyside import Row, side_by_side
from lintorch.report.html.verdicts import verdict_view
from lintorch.report.html.view import ChangeView, FileView, FindingView, PageView, RuleView
from lintorch.report.words import counted
from lintorch.source.text import Edit, Source, Span, splice


def checked(run: Run, catalogue: Catalogue) -> PageView:
    """Everything that a run found and did."""
    lead, *notes = text.plain(text.summary(run)).splitlines()
    files = tuple(_File(run, file, number).view() for number, file in enumerate(run.files, 1) if file.diagnostics or file.rewrites)
    return PageView(
        title="lintorch report", lead=lead, figures=_figures(run), rules=_rules(files, catalogue), files=files, failures=run.failures, notes=tuple(notes)
    )


def _figures(run: Run) -> tuple[tuple[str, str], ...]:
    fixed = sum(diagnostic.fixed for diagnostic in run.diagnostics)
    # Where nothing is written all findings are still there, those that would be fixed too.
    numbers = [(sum(1 for _ in run.left), "finding", "" if run.fixing and not run.written else " left"), (run.checked, "file", " checked")]
    if run.fixing:
        allowed = sum(rewrite.allowed for rewrite in run.rewrites)
        numbers[1:1] = [(allowed, "rewrite", " allowed"), (sum(1 for _ in run.rewrites) - allowed, "rewrite", " refused")]
    if run.written:
        numbers.insert(1, (fixed, "finding", " fixed"))
    if run.failures:
        numbers.append((len(run.failures), "failure", ""))
    return tuple((f"{number:,}", f"{noun}{'' if number == 1 else 's'}{fate}") for number, noun, fate in numbers)


def _rules(files: Iterable[FileView], catalogue: Catalogue) -> tuple[RuleView, ...]:
    known = {registered.code: registered for registered in catalogue.rules}
    by_code: dict[str, list[FindingView]] = {}
    for file in files:
        for finding in file.every:
            by_code.setdefault(finding.code, []).append(finding)
    return tuple(RuleView(code, found[0].rule, known[code].page.sentence if code in known else "", tuple(found)) for code, found in sorted(by_code.items()))


class _File:
    """One file on its way to the page."""

    def __init__(self, run: Run, file: FileResult, number: int) -> None:
        self.run, self.file, self.anchor = run, file, f"file-{number}"
        self._count = 0

    def view(self) -> FileView:
        alone = tuple(self._finding(one) for one in self.file.diagnostics if one.rewrite is None)
        return FileView(self.anchor, self.file.path, alone, tuple(map(self._change, self.file.rewrites)))

    def _change(self, rewrite: Rewrite) -> ChangeView:
        answered = tuple(self._finding(one, with_fix=False) for one in self.file.diagnostics if one.rewrite == rewrite.id)
        fate = "not fixed" if not rewrite.allowed else "fixed" if self.run.written else "would be fixed"
        source = self.file.original if rewrite.allowed else self._now()
        said = f"{counted(len(answered), 'finding')} {fate}"
        return ChangeView(f"rewrite-{rewrite.id}", rewrite.symbol, said, answered, _rows(rewrite.patch, source), verdict_view(rewrite.verdict, rewrite.symbol))

    def _now(self) -> Source | None:
        """The text that findings which are left stand in."""
        original = self.file.original
        return original.with_text(self.file.text) if original and self.run.written and self.file.text is not None else original

    def _finding(self, one: Diagnostic, with_fix: bool = True) -> FindingView:
        self._count += 1
        start = one.start.column - 1
        end = one.end.column - 1 if one.end.line == one.start.line else len(one.line_text)
        shows_fix = with_fix and one.fix is not None
        witnessed = one.witness.retained if one.witness else None
        return FindingView(
            anchor=f"{self.anchor}-{self._count}", code=one.code, rule=one.rule, severity=one.severity.value, message=one.message,
            place=one.place, symbol=one.symbol, line=one.start.line,
            excerpt=(one.line_text[:start], one.line_text[start:end], one.line_text[end:]), reasons=tuple(text.reasons(one)),
            state="fixed" if one.fixed else "", fix=one.fix.title if shows_fix and one.fix else "",
            diff=_rows(one.fix, self._now()) if shows_fix and one.fix else (), witness=_witness(one),
            pictures=pictures.witness(witnessed, one.symbol) if witnessed else (),
        )  # fmt: skip


def _witness(one: Diagnostic) -> str:
    if one.witness is None:
        return ""
    return one.witness.retained.told if one.witness.retained else f"not measured: {one.witness.reason}"


def _rows(patch: Patch, source: Source | None) -> tuple[Row, ...]:
    """A change beside the text it changes; its own lines alone where that is not at hand, is a notebook, or has become another."""
    if source is not None and all(edit.cell is None and edit.end.line <= len(source.line_starts) for edit in patch.edits):
        edits = [Edit(Span(_offset(source, edit.start), _offset(source, edit.end)), edit.text) for edit in patch.edits]
        return side_by_side(source.text, splice(source.text, edits))
    return tuple(row for hunk in patch.hunks for row in side_by_side(hunk.before, hunk.after))


def _offset(source: Source, position: tuple[int, int]) -> int:
    line, column = position
    return source.line_starts[line - 1] + column - 1
