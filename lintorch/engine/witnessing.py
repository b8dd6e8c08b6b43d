"""What each retention finding keeps alive, measured: the code run with and without the fix; a finding that the measurement contradicts is withdrawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lintorch.engine.check import Analysis, Checker, Judged
from lintorch.engine.draft import Drafter
from lintorch.engine.lineage import Lineage
from lintorch.engine.place import BrokenFix, place
from lintorch.engine.result import Diagnostic, FileResult, Witnessed, fingerprinted
from lintorch.engine.verdicts import Verify
from lintorch.rule import Fix
from lintorch.settings import Settings
from lintorch.source.text import Source
from lintorch.verify.verdict import Change


def witnessed(checker: Checker, settings: Settings, verify: Verify, source: Source) -> FileResult:
    """The result of a file that is judged, each of its retention findings with what was measured."""
    analysis = checker.analyse(source, settings)
    result = _result(analysis, _Measuring(Drafter(checker, settings, source, Lineage()), verify).diagnostics(analysis.judged))
    return replace(result, original=source) if settings.illustrated else result


def _result(analysis: Analysis, diagnostics: Iterable[Diagnostic]) -> FileResult:
    found = FileResult(str(analysis.source.path), tuple(diagnostics), failures=analysis.failures, withheld=analysis.withheld)
    kept = withdrawn(found)
    return replace(kept, diagnostics=fingerprinted(kept.diagnostics))


def withdrawn(result: FileResult) -> FileResult:
    """The result without the findings that their own measurement contradicts; those stand apart."""
    gone = tuple(diagnostic for diagnostic in result.diagnostics if not diagnostic.fixed and diagnostic.retains and _contradicted(diagnostic))
    return replace(result, diagnostics=tuple(one for one in result.diagnostics if one not in gone), withdrawn=(*result.withdrawn, *gone))


def _contradicted(diagnostic: Diagnostic) -> bool:
    retained = diagnostic.measured
    return retained is not None and retained.shows_nothing


class _Measuring:
    """Measures the findings of one file; those of one fix are measured together, and those of one function where one fix alone frees nothing."""

    def __init__(self, drafter: Drafter, verify: Verify) -> None:
        self._drafter, self._verify = drafter, verify
        self._known: dict[tuple[Fix, ...], Witnessed] = {}

    def diagnostics(self, judged: Sequence[Judged]) -> Iterator[Diagnostic]:
        """Each finding in its place, retention findings with what was measured."""
        for one in judged:
            placed = place(self._drafter.source, one.finding)
            yield replace(placed, witness=self._witness(one, judged)) if one.finding.retains else placed

    def _witness(self, one: Judged, judged: Sequence[Judged]) -> Witnessed:
        if one.finding.fix is None:
            return Witnessed(None, "there is no fix to compare with")
        alone = self._measured([one])
        beside = [other for other in judged if other.finding.symbol == one.finding.symbol and other.finding.retains and other.finding.fix]
        if alone.retained is None or alone.retained.falls or len(beside) == 1:
            return alone
        together = self._measured(beside)  # several may hold on to the same graph
        return together if together.retained is not None else alone

    def _measured(self, judged: Sequence[Judged]) -> Witnessed:
        fixes = tuple(dict.fromkeys(one.finding.fix for one in judged if one.finding.fix))
        if fixes not in self._known:
            self._known[fixes] = self._run(judged)
        return self._known[fixes]

    def _run(self, judged: Sequence[Judged]) -> Witnessed:
        source = self._drafter.source
        try:
            draft = self._drafter.part(judged[0].group, judged)
        except BrokenFix as error:
            return Witnessed(None, str(error))
        change = Change(source.path.absolute(), draft.group, source.text, draft.text, draft.old_lines, draft.probes, retention=True)
        verdict = self._verify(change)
        return Witnessed(verdict.retained, None if verdict.retained else source.told(verdict.reason or "it was not run"))
