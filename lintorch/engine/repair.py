"""Fixing one file: each draft is run beside the text it starts from, and what its verdict allows becomes the file's text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lintorch.engine.check import Analysis, Checker, Judged
from lintorch.engine.concern import EVERYTHING, Concern
from lintorch.engine.draft import Consumed, Draft, Drafter, Key
from lintorch.engine.lineage import Lineage, line_edits
from lintorch.engine.outcome import Judgement, Ledger, file_result
from lintorch.engine.place import BrokenFix, place
from lintorch.engine.result import FileResult
from lintorch.engine.verdicts import Verify, allows
from lintorch.settings import Settings
from lintorch.source.text import Edit, Source, SourceError, splice
from lintorch.verify.verdict import Change, Status, Verdict

Single = tuple[list[Judged], Draft, Verdict]

_ROUNDS = 32  # each but the last takes something over, so this is never reached by honest rules


def repair(
    checker: Checker, settings: Settings, verify: Verify, source: Source, in_place: bool, measure: Verify | None = None, concern: Concern = EVERYTHING
) -> FileResult:
    """Fix one file as far as verdicts allow; nothing is written. `in_place` says that the new text will take the old one's place.

    `measure` gives verdicts with the peak memory of both versions (by default `verify` does); what is not of `concern` is left as it is.
    Raises SourceError where the file cannot be parsed.
    """
    work = _Repair(checker, settings, verify, measure or verify, source, source)
    first = checker.analyse(source, settings)
    aside = _aside(work.drafter, first, concern)
    work.unconfirmed += aside
    last = work.round_after_round(first)
    if first.withheld:
        last = work.measured(last)
    last = replace(last, judged=tuple(judged for judged in last.judged if work.drafter.key(judged) not in aside))
    ledger = Ledger(source, work.source, work.lineage, tuple(work.accepted), tuple(work.refused), tuple(work.failures))
    return replace(file_result(ledger, first, last, in_place), aside=Counter(aside.values()))


def _aside(drafter: Drafter, first: Analysis, concern: Concern) -> Mapping[Key, str]:
    """The findings that the run is not about, each with the reason."""
    if concern == EVERYTHING:
        return {}
    placed = [place(drafter.source, judged.finding) for judged in first.judged]
    return {drafter.key(first.judged[index]): reason for index, reason in concern.aside(placed)}


@dataclass
class _Repair:
    """The repair of one file. Its text moves forward by accepted drafts alone: every text it has held was itself verified."""

    checker: Checker
    settings: Settings
    verify: Verify
    measure: Verify
    original: Source
    source: Source
    lineage: Lineage = field(default_factory=Lineage)
    accepted: list[Judgement] = field(default_factory=list)
    refused: list[Judgement] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    unconfirmed: list[Key] = field(default_factory=list)
    measuring: bool = False

    @property
    def drafter(self) -> Drafter:
        return Drafter(self.checker, self.settings, self.source, self.lineage, self.measuring)

    def round_after_round(self, analysis: Analysis) -> Analysis:
        """Improve every class that has something to fix until nothing changes; what is left is returned."""
        for _ in range(_ROUNDS):
            before = self.source
            for group in dict.fromkeys(judged.group for judged in self.drafter.fixable(analysis.judged, self.refused_keys())):
                self.improve(group)
            if self.source is before:
                break
            analysis = self.checker.analyse(self.source, self.settings, measuring=self.measuring)
        return analysis

    def measured(self, last: Analysis) -> Analysis:
        """A round of the findings that only a measurement can confirm, on the text the others leave."""
        before, self.measuring = self.source, True
        self.round_after_round(self.checker.analyse(self.source, self.settings, measuring=True))
        self.measuring = False
        return last if self.source is before else self.checker.analyse(self.source, self.settings)

    def refused_keys(self) -> frozenset[Key]:
        """The findings whose fixes were refused and whose class has not changed since."""
        return frozenset((*self.unconfirmed, *(consumed.key for judgement in self.refused for consumed in judgement.consumed)))

    def improve(self, group: str) -> None:
        """Draft, judge and, where the verdict allows it, take over the fixes of one class or free function."""
        try:
            draft = self.drafter.whole(group, self.refused_keys())
        except (BrokenFix, SourceError) as error:
            self._give_up(group, error)
            return
        if draft is None:
            return
        verdict = self._verdict(draft)
        if self.measuring:
            self._accept_if_smaller(draft, verdict)
        elif allows(self.settings, verdict):
            self._accept(draft, verdict)
        elif not self._split(draft, verdict):
            self._refuse(draft, verdict)

    def _accept_if_smaller(self, draft: Draft, verdict: Verdict) -> None:
        """Take a draft over only where the measured peak falls; what the measurement does not confirm is no finding at all."""
        falls = verdict.peak_bytes is not None and verdict.peak_bytes[1] < verdict.peak_bytes[0]
        if allows(self.settings, verdict) and falls:
            self._accept(replace(draft, consumed=tuple(_with_peak(consumed, verdict) for consumed in draft.consumed)), verdict)
        else:
            self.unconfirmed.extend(consumed.key for consumed in draft.consumed)

    def _verdict(self, draft: Draft) -> Verdict:
        retention = any(consumed.judged.finding.retains is not None for consumed in draft.consumed)
        change = Change(self.source.path.absolute(), draft.group, self.source.text, draft.text, draft.old_lines, draft.probes, retention)
        return self.measure(change) if self.measuring else self.verify(change)

    def _accept(self, draft: Draft, verdict: Verdict) -> None:
        earlier = [judgement for judgement in self.accepted if judgement.group == draft.group]
        others = [judgement for judgement in self.accepted if judgement.group != draft.group]
        edits = self._on_original(draft, others) if earlier else tuple(Edit(self.lineage.origin(edit.span), edit.text) for edit in draft.edits)
        before = [consumed for judgement in earlier for consumed in judgement.consumed]
        now = [replace(consumed, later=bool(earlier) or consumed.later) for consumed in draft.consumed]
        self.accepted = [*others, Judgement(draft.group, verdict, edits, (*before, *now), 0)]
        # What was refused beside the old text of this class may pass beside the new one.
        self.refused = [judgement for judgement in self.refused if judgement.group != draft.group]
        self.lineage = self.lineage.then(draft.edits)
        self.source = self.source.with_text(draft.text)

    def _on_original(self, draft: Draft, others: list[Judgement]) -> tuple[Edit, ...]:
        """All that this class has come to differ in from the file as it was read, as edits of that file."""
        elsewhere = Lineage().then(edit for judgement in others for edit in judgement.edits)
        beside = splice(self.original.text, elsewhere.steps[0])
        return tuple(Edit(elsewhere.origin(edit.span), edit.text) for edit in line_edits(beside, draft.text))

    def _refuse(self, draft: Draft, verdict: Verdict) -> None:
        self.refused.append(Judgement(draft.group, verdict, draft.edits, draft.consumed, len(self.lineage.steps)))

    def _give_up(self, group: str, error: Exception) -> None:
        """A fix that cannot be applied is a fault of its rule: it is named, and its class left alone."""
        found = self.checker.analyse(self.source, self.settings, only=group).judged
        consumed = tuple(Consumed(judged, self.drafter.key(judged), later=False) for judged in found)
        reason = f"its fixes cannot be applied: {error}"
        self.refused.append(Judgement(group, Verdict(Status.UNDECIDED, reason), (), consumed, len(self.lineage.steps)))
        self.failures.append(f"{self.source.path}: internal error: the fixes of {group} cannot be applied ({error}); please report it, {group} was left alone")

    def _split(self, draft: Draft, verdict: Verdict) -> bool:
        """Judge the fixes of a refused draft singly and take over those that pass; False where there is nothing to tell apart."""
        ran = bool(verdict.inputs)  # what could not be built as a whole cannot be built for a part of it either
        if not ran or len({consumed.judged.finding.fix for consumed in draft.consumed}) < 2:
            return False
        allowed = [(judged, single, alone) for judged, single, alone in self._singles(draft.group) if self._passes(single, alone)]
        if allowed:
            self._recombine(draft.group, allowed)
        return True

    def _passes(self, single: Draft, verdict: Verdict) -> bool:
        if allows(self.settings, verdict):
            return True
        self._refuse(single, verdict)
        return False

    def _singles(self, group: str) -> Iterator[Single]:
        """Each fix of a class alone (two rules may propose the same one), with its verdict."""
        analysis = self.checker.analyse(self.source, self.settings, only=group)
        by_operations: dict[object, list[Judged]] = {}
        for judged in self.drafter.fixable(analysis.judged, self.refused_keys()):
            assert judged.finding.fix is not None
            by_operations.setdefault(judged.finding.fix.operations, []).append(judged)
        for same in by_operations.values():
            single = self._part(group, same)
            if single is not None:
                yield same, single, self._verdict(single)

    def _recombine(self, group: str, allowed: list[Single]) -> None:
        """Take over all fixes that passed singly if they pass together, else one of them; the next round looks at the rest."""
        if len(allowed) > 1:
            together = self._part(group, [judged for same, _, _ in allowed for judged in same])
            verdict = self._verdict(together) if together else None
            if together and verdict and allows(self.settings, verdict):
                self._accept(together, verdict)
                return
        _, single, verdict = allowed[0]
        self._accept(single, verdict)

    def _part(self, group: str, judged: list[Judged]) -> Draft | None:
        """The draft of some of a class's fixes, None where they mean nothing without the others."""
        try:
            return self.drafter.part(group, judged)
        except BrokenFix:
            return None


def _with_peak(consumed: Consumed, verdict: Verdict) -> Consumed:
    """The finding with the measured bytes in its message."""
    assert verdict.peak_bytes is not None
    finding = consumed.judged.finding
    inference = f"{verdict.peak_bytes[0]:,} -> {verdict.peak_bytes[1]:,} bytes"
    told = f"{finding.message} (peak of the class in inference {inference}, in training {_change(verdict.peak_training)})"
    return replace(consumed, judged=replace(consumed.judged, finding=replace(finding, message=told)))


def _change(peak: tuple[int, int] | None) -> str:
    if peak is None:
        return "not measured"
    return "no change" if peak[0] == peak[1] else f"{peak[0]:,} -> {peak[1]:,} bytes"
