"""The verdict on a change in a loop: both versions run with unknowns for models, data and settings, step by step the same, and less kept alive."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lintorch.verify.executable import never_ran
from lintorch.verify.supervisor import Outcome
from lintorch.verify.verdict import Change, Retained, Status, Verdict
from lintorch.verify.watched import Watched, watched
from lintorch.worker.protocol import LoopPlan

RunChild = Callable[[str, Mapping[str, Any], Sequence[bytes]], Outcome]
Spec = Callable[[str], Mapping[str, Any]]
Seen = Mapping[str, Any]

_SUBSET = [-1.0]  # as worker/loops.py marks the objects that are alive
_FEWEST = 3  # steps in which the change must have run
# How a loop is run: which unknowns have parameters, what an unknown counts as, the seed of all values, and whether only the loop itself is run.
_WAYS = (
    ("usage", 16, 0, False),
    ("all", 16, 0, False),
    ("usage", 1, 0, False),
    ("usage", 16, 0, True),
    ("all", 16, 0, True),
    ("all", 1, 0, True),
    ("usage", 16, 1, False),
    ("all", 1, 1, True),
)
_TRAINS = (".backward(", "manual_backward(", ".step(")


@dataclass(frozen=True)
class _Try:
    """A way to run the original, and what was seen; `flaw` is why it shows nothing."""

    plan: LoopPlan
    seen: Seen
    flaw: str | None
    score: int


def decide_loop(change: Change, spec: Spec, run: RunChild) -> Verdict:
    """The verdict on a change in a function, a method or a script that trains or evaluates."""
    return _LoopJob(change, spec, run).verdict()


class _LoopJob:
    def __init__(self, change: Change, spec: Spec, run: RunChild) -> None:
        self.change, self.spec, self.run = change, spec, run
        self.old, self.new = watched(change.old, change.new)
        self._after: Seen = {}

    def verdict(self) -> Verdict:
        """Find a way to run the original, run the rewrite the same way, compare, alter, measure."""
        if not self.old.starts:
            return _undecided("the change stands in no statement that runs")
        chosen = self._choose()
        if chosen.flaw is not None:
            return _undecided(chosen.flaw)
        notes = _notes(chosen)
        problem = self._compare(chosen) or self._not_observed(chosen)
        lines = tuple(line for line in self.change.old_lines if line in set(chosen.seen["lines"]))
        base = Verdict(Status.TESTED, seeds=(chosen.plan["seed"],), lines=lines, inputs=("stand-ins",), notes=notes)
        if problem is not None:
            return replace(base, status=problem[0], reason=problem[1])
        before, after = self._witness(chosen, self.old), self._witness(chosen, self.new)
        if before is None or after is None:
            return replace(base, status=Status.UNDECIDED, reason="what each step keeps alive could not be measured")
        retained = Retained.of(before, after, sound=not (chosen.seen["replaced"] or chosen.plan["sliced"] or chosen.seen["touched"]))
        if not retained.falls:
            return replace(base, status=Status.UNDECIDED, reason=f"nothing less is kept alive ({retained.told})", retained=retained)
        return replace(base, retained=retained)

    # --- runs -----------------------------------------------------------------------------------------------------------------------------

    def _job(self, kind: str, version: Watched, plan: LoopPlan, text: str | None = None, **more: Any) -> Outcome:
        own: LoopPlan = {**plan, "lines": list(version.lines)}
        return self.run(kind, {"spec": self.spec(text or version.marked()), "plan": own, **more}, ())

    def _choose(self) -> _Try:
        """The first way in which the original runs as it should, else the one that came furthest."""
        tries: list[_Try] = []
        for models, number, seed, sliced in _WAYS:
            plan = LoopPlan(targets=list(self.old.targets), lines=[], models=models, number=number, seed=seed, sliced=sliced)
            tries.append(self._try(plan))
            if tries[-1].flaw is None:
                return tries[-1]
        return max(tries, key=lambda one: one.score)

    def _try(self, plan: LoopPlan) -> _Try:
        outcome = self._job("loop", self.old, plan)
        if not outcome.frames:
            return _Try(plan, {}, f"the original {outcome.lost}", 0)
        seen = outcome.head
        if "problem" in seen:
            return _Try(plan, seen, f"the original cannot be run: {seen['reason']}", 0)
        hits = [seen["hits"].get(str(number), 0) for number in range(len(self.old.starts))]
        score = min(hits) + seen["most_in_call"] + (seen["raised"] is None) + seen["trained"]
        return _Try(plan, seen, self._flaw(seen, hits), score)

    def _flaw(self, seen: Seen, hits: Sequence[int]) -> str | None:
        if seen["raised"] is not None:
            return f"the original raises {seen['raised']}"
        missing = never_ran(self.change.old, self.change.old_lines, frozenset(seen["lines"]))
        if min(hits) < _FEWEST or missing:
            line = missing[0] if missing else self.change.old.count("\n", 0, self.old.starts[hits.index(min(hits))]) + 1
            return f"line {line} ran {min(hits)} times only" if not missing else f"line {line} never ran"
        if self.old.in_loop and seen["most_in_call"] < _FEWEST:
            return f"its loop takes {seen['most_in_call']} steps only"
        trains = any(sign in self._around() for sign in _TRAINS)
        return "no parameter changed while it ran" if trains and not seen["trained"] else None

    def _around(self) -> str:
        """The text of the functions that are run."""
        return "\n".join(self.old.bodies)

    # --- comparisons ----------------------------------------------------------------------------------------------------------------------

    def _compare(self, chosen: _Try) -> tuple[Status, str] | None:
        again = self._job("loop", self.old, chosen.plan)
        if not again.frames:
            return Status.UNDECIDED, f"a second run of the original {again.lost}"
        other = _difference(chosen.seen, again.head)
        if other is not None:
            return Status.UNDECIDED, f"the original differs from itself: {other[0]}"
        after = self._job("loop", self.new, chosen.plan)
        if not after.frames or "problem" in after.head:
            return Status.UNDECIDED, f"the rewrite {after.lost or after.head['reason']}"
        self._after = after.head
        if after.head["raised"] is not None:
            return Status.REFUTED, f"raises {after.head['raised']}"
        found = _difference(chosen.seen, after.head)
        if found is None:
            return None
        path, close = found
        if chosen.seen["replaced"]:  # a stand-in's result may differ where the real one would not
            return Status.UNDECIDED, f"{path} differs, with stand-ins' results for {', '.join(chosen.seen['replaced'][:4])}"
        return (Status.CLOSE if close else Status.REFUTED), f"{path} differs"

    def _not_observed(self, chosen: _Try) -> tuple[Status, str] | None:
        """Every probed expression, altered, must make a difference."""
        text = self.new.marked(self.change.probes)
        for number, probe in enumerate(self.change.probes):
            outcome = self._job("loop canary", self.new, chosen.plan, text, probe=number)
            if not outcome.frames or "problem" in outcome.head:
                return Status.UNDECIDED, f"the run with an altered edit {outcome.lost or outcome.head['reason']}"
            if _difference(self._after, outcome.head) is None:
                return Status.UNDECIDED, f"edit not observed (line {self.change.new.count(chr(10), 0, probe.start) + 1})"
        return None

    def _witness(self, chosen: _Try, version: Watched) -> Mapping[str, Any] | None:
        hits = [chosen.seen["hits"].get(str(number), 0) for number in range(len(self.old.starts))]
        outcome = self._job("loop witness", version, chosen.plan, primary=hits.index(min(hits)))
        found: Mapping[str, Any] | None = outcome.head.get("witness")
        return found


def _undecided(reason: str) -> Verdict:
    return Verdict(Status.UNDECIDED, reason=reason)


def _notes(chosen: _Try) -> tuple[str, ...]:
    """What a reader must know of how the loop was run."""
    unknowns = ", ".join(chosen.seen["unknowns"][:6])
    notes = [f"run with stand-ins for what the loop is given{f' ({unknowns})' if unknowns else ''}, {_FEWEST} steps or more"]
    if chosen.plan["sliced"]:
        notes.append("the loop was run alone, without what stands before and after it")
    if chosen.seen["replaced"]:
        notes.append(f"shapes did not fit in {', '.join(chosen.seen['replaced'][:4])}, which gave a stand-in's result")
    return tuple(notes)


def _difference(before: Seen, after: Seen) -> tuple[str, bool] | None:
    """The first thing in which two runs differ, and whether it is within tolerance."""
    if before.get("raised") != after.get("raised"):
        return f"what it raises ({before.get('raised')}, {after.get('raised')})", False
    if before.get("hits") != after.get("hits"):
        return "the number of steps", False
    old, new = before.get("entries", ()), after.get("entries", ())
    different = [(one, other) for one, other in zip(old, new, strict=False) if one[:2] != other[:2] and not _fewer(one, other)]
    if not different:
        return None if len(old) == len(new) else ("the number of values", False)
    return different[0][0][0], all(_near(one, other) for one, other in different)


def _fewer(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Are these the objects that are alive, of which the later version has some?"""
    return one[0] == other[0] and one[2] == other[2] == _SUBSET and set(other[1].split()) <= set(one[1].split())


def _near(one: Sequence[Any], other: Sequence[Any]) -> bool:
    numbers: Iterable[tuple[float, float]] = zip(one[2], other[2], strict=False)
    same = bool(one[2]) and not one[2] == other[2] == _SUBSET and one[0] == other[0] and len(one[2]) == len(other[2])
    return same and all(math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-7) for a, b in numbers)
