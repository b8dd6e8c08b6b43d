"""The report for people, as lines of styled pieces: what was found, where, why, what to do, and on what a verdict rests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from lintorch.catalogue import Catalogue
from lintorch.engine.result import Diagnostic, Patch, Rewrite, Run
from lintorch.report.escape import visible, width
from lintorch.report.words import counted, hunk_lines, verdict_lines
from lintorch.verify.verdict import Status

Piece = tuple[str, str]  # a text and the name of its style
Line = tuple[Piece, ...]

STYLES = {
    "": "", "path": "bold", "error": "bold red", "warning": "bold yellow", "info": "bold blue", "dim": "dim", "caret": "bold red",
    "old": "red", "new": "green", "good": "bold green", "bad": "bold red", "doubt": "bold yellow",
}  # fmt: skip
VERDICT_STYLES = {Status.SAME_TRACE: "good", Status.TESTED: "good", Status.CLOSE: "doubt", Status.UNDECIDED: "doubt", Status.REFUTED: "bad"}
_ADVICE = {
    Status.CLOSE: "--allow close writes what agrees within tolerances.",
    Status.UNDECIDED: "--example tells lintorch how to build and call a module; --allow undecided writes unseen.",
    Status.REFUTED: "never written; please report it if the change looks right.",
}
_GUTTER = 6


def render(run: Run, _catalogue: Catalogue) -> str:
    """The report without colours."""
    return plain(report(run))


def plain(lines: Iterable[Line]) -> str:
    """Lines as text, styles left out."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def report(run: Run, shows_allowed: bool = True) -> Iterator[Line]:
    """Findings file by file; those that were rewritten together stand under their rewrite.

    Without `shows_allowed` the changes that verdicts allow are left out, as a diff beside the report has them.
    """
    for file in run.files:
        for diagnostic in file.diagnostics:
            if diagnostic.rewrite is None:
                yield from _finding(diagnostic)
        for rewrite in file.rewrites:
            answered = [diagnostic for diagnostic in file.diagnostics if diagnostic.rewrite == rewrite.id]
            yield from _rewrite(run, rewrite, answered, shows_allowed or not rewrite.allowed)


def statistics(run: Run, catalogue: Catalogue) -> Iterator[Line]:
    """How often each rule speaks, most often first."""
    names = {registered.code: registered.name for registered in catalogue.rules}
    for code, number in Counter(diagnostic.code for diagnostic in run.left).most_common():
        yield (f"{number:>6}  ", ""), (code, "warning"), (f"  {names.get(code, '')}", "")


def _finding(diagnostic: Diagnostic) -> Iterator[Line]:
    yield _headline(diagnostic)
    yield from _excerpt(diagnostic)
    for why in reasons(diagnostic):
        yield (" " * _GUTTER + "= ", "dim"), (visible(why), "")
    if diagnostic.witness:
        said = diagnostic.witness.retained.told if diagnostic.witness.retained else f"not measured: {diagnostic.witness.reason}"
        yield (" " * _GUTTER + "= ", "dim"), ("witness: ", "good" if diagnostic.witness.retained else "doubt"), (visible(said), "")
    if diagnostic.fix:
        yield (" " * _GUTTER + "= ", "dim"), ("fix: ", "good"), (visible(diagnostic.fix.title), "")
        yield from _diff(diagnostic.fix)
    yield ()


def _headline(diagnostic: Diagnostic) -> Line:
    return (visible(f"{diagnostic.place}: "), "path"), (f"{diagnostic.code} {diagnostic.rule} ", diagnostic.severity.value), (visible(diagnostic.message), "")


def reasons(diagnostic: Diagnostic) -> Sequence[str]:
    """The evidence of a finding, with what is retained first."""
    retained = [f"keeps {diagnostic.retains.what} alive", *diagnostic.retains.evidence] if diagnostic.retains else []
    return list(dict.fromkeys((*retained, *diagnostic.evidence)))


def _excerpt(diagnostic: Diagnostic) -> Iterator[Line]:
    text, start = diagnostic.line_text, diagnostic.start.column - 1
    end = diagnostic.end.column - 1 if diagnostic.end.line == diagnostic.start.line else len(text)
    before, marked = visible(text[:start]), visible(text[start:end])
    yield _numbered(diagnostic.start.line), (before + marked + visible(text[end:]), "")
    yield _numbered(None), (" " * width(before), ""), ("^" * max(width(marked), 1), "caret")


def _numbered(line: int | None) -> Piece:
    return f"{line if line is not None else '':>{_GUTTER}} | ", "dim"


def _diff(patch: Patch) -> Iterator[Line]:
    styles = {"-": "old", "+": "new", " ": ""}
    cells = {hunk.cell for hunk in patch.hunks}
    for hunk in patch.hunks:
        if len(cells) > 1:
            yield _numbered(None), (f"cell {hunk.cell}", "dim")
        for sign, number, text in hunk_lines(hunk):
            yield _numbered(number), (f"{sign} {visible(text)}", styles[sign])


def _rewrite(run: Run, rewrite: Rewrite, answered: list[Diagnostic], shows_change: bool) -> Iterator[Line]:
    """A class or function, the findings that its rewrite answers, the change, and the verdict on it."""
    said, style = _fate(run, rewrite)
    yield (visible(f"{rewrite.path}: {rewrite.symbol}: "), "path"), (f"{counted(len(answered), 'finding')} {said}", style)
    for diagnostic in answered:
        yield (
            (f"  {diagnostic.spot:>{_GUTTER + 1}} ", "dim"),
            (f"{diagnostic.code} {diagnostic.rule} ", diagnostic.severity.value),
            (visible(diagnostic.message), ""),
        )
    if shows_change:
        yield from _diff(rewrite.patch)
    for number, text in enumerate(verdict_lines(rewrite.verdict)):
        yield (" " * _GUTTER + "= ", "dim"), (visible(text), VERDICT_STYLES[rewrite.verdict.status] if number == 0 else "")
    yield ()


def _fate(run: Run, rewrite: Rewrite) -> Piece:
    if not rewrite.allowed:
        return "not fixed", "bad"
    return ("fixed", "good") if run.written else ("would be fixed", "good")


def summary(run: Run) -> Iterator[Line]:
    """The last lines: how much was found, fixed and left, and what was not looked at."""
    yield (((_fixing_summary(run) if run.fixing else _checking_summary(run)), "path"),)
    for status, advice in _ADVICE.items():
        number = sum(rewrite.verdict.status is status and not rewrite.allowed for rewrite in run.rewrites)
        if number:
            yield ((f"{counted(number, 'rewrite')} {status.value}: {advice}", ""),)
    for reason, number in Counter(_short(reason) for _, reason in run.all_skipped).items():
        yield ((f"Skipped {counted(number, 'file')}: {visible(reason)}.", ""),)
    for code, number in sorted(Counter(diagnostic.code for diagnostic in run.withdrawn).items()):
        yield ((f"Withdrew {counted(number, 'finding')} of {code}: nothing was kept alive when it was run.", ""),)
    for reason, number in sorted(run.aside.items()):
        yield ((f"Left aside {counted(number, 'finding')} {reason}.", ""),)
    for code, number in sorted(run.withheld.items()):
        yield ((f"Withheld {counted(number, 'finding')} of {code}, which need a measurement.", ""),)


def _short(reason: str) -> str:
    """Reasons are counted, so what is particular to one file is left to its own message."""
    return reason.split(" (")[0].removeprefix("is ")


def _checking_summary(run: Run) -> str:
    found = list(run.left)
    files = counted(run.checked, "file")
    if not found:
        return f"Nothing found in {files}."
    holding = sum(bool(file.diagnostics) for file in run.files)
    where = files if holding == run.checked else f"{holding} of {files}"
    fixable = sum(diagnostic.fix is not None for diagnostic in found)
    return f"Found {counted(len(found), 'finding')} in {where}." + (f" --fix can try {fixable} of them." if fixable else "")


def _fixing_summary(run: Run) -> str:
    allowed = {rewrite.id for rewrite in run.rewrites if rewrite.allowed}
    fixed = sum(diagnostic.rewrite in allowed for diagnostic in run.diagnostics)
    left = sum(1 for _ in run.diagnostics) - fixed
    if not fixed and not left:
        return f"Nothing to fix in {counted(run.checked, 'file')}."
    verb = "Fixed" if run.written else "Would fix"
    rest = f"{left} left" if run.written else f"{left} would be left"
    return f"{verb} {counted(fixed, 'finding')} in {counted(sum(file.changed for file in run.files), 'file')}, {rest}; {counted(run.checked, 'file')} checked."
