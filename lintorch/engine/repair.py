"""Fixing one file: each draft is run beside the text it starts from, and what its verdict allows becomes the file's text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lintorch.engine.check import Checker, Judged
from lintorch.engine.draft import Consumed, Draft, Drafter, Key
from lintorch.engine.lineage import Lineage, line_edits
from lintorch.engine.outcome import Judgement, Ledger, file_result
from lintorch.engine.place import BrokenFix
from lintorch.engine.result import FileResult
from lintorch.engine.verdicts import Verify, allows
from lintorch.settings import Settings
from lintorch.source.text import Edit, Source, SourceError, splice
from lintorch.verify.verdict import Change, Status, Verdict

Single = tuple[list[Judged], Draft, Verdict]

_ROUNDS = 32  # each but the last takes something over, so this is never reached by honest rules


def repair(checker: Checker, settings: Settings, verify: Verify, source: Source, in_place: bool) -> FileResult:
    """Fix one file as far as verdicts allow; nothing is written. `in_place` says that the new text will take the old one's place.

    Raises SourceError where the file cannot be parsed.
    """
    work = _Repair(checker, settings, verify, source, source)
    first = last = checker.analyse(source, settings)
    for _ in range(_ROUNDS):
        before = work.source
        for group in dict.fromkeys(judged.group for judged in work.drafter.fixable(last.judged, work.refused_keys())):
            work.improve(group)
        if work.source is before:
            break
        last = checker.analyse(work.source, settings)
    ledger = Ledger(source, work.source, work.lineage, tuple(work.accepted), tuple(work.refused), tuple(work.failures))
    return file_result(ledger, first, last, in_place)


@dataclass
class _Repair:
    """The repair of one file. Its text moves forward by accepted drafts alone: every text it has held was itself verified."""

    checker: Checker
    settings: Settings
    verify: Verify
    original: Source
    source: Source
    lineage: Lineage = field(default_factory=Lineage)
    accepted: list[Judgement] = field(default_factory=list)
    refused: list[Judgement] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def drafter(self) -> Drafter:
        return Drafter(self.checker, self.settings, self.source, self.lineage)

    def refused_keys(self) -> frozenset[Key]:
        """The findings whose fixes were refused and whose class has not changed since."""
        return frozenset(consumed.key for judgement in self.refused for consumed in judgement.consumed)

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
        if allows(self.settings, verdict):
            self._accept(draft, verdict)
        elif not self._split(draft, verdict):
            self._refuse(draft, verdict)

    def _verdict(self, draft: Draft) -> Verdict:
        change = Change(self.source.path.absolute(), draft.group, self.source.text, draft.text, draft.old_lines, draft.probes)
        return self.verify(change)

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
