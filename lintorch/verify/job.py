"""The way of one change to its verdict: search, run the original (twice) and the rewrite, compare, canary, trace. Everything that runs code is a child."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from lintorch.source.text import Source, Span
from lintorch.verify.canary import canary_text
from lintorch.verify.compare import DECIDING, HEARD, Difference, differences, first_raise, initial_difference, is_out_of_memory, vacuous
from lintorch.verify.executable import never_ran
from lintorch.verify.figures import Figures
from lintorch.verify.supervisor import Outcome
from lintorch.verify.verdict import Change, Retained, Status, Verdict
from lintorch.worker.protocol import Frame, Hints, LoadSpec, Plan

SEEDS = (0, 1, 2)
# How many times as far from zero weights and inputs are, for versions that run other operations.
_FAR = ((3.0, 5.0), (1.0, 30.0))
MODES = ("train", "eval")
REPEATS = 3

# Runs a child: kind of job, what the job says, bytes that go with it.
RunChild = Callable[[str, Mapping[str, Any], Sequence[bytes]], Outcome]


@dataclass(frozen=True)
class Order:
    """What is asked about a change, and everything a worker must be told to find out."""

    change: Change
    module: str
    roots: tuple[str, ...]
    hints: Hints
    search_seconds: float
    search_bytes: int
    peak: bool = False
    trace: bool = True
    figures: bool = False

    def spec(self, text: str) -> LoadSpec:
        """How a worker loads a version of the file."""
        return LoadSpec(path=str(self.change.path), text=text, symbol=self.change.symbol, module=self.module, roots=list(self.roots))


class _Settled(Exception):
    """The verdict is known before all steps are done."""

    def __init__(self, status: Status, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.hint = status, reason, hint


def _undecided(reason: str, hint: str | None = None) -> NoReturn:
    raise _Settled(Status.UNDECIDED, reason, hint)


def decide(order: Order, run: RunChild) -> Verdict:
    """The verdict on a change."""
    job = _Job(order, run)
    try:
        job.work()
    except _Settled as settled:
        return dataclasses.replace(job.verdict, status=settled.status, reason=settled.reason, hint=settled.hint)
    return job.verdict


class _Job:
    """One change on its way; `verdict` holds what is known so far, and is the answer once `work` returns."""

    def __init__(self, order: Order, run: RunChild) -> None:
        self.order, self.change, self._run = order, order.change, run
        self.plan = Plan(seeds=list(SEEDS), modes=list(MODES), repeats=REPEATS)
        self.verdict = Verdict(Status.TESTED)
        self.setup = Frame({}, [])
        self.unheard: frozenset[str] = frozenset()

    def work(self) -> None:
        """Go through all steps; raises _Settled where one of them settles the matter."""
        self._search()
        before = self._run_original()
        self._check_original(before)
        ran = self._audit(before)
        after = self._run_rewrite()
        self._compare(before, after)
        self._know(peak_bytes=_peak(before, after, "forward"), peak_training=_peak(before, after, "training"))
        self._check_lines(ran)
        self._check_canary(after)
        if self.change.retention:
            self._witness()
        self._judge_traces(before, after)

    def _know(self, **facts: Any) -> None:
        self.verdict = dataclasses.replace(self.verdict, **facts)

    # --- inputs -----------------------------------------------------------------------------------------------------------------------

    def _search(self) -> None:
        head = {
            "spec": self.order.spec(self.change.old),
            "plan": self.plan,
            "hints": self.order.hints,
            "budget": {"seconds": self.order.search_seconds, "bytes": self.order.search_bytes},
        }
        outcome = self._run("search", head, ())
        problems = {"load": "cannot be loaded: ", "inputs": "no inputs found: ", "failure": "the search for inputs raised "}
        self._expect(outcome, "the search for inputs", problems)
        self.setup = outcome.frames[0]
        told = self.setup.head
        self._know(inputs=tuple(told["inputs"]), example=told["recipe"].get("hint"), seeds=SEEDS, notes=tuple(told["notes"]))
        if self.setup.head.get("fake"):
            self._judge_fake_traces()

    def _expect(self, outcome: Outcome, who: str, problems: Mapping[str, str]) -> None:
        """Settle as undecided what a child could not do."""
        if outcome.lost is not None and not outcome.frames:
            _undecided(f"{who} {outcome.lost}")
        problem = outcome.head.get("problem")
        if problem is not None:
            _undecided(problems.get(problem, f"{who}: ") + outcome.head["reason"], outcome.head.get("hint"))

    def _measure(self, kind: str, text: str, **more: Any) -> Outcome:
        head = {**self.setup.head, "spec": self.order.spec(text), "plan": self.plan, **more}
        return self._run(kind, head, self.setup.blobs)

    def _beside(self) -> dict[str, bool]:
        """What is measured beside the runs that decide."""
        return {"trace": self.order.trace, "peak": self.order.peak or self.order.figures, "figures": self.order.figures}

    # --- the original -----------------------------------------------------------------------------------------------------------------

    def _run_original(self) -> Outcome:
        outcome = self._measure("measure", self.change.old, **self._beside(), again=self._first_seed())
        self._expect(outcome, "the original", {"load": "cannot be loaded: ", "build": "cannot be built: ", "failure": "the original could not be observed: "})
        return outcome

    def _check_original(self, before: Outcome) -> None:
        runs = before.head["runs"]
        modes = tuple(dict.fromkeys(run["mode"] for run in runs))
        differentiable = any(run["differentiable"] for run in runs)
        self._know(modes=modes, gradients="compared" if differentiable else "not applicable")
        raised = first_raise(runs)
        if raised:
            _undecided(f"the original raises {raised[1]} ({raised[0]})", self.setup.head["recipe"].get("hint"))
        empty = vacuous(runs)
        if empty:
            _undecided(f"the run shows nothing: {empty}", self.setup.head["recipe"].get("hint"))
        doubt = self.setup.head["recipe"].get("doubt")
        if doubt or before.head["touched"]:
            _undecided(doubt or f"a stand-in for {before.head['touched'][0]} took part")

    def _audit(self, before: Outcome) -> frozenset[int]:
        """The original with the first seed again must equal itself. Returns the lines that ran."""
        again = _later(before, "again")
        if again is None or self._self_differences(before, again, DECIDING):  # something may have outlived the first time
            outcome = self._measure("audit", self.change.old, again=self._first_seed())
            self._expect(outcome, "the second run of the original", {})
            again = outcome.head["again"]
        found = self._self_differences(before, again, DECIDING)
        if found:
            _undecided(f"the original differs from itself: {found[0]}")
        self.unheard = frozenset(difference.section for difference in self._self_differences(before, again, HEARD))
        return frozenset(again["lines"])

    def _first_seed(self) -> Plan:
        return Plan(seeds=self.plan["seeds"][:1], modes=self.plan["modes"], repeats=self.plan["repeats"])

    @staticmethod
    def _self_differences(before: Outcome, again: Mapping[str, Any], sections: Iterable[str]) -> list[Difference]:
        return differences(before.head["runs"][: len(again["runs"])], again["runs"], sections)

    def _check_lines(self, ran: frozenset[int]) -> None:
        missing = never_ran(self.change.old, self.change.old_lines, ran)
        self._know(lines=tuple(line for line in self.change.old_lines if line not in missing))
        if missing:
            _undecided(f"line {missing[0]} never ran", self.setup.head["recipe"].get("hint"))

    # --- the rewrite ------------------------------------------------------------------------------------------------------------------

    def _run_rewrite(self) -> Outcome:
        outcome = self._measure("measure", self.change.new, **self._beside())
        if outcome.head.get("problem") == "build":
            raise _Settled(Status.REFUTED, f"building it raises {outcome.head['reason']}")
        self._expect(outcome, "the rewrite", {"load": "the rewrite cannot be loaded: ", "match": "", "failure": "the rewrite could not be observed: "})
        return outcome

    def _compare(self, before: Outcome, after: Outcome) -> None:
        old, new = before.head, after.head
        drawn, drawn_after = _later(before, "figures"), _later(after, "figures")
        self._know(figures=Figures.of(drawn, drawn_after) if drawn and drawn_after else None)
        raised = first_raise(new["runs"])
        if raised and is_out_of_memory(raised[1]):
            _undecided(f"the rewrite raises {raised[1]} ({raised[0]})")
        if raised:
            raise _Settled(Status.REFUTED, f"raises {raised[1]} ({raised[0]})")
        renamed = bool(new["renamed"])
        # The plain attributes of a renamed submodule are found under its new name alone.
        found = differences(old["runs"], new["runs"], [section for section in DECIDING if not (renamed and section == "attributes")])
        if found:
            self._explain(found, ambiguous=renamed)
        initial = initial_difference(old["initial"], new["initial"])
        if initial:
            path, certain = initial
            raise _Settled(Status.REFUTED if certain else Status.UNDECIDED, f"initial value of {path} differs under the same seed")
        heard = differences(old["runs"], new["runs"], [section for section in HEARD if section not in self.unheard])
        if heard:
            _undecided(str(heard[0]))

    def _explain(self, found: Sequence[Difference], ambiguous: bool) -> None:
        """Find out how much the differences amount to; returns only if they are within tolerance (status close) or no difference at all."""
        wanted: dict[str, list[str]] = {}
        for difference in found:
            wanted.setdefault(difference.run, []).append(difference.section)
        told = self._differences(wanted)
        far = [difference for difference in told if difference["kind"] == "far"]
        if far and ambiguous:
            _undecided(f"differs if tensors correspond in order of registration: {self._say(far[0])}")
        if far:
            raise _Settled(Status.REFUTED, self._say(far[0]))
        if not told and not self.change.retention:
            _undecided(f"{found[0]}, but not when run again")
        close = [difference for difference in told if difference["kind"] == "close"]
        if close:
            self._know(status=Status.CLOSE, reason=self._say(close[0]))

    def _say(self, difference: Mapping[str, Any]) -> str:
        path = difference["path"]
        if difference["section"] == "argument":
            path = f"{path} after the call"
        far = self.setup.head.get("far")
        where = f"{difference['run']}, weights {far[0]:g} and inputs {far[1]:g} times as far from zero" if far else difference["run"]
        return f"{path}, {difference['what']} ({where})"

    def _differences(self, wanted: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
        before = self._measure("explain", self.change.old, wanted=wanted)
        self._expect(before, "a further run of the original", {})
        after = self._measure("explain", self.change.new, wanted=wanted)
        self._expect(after, "a further run of the rewrite", {})
        shift = len(before.frames[0].blobs)
        head = {"before": before.head["listings"], "after": after.head["listings"], "shift": shift, "graphs_count": not self.change.retention}
        outcome = self._run("compare", head, [*before.frames[0].blobs, *after.frames[0].blobs])
        self._expect(outcome, "the comparison", {})
        found: list[dict[str, Any]] = outcome.head["differences"]
        return found

    def _compare_far(self) -> None:
        """Versions that run other operations must agree too where values are far from zero: a bound that no value met is no bound that was tested."""
        near = self.setup
        for weights, inputs in _FAR:
            self.setup = Frame({**near.head, "far": (weights, inputs)}, near.blobs)
            before, after = (self._measure("measure", text) for text in (self.change.old, self.change.new))
            if any("runs" not in outcome.head for outcome in (before, after)) or first_raise(before.head["runs"]):
                continue  # more than the original bears shows nothing
            self._compare(before, after)
        self.setup = near

    # --- is the edit seen? ------------------------------------------------------------------------------------------------------------

    def _check_canary(self, after: Outcome) -> None:
        """Every probed expression, altered, must make a difference; where outputs are differentiable, its gradient must come back."""
        probes = self.change.probes
        if not probes:
            return
        text = canary_text(self.change.new, probes)
        baseline = {run["key"]: run["digests"] for run in after.head["runs"]}
        seen = self._canary(text, range(len(probes)), baseline)
        if seen["control"] is not None:  # something outlives a run in one process: each probe gets one of its own
            seen = _merged([self._canary(text, [probe], baseline) for probe in range(len(probes))])
        for number, probe in enumerate(probes):
            line = _line(self.change.new, probe)
            if seen["noticed"].get(str(number)) is None:
                _undecided(f"edit not observed (line {line})")
            if number in seen["asked_gradient"] and number not in seen["got_gradient"] and self.verdict.gradients == "compared":
                _undecided(f"no gradient reached the edit (line {line})")

    def _canary(self, text: str, probes: Iterable[int], baseline: Mapping[str, Any]) -> dict[str, Any]:
        outcome = self._measure("canary", text, probes=list(probes), baseline=baseline)
        self._expect(outcome, "the run with an altered edit", {})
        return outcome.head

    def _witness(self) -> None:
        """A change about what is kept alive must lower it."""
        seen = [self._measure("module witness", text).head for text in (self.change.old, self.change.new)]
        if any("witness" not in head for head in seen):
            reason = next((head["reason"] for head in seen if "reason" in head), "it ran too long")
            _undecided(f"what each step keeps alive could not be measured ({reason})")
        retained = Retained.of(seen[0]["witness"], seen[1]["witness"])
        self._know(retained=retained)
        if not retained.falls:
            _undecided(f"nothing less is kept alive ({retained.told})")

    def _judge_traces(self, before: Outcome, after: Outcome) -> None:
        old, new = _later(before, "trace"), _later(after, "trace")
        if old is None or new is None or "failed" in old or "failed" in new:
            return
        if old["calls"] != new["calls"] and not after.head["renamed"]:
            _undecided("modules are called differently, which forward hooks would see")
        if self.verdict.status is not Status.TESTED:
            return
        if old["digests"] == new["digests"]:
            self._know(status=Status.SAME_TRACE)
            return
        self._compare_far()
        if self.verdict.status is Status.TESTED and old["forms"] == new["forms"] and old["numbers"] != new["numbers"]:
            # The same operations with another constant: equal results mean that rounding swallowed it, or that no value met it.
            _undecided("the same operations are given another number, though no tested value shows it")

    def _judge_fake_traces(self) -> NoReturn:
        told = []
        for text in (self.change.old, self.change.new):
            outcome = self._measure("fake", text)
            self._expect(outcome, "the run without values", {})
            told.append(outcome.head["trace"])
        if any("failed" in trace for trace in told):
            _undecided("too large to be run here")
        _undecided(f"too large to be run here; fake traces {'equal' if told[0] == told[1] else 'differ'}")


def _later(outcome: Outcome, name: str) -> dict[str, Any] | None:
    """What a later frame of a child says, None where it did not get that far."""
    return next((frame.head[name] for frame in outcome.frames if name in frame.head), None)


def _peak(before: Outcome, after: Outcome, name: str) -> tuple[int, int] | None:
    old, new = _later(before, "peak"), _later(after, "peak")
    if old is None or new is None or old[name] is None or new[name] is None:
        return None
    return old[name], new[name]


def _merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "noticed": {number: key for part in parts for number, key in part["noticed"].items()},
        "asked_gradient": [number for part in parts for number in part["asked_gradient"]],
        "got_gradient": [number for part in parts for number in part["got_gradient"]],
    }


def _line(text: str, span: Span) -> int:
    return Source("", b"", text, "utf-8").position(span.start).line  # type: ignore[arg-type]
