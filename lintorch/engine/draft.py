"""Drafts: what all fixes of one class or free function together would make of a file's text, before anybody ran it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from lintorch.engine.check import Checker, Judged
from lintorch.engine.lineage import Lineage, line_edits
from lintorch.engine.place import BrokenFix, apply
from lintorch.fix.compose import Candidate
from lintorch.settings import Settings
from lintorch.source.parse import parse
from lintorch.source.text import Edit, Source, SourceError, Span

# Names nobody reads go first: what is left is then a chain of names read once.
_FIRST = frozenset({"LT104", "LT105", "LT106"})
_PASSES = 12

Key = tuple[str, Span]  # a finding's code and where it stood in the file as it was read


@dataclass(frozen=True)
class Consumed:
    """A finding that a draft answers; `later` where a pass after the first did, so that its fix alone means nothing."""

    judged: Judged
    key: Key
    later: bool


@dataclass(frozen=True)
class Draft:
    """A text not yet verified; `edits` and `old_lines` are those of the text it starts from, `probes` those of its own."""

    group: str
    text: str
    edits: tuple[Edit, ...]
    consumed: tuple[Consumed, ...]
    probes: tuple[Span, ...]
    old_lines: tuple[int, ...]


@dataclass(frozen=True)
class Drafter:
    """Makes drafts on one text of a file; `lineage` leads back to the file as it was read."""

    checker: Checker
    settings: Settings
    source: Source
    lineage: Lineage
    measuring: bool = False

    def key(self, judged: Judged, later: Lineage | None = None) -> Key:
        """What tells a finding from all others of the file, on whichever text it was made."""
        lineage = self.lineage if later is None else Lineage((*self.lineage.steps, *later.steps))
        return judged.finding.code, lineage.origin(judged.finding.span)

    def fixable(self, judged: Iterable[Judged], refused: Collection[Key], later: Lineage | None = None) -> list[Judged]:
        """Of some findings those that have a fix nobody refused yet."""
        return [one for one in judged if one.finding.fix and self.key(one, later) not in refused]

    def whole(self, group: str, refused: Collection[Key]) -> Draft | None:
        """Pass after pass over one class or function until no rule says more, so that the draft is stable; None where nothing can be fixed.

        Raises BrokenFix where that never comes or a fix cannot be applied, SourceError where the text would not parse.
        """
        chain = _Chain(self.source)
        for _ in range(_PASSES):
            analysis = self.checker.analyse(chain.text, self.settings, only=group, measuring=self.measuring)
            found = self.fixable(analysis.judged, refused, chain.local)
            if not found:
                return chain.draft(group)
            first = [judged for judged in found if judged.finding.code in _FIRST]
            self._advance(chain, first or found)
        raise BrokenFix(f"its fixes still ask for more after {_PASSES} passes")

    def part(self, group: str, judged: Iterable[Judged]) -> Draft:
        """The draft of some findings alone, in one step; raises BrokenFix where they cannot be applied or the text would not parse."""
        chain = _Chain(self.source)
        self._advance(chain, list(judged))
        draft = chain.draft(group)
        assert draft is not None
        try:
            parse(chain.text)
        except SourceError as error:
            raise BrokenFix(str(error)) from None
        return draft

    def _advance(self, chain: _Chain, judged: list[Judged]) -> None:
        included, candidate = combined(chain.text, judged)
        later = bool(chain.local.steps)
        chain.step([Consumed(one, self.key(one, chain.local), later) for one in included], candidate)


@dataclass
class _Chain:
    """Steps from one text to the next; what is known about earlier steps is carried along."""

    start: Source
    text: Source = field(init=False)
    local: Lineage = field(default_factory=Lineage)
    consumed: list[Consumed] = field(default_factory=list)
    probes: list[Span] = field(default_factory=list)
    old_lines: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.text = self.start

    def step(self, consumed: list[Consumed], candidate: Candidate) -> None:
        here = Lineage().then(candidate.edits)
        kept = (here.descendant(probe) for probe in self.probes)
        self.probes = [probe for probe in kept if probe is not None] + list(candidate.probes)
        self.old_lines |= {self._line_at_start(line) for line in candidate.old_lines}
        self.consumed += consumed
        self.local = self.local.then(candidate.edits)
        self.text = self.text.with_text(candidate.text)

    def _line_at_start(self, line: int) -> int:
        return self.start.position(self.local.origin(self.text.line_span(line)).start).line

    def draft(self, group: str) -> Draft | None:
        if not self.local.steps:
            return None
        single = len(self.local.steps) == 1
        edits = self.local.steps[0] if single else line_edits(self.start.text, self.text.text)
        return Draft(group, self.text.text, edits, tuple(self.consumed), tuple(self.probes), tuple(sorted(self.old_lines)))


def combined(source: Source, judged: list[Judged]) -> tuple[list[Judged], Candidate]:
    """As many of the fixes as can be applied at once (what is left over comes in the next pass); raises BrokenFix where none can."""
    try:
        return judged, _applied(source, judged)
    except BrokenFix:
        if len(judged) == 1:
            raise
    included, candidate = combined(source, judged[:1])
    for one in judged[1:]:
        try:
            candidate = _applied(source, [*included, one])
            included = [*included, one]
        except BrokenFix:
            continue
    return included, candidate


def _applied(source: Source, judged: Iterable[Judged]) -> Candidate:
    return apply(source, (operation for one in judged if one.finding.fix for operation in one.finding.fix.operations))
