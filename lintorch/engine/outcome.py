"""What a repair came to, told in positions that people can use: of the old text for what is gone, of the new text for what is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lintorch.engine.check import Analysis, Judged
from lintorch.engine.draft import Consumed, Key
from lintorch.engine.lineage import Lineage
from lintorch.engine.place import fix_edits, place
from lintorch.engine.result import Diagnostic, FileResult, Patch, Rewrite, fingerprinted, patch
from lintorch.source.text import Edit, Position, Source
from lintorch.verify.verdict import Verdict


@dataclass(frozen=True)
class Judgement:
    """A draft's verdict. The edits of an accepted one are those of the file as it was read, of a refused one those of the text after `step` steps."""

    group: str
    verdict: Verdict
    edits: tuple[Edit, ...]
    consumed: tuple[Consumed, ...]
    step: int


@dataclass(frozen=True)
class Ledger:
    """The file as it was read and as it would be written, the steps between, and every judgement on the way."""

    original: Source
    final: Source
    lineage: Lineage
    accepted: tuple[Judgement, ...]
    refused: tuple[Judgement, ...]
    failures: tuple[str, ...]


def file_result(ledger: Ledger, first: Analysis, last: Analysis, in_place: bool) -> FileResult:
    """The outcome of a file whose first text had the findings of `first` and whose last text has those of `last`.

    With `in_place` findings are fixed, and what is left is placed in the new text; without it all of them are still there, in the old one.
    """
    telling = _Telling(ledger, in_place)
    found = sorted((*telling.fixed(first), *telling.left(last)), key=lambda one: (one.cell or 0, one.start, one.code))
    changed = ledger.final.text != ledger.original.text
    return FileResult(
        path=str(ledger.original.path), diagnostics=fingerprinted(found), rewrites=tuple(telling.rewrites()),
        failures=tuple(dict.fromkeys((*first.failures, *last.failures, *ledger.failures))), withheld=last.withheld,
        original=ledger.original, text=ledger.final.text if changed else None,
    )  # fmt: skip


@dataclass(frozen=True)
class _Telling:
    ledger: Ledger
    in_place: bool

    def rewrites(self) -> Iterator[Rewrite]:
        for number, judgement in enumerate(self._judgements(), 1):
            allowed = judgement in self.ledger.accepted
            yield Rewrite(number, str(self.ledger.original.path), judgement.group, self._patch(judgement), self._told(judgement.verdict), allowed)

    def fixed(self, first: Analysis) -> Iterator[Diagnostic]:
        """The findings that accepted rewrites answer, in the text as it was read."""
        at_first = {(judged.finding.code, judged.finding.span): judged for judged in first.judged}
        for number, judgement in enumerate(self.ledger.accepted, 1):
            whole = self._patch(judgement)
            for consumed in {consumed.key: consumed for consumed in judgement.consumed}.values():
                shown = self._shown(consumed, at_first.get(consumed.key), whole)
                yield replace(shown, rewrite=number, verdict=self._told(judgement.verdict), fixed=self.in_place)

    def _shown(self, consumed: Consumed, at_first: Judged | None, whole: Patch) -> Diagnostic:
        finding = (at_first or consumed.judged).finding
        if at_first and not consumed.later:
            return place(self.ledger.original, finding)
        title = finding.fix.title if finding.fix else whole.title
        return replace(place(self.ledger.original, finding, span=consumed.key[1]), fix=replace(whole, title=title))

    def left(self, last: Analysis) -> Iterator[Diagnostic]:
        """The findings of the last text, with the verdict that refused their fix."""
        for judged in last.judged:
            key: Key = (judged.finding.code, self.ledger.lineage.origin(judged.finding.span))
            shown = place(self.ledger.final, judged.finding)
            if not self.in_place and self.ledger.lineage.steps:
                shown = self._in_original(judged, key)
            number, verdict = self._refusal(key)
            yield replace(shown, rewrite=number, verdict=verdict)

    def _in_original(self, judged: Judged, key: Key) -> Diagnostic:
        """A finding of the last text, placed in the text as it was read."""
        shown = place(self.ledger.original, judged.finding, span=key[1])
        if judged.finding.fix is None:
            return shown
        edits = fix_edits(self.ledger.final, judged.finding.fix)
        return replace(shown, fix=self._backward(judged.finding.fix.title, edits, self.ledger.lineage))

    def _refusal(self, key: Key) -> tuple[int | None, Verdict | None]:
        for number, judgement in enumerate(self.ledger.refused, len(self.ledger.accepted) + 1):
            if any(consumed.key == key for consumed in judgement.consumed):
                return number, self._told(judgement.verdict)
        return None, None

    def _told(self, verdict: Verdict) -> Verdict:
        """The verdict with its lines as people find them."""
        source = self.ledger.original
        lines = tuple(source.shown(Position(line, 1)).line for line in verdict.lines)
        return replace(verdict, lines=lines, reason=source.told(verdict.reason) if verdict.reason else None)

    def _judgements(self) -> tuple[Judgement, ...]:
        return (*self.ledger.accepted, *self.ledger.refused)

    def _patch(self, judgement: Judgement) -> Patch:
        """A rewrite's edits where people look for them: an accepted one's in the text as it was, a refused one's in the text as it is now."""
        title = f"rewrite {judgement.group}"
        if judgement in self.ledger.accepted:
            return patch(self.ledger.original, title, judgement.edits)
        before, after = Lineage(self.ledger.lineage.steps[: judgement.step]), Lineage(self.ledger.lineage.steps[judgement.step :])
        if not self.in_place:
            return self._backward(title, judgement.edits, before)
        moved = [(after.descendant(edit.span), edit.text) for edit in judgement.edits]
        return patch(self.ledger.final, title, [Edit(span, text) for span, text in moved if span is not None])

    def _backward(self, title: str, edits: Iterable[Edit], lineage: Lineage) -> Patch:
        return patch(self.ledger.original, title, [Edit(lineage.origin(edit.span), edit.text) for edit in edits])
