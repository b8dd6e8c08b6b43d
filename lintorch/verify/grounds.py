"""What a verdict rests on beside the two texts: the files that were loaded, and whether time or memory had a say in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from lintorch.verify.supervisor import Outcome
from lintorch.verify.verdict import Status, Verdict
from lintorch.worker.protocol import Frame


class Judged(NamedTuple):
    """A verdict, the files that were loaded to reach it, and whether it would be reached again on any day."""

    verdict: Verdict
    loaded: frozenset[str]
    lasts: bool


@dataclass
class Grounds:
    """Collects them while a change is on its way to its verdict."""

    loaded: set[str] = field(default_factory=set)
    lost: bool = False
    longest: float = 0.0

    def noted(self, outcome: Outcome) -> Outcome:
        """The outcome of a child, what it says of loaded files noted and left out."""
        self.lost = self.lost or outcome.lost is not None
        self.longest = max(self.longest, outcome.processor)
        for frame in outcome.frames:
            self.loaded.update(frame.head.get("loaded", ()))
        return replace(outcome, frames=tuple(Frame(_without(frame.head), frame.blobs) for frame in outcome.frames))

    def judged(self, verdict: Verdict, quick: float) -> Judged:
        """What was decided lasts unless a child was lost on the way; what stays undecided only where every child was `quick`, so that no limit was met."""
        lasts = not self.lost and (verdict.status is not Status.UNDECIDED or (self.longest < quick and "emory" not in (verdict.reason or "")))
        return Judged(verdict, frozenset(self.loaded), lasts)


def _without(head: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in head.items() if name != "loaded"}
