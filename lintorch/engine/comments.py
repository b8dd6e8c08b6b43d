"""What comments do to findings: which are silenced, and which comments silence nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintorch.catalogue import Catalogue, RegisteredRule
from lintorch.rule import Finding, Measurement
from lintorch.settings import nearest
from lintorch.source.suppress import Suppression, Suppressions
from lintorch.source.text import Edit, Source, splice

if TYPE_CHECKING:
    from lintorch.engine.check import Analysis, Judged

ALL_COMMENTS, BESIDE_FLAKE8 = "all", "beside flake8"
# Of no rule: it speaks about lintorch's own comments, and no rule sees the findings of the others.
UNUSED_CODE, UNUSED_NAME = "LT001", "unused-ignore"


@dataclass(frozen=True)
class Comments:
    """The comments of one file as a run honours them: all, or those that a running flake8 does not look after itself."""

    source: Source
    rules: Sequence[RegisteredRule]
    honoured: str

    def unsuppressed(self, findings: Sequence[Judged]) -> list[Judged]:
        """The findings that no comment silences."""
        if not findings:
            return []
        suppressions, aliases = Suppressions.of(self.source), {registered.code: registered.rule.aliases for registered in self.rules}

        def covered(finding: Finding) -> bool:
            line, others = self.source.position(finding.span.start).line, aliases[finding.code]
            if self.honoured == BESIDE_FLAKE8:
                return suppressions.covers_beside_flake8(line, finding.code, others)
            return any(suppressions.covers(line, code) for code in (finding.code, *others))

        return [judged for judged in findings if not covered(judged.finding)]

    def absent(self) -> Source:
        """The file without the comments that silence: what it would be found guilty of. Nothing else moves but the ends of their lines."""
        suppressions = Suppressions.of(self.source)
        spans = {span for comment in suppressions.all if (span := suppressions.comment_spans.get(comment.line))}
        return self.source.with_text(splice(self.source.text, [Edit(span, "") for span in spans])) if spans else self.source

    def unused(self, found: Analysis, catalogue: Catalogue) -> Iterator[Finding]:
        """A finding for each comment with a code that silences nothing of what was found in its absence, among what this run could tell of."""
        suppressions = Suppressions.of(self.source)
        places = [(found.source.position(judged.finding.span.start).line, judged.finding.code) for judged in found.judged]
        for comment in () if suppressions.skips_file else suppressions.all:
            span = suppressions.comment_spans.get(comment.line)
            idle = "; ".join(self._idle(comment, places, catalogue)) if span and (comment.own or self.honoured == ALL_COMMENTS) else ""
            if span and idle:
                yield Finding(UNUSED_CODE, UNUSED_NAME, idle, span, "")

    def _idle(self, comment: Suppression, places: Sequence[tuple[int, str]], catalogue: Catalogue) -> Iterator[str]:
        if comment.codes is None:
            if comment.own and self._knows(catalogue.rules) and not any(comment.covers(line, code) for line, code in places):
                yield "this comment silences nothing here; remove it"
            return
        for word in comment.codes:
            fitting = [registered for registered in catalogue.rules if registered.code.startswith(word)]
            if not fitting:
                names = [known for registered in catalogue.rules for known in (registered.code, registered.name)]
                yield from [f"`{word}` is the code of no rule{nearest(word, names)}"] if comment.own else []
            elif self._knows(fitting) and not any(code.startswith(word) and comment.first <= line <= comment.last for line, code in places):
                yield f"`{word}` silences nothing here; remove it"

    def _knows(self, rules: Collection[RegisteredRule]) -> bool:
        """Would this run have found what these rules find? An opt-in rule among several counts only where it is on."""
        on = {registered.code for registered in self.rules}
        wanted = [registered for registered in rules if registered.rule.default] if len(rules) > 1 else rules
        return bool(wanted) and all(registered.code in on and registered.rule.needs is Measurement.NONE for registered in wanted)
