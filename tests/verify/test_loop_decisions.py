"""What is made of the answers of a loop's children: every answer that should change the verdict changes it, and nothing else does."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lintorch.source.text import Span
from lintorch.verify.loops import decide_loop
from lintorch.verify.supervisor import Outcome
from lintorch.verify.verdict import Change, Status, Verdict
from lintorch.worker.protocol import Frame

OLD = "def train(net, data):\n    total = 0\n    for x in data:\n        loss = net(x)\n        loss.backward()\n        total += loss\n    return total\n"
NEW = OLD.replace("+= loss\n", "+= loss.detach()\n")
AT = NEW.index("loss.detach()")
CHANGE = Change(Path("/nowhere/train.py"), "train", OLD, NEW, (6,), (Span(AT, AT + len("loss.detach()")),), retention=True)
ENTRIES = [["local total", "d1", [1.0, 2.0]], ["result", "d2", [3.0]], ["alive", "a b c", [-1.0]]]
LOOP = {"raised": None, "lines": [2, 3, 4, 5, 6, 7], "hits": {"0": 4}, "most_in_call": 4, "trained": True, "replaced": [], "touched": [],
        "unknowns": ["net", "data"], "entries": ENTRIES}  # fmt: skip
MEASURED = {"steps": 4, "nodes_per_step": 2.0, "bytes_per_step": 64.0, "held_nodes": 8, "held_bytes": 256, "peak_bytes": 300, "levels": [[1, 2]]}
LESS = {**MEASURED, "nodes_per_step": 0.0, "bytes_per_step": 0.0}

Answer = dict[str, Any] | str  # what a child says, or how it was lost
Answers = dict[str, Answer]


def answers(**altered: Any) -> Answers:
    """What the children say where all is well, but for these."""
    canary = {**LOOP, "entries": [["local total", "other", [9.0, 9.0]], *ENTRIES[1:]]}
    plain: Answers = {"first": LOOP, "again": LOOP, "after": LOOP, "canary": canary, "before kept": {"witness": MEASURED}, "after kept": {"witness": LESS}}
    return {**copy.deepcopy(plain), **altered}


def decided(said: Answers, change: Change = CHANGE, ways: Callable[[Mapping[str, Any]], bool] = lambda plan: True) -> Verdict:
    """The verdict on those answers; `ways` says in which ways of running the original the first of them is given, in others it raises."""
    asked: list[str] = []

    def run(kind: str, job: Mapping[str, Any], _: Sequence[bytes]) -> Outcome:
        new = "detach()" in job["spec"]["text"]
        name = {"loop canary": "canary", "loop witness": "after kept" if new else "before kept"}.get(kind)
        if name is None:
            name = "after" if new else "again" if "first" in asked else "first"
        answer = said[name]
        if name == "first" and not ways(job["plan"]):
            answer = {**LOOP, "raised": "ValueError: not so"}
        else:
            asked.append(name)
        return Outcome(lost=answer) if isinstance(answer, str) else Outcome((Frame(answer, ()),))

    return decide_loop(change, lambda text: {"text": text}, run)


def with_entries(*entries: list[Any]) -> dict[str, Any]:
    return {**LOOP, "entries": [*entries, *ENTRIES[len(entries) :]]}


def test_the_same_steps_and_less_kept_is_tested() -> None:
    verdict = decided(answers())
    assert (verdict.status, verdict.reason, verdict.lines, verdict.seeds, verdict.inputs) == (Status.TESTED, None, (6,), (0,), ("stand-ins",))
    assert verdict.retained is not None
    assert verdict.retained.sound
    assert verdict.retained.nodes_per_step == (2.0, 0.0)
    assert verdict.notes == ("run with stand-ins for what the loop is given (net, data), 3 steps or more",)


UNSHOWN: dict[str, tuple[Answer, str]] = {
    "lost": ("timed out", "the original timed out"),
    "no way to run": ({"problem": "import", "reason": "no module"}, "the original cannot be run: no module"),
    "raises": ({**LOOP, "raised": "ValueError: x"}, "the original raises ValueError: x"),
    "the line never ran": ({**LOOP, "lines": [2, 3, 4, 5, 7]}, "line 6 never ran"),
    "too few times": ({**LOOP, "hits": {"0": 2}}, "line 6 ran 2 times only"),
    "not counted": ({**LOOP, "hits": {}}, "line 6 ran 0 times only"),
    "in too short a loop": ({**LOOP, "most_in_call": 2}, "its loop takes 2 steps only"),
    "nothing trained": ({**LOOP, "trained": False}, "no parameter changed while it ran"),
}


@pytest.mark.parametrize(("said", "reason"), UNSHOWN.values(), ids=UNSHOWN)
def test_an_original_that_does_not_run_as_it_should_shows_nothing(said: Answer, reason: str) -> None:
    verdict = decided(answers(first=said, again=said))
    assert (verdict.status, verdict.reason) == (Status.UNDECIDED, reason)


@pytest.mark.parametrize("fewest", [{"hits": {"0": 3}}, {"most_in_call": 3}])
def test_three_steps_are_enough(fewest: dict[str, Any]) -> None:
    run = {**LOOP, **fewest}
    assert decided(answers(first=run, again=run, after=run)).status is Status.TESTED


COMPARED: dict[str, tuple[Answers, Status, str]] = {
    "second run lost": ({"again": "was killed"}, Status.UNDECIDED, "a second run of the original was killed"),
    "second run differs": ({"again": with_entries(["local total", "d9", [1.0, 2.0]])}, Status.UNDECIDED, "the original differs from itself: local total"),
    "second run raises": ({"again": {**LOOP, "raised": "E: y"}}, Status.UNDECIDED, "the original differs from itself: what it raises (None, E: y)"),
    "rewrite lost": ({"after": "timed out"}, Status.UNDECIDED, "the rewrite timed out"),
    "rewrite cannot run": ({"after": {"problem": "import", "reason": "no such"}}, Status.UNDECIDED, "the rewrite no such"),
    "rewrite raises": ({"after": {**LOOP, "raised": "E: y"}}, Status.REFUTED, "raises E: y"),
    "other number of steps": ({"after": {**LOOP, "hits": {"0": 5}}}, Status.REFUTED, "the number of steps differs"),
    "other value": ({"after": with_entries(ENTRIES[0], ["result", "d7", [4.0]])}, Status.REFUTED, "result differs"),
    "close value": ({"after": with_entries(ENTRIES[0], ["result", "d7", [3.000001]])}, Status.CLOSE, "result differs"),
    "one close, one far": (
        {"after": with_entries(["local total", "d8", [1.0, 2.000001]], ["result", "d7", [4.0]])}, Status.REFUTED, "local total differs"),
    "other name": ({"after": with_entries(["local other", "d1", [1.0, 2.0]])}, Status.REFUTED, "local total differs"),
    "one number more": ({"after": with_entries(["local total", "d9", [1.0, 2.0, 3.0]])}, Status.REFUTED, "local total differs"),
    "no numbers": ({"after": with_entries(["local total", "d9", []])}, Status.REFUTED, "local total differs"),
    "one value fewer": ({"after": {**LOOP, "entries": ENTRIES[:2]}}, Status.REFUTED, "the number of values differs"),
    "more alive": ({"after": {**LOOP, "entries": [*ENTRIES[:2], ["alive", "a b d", [-1.0]]]}}, Status.REFUTED, "alive differs"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "status", "reason"), COMPARED.values(), ids=COMPARED)
def test_what_differs_decides(said: Answers, status: Status, reason: str) -> None:
    verdict = decided(answers(**said))
    assert (verdict.status, verdict.reason, verdict.retained) == (status, reason, None)


def test_fewer_alive_is_no_difference() -> None:
    assert decided(answers(after={**LOOP, "entries": [*ENTRIES[:2], ["alive", "c a", [-1.0]]]})).status is Status.TESTED


def test_stand_ins_of_results_make_a_difference_undecided_and_a_measurement_unsound() -> None:
    run = {**LOOP, "replaced": ["net", "a", "b", "c", "d"]}
    differing = decided(answers(first=run, again=run, after=with_entries(["local total", "d9", [5.0, 5.0]])))
    assert (differing.status, differing.reason) == (Status.UNDECIDED, "local total differs, with stand-ins' results for net, a, b, c")
    same = decided(answers(first=run, again=run, after=run))
    assert same.retained is not None
    assert not same.retained.sound
    assert same.notes[-1] == "shapes did not fit in net, a, b, c, which gave a stand-in's result"


UNOBSERVED: dict[str, tuple[Answer, str]] = {
    "nothing changes": (LOOP, "edit not observed (line 6)"),
    "lost": ("timed out", "the run with an altered edit timed out"),
    "no way to run": ({"problem": "x", "reason": "no such"}, "the run with an altered edit no such"),
}


@pytest.mark.parametrize(("said", "reason"), UNOBSERVED.values(), ids=UNOBSERVED)
def test_an_altered_edit_has_to_be_seen(said: Answer, reason: str) -> None:
    verdict = decided(answers(canary=said))
    assert (verdict.status, verdict.reason) == (Status.UNDECIDED, reason)


@pytest.mark.parametrize("which", ["before kept", "after kept"])
def test_what_cannot_be_measured_is_undecided(which: str) -> None:
    verdict = decided(answers(**{which: {}}))
    assert (verdict.status, verdict.reason) == (Status.UNDECIDED, "what each step keeps alive could not be measured")


def test_nothing_less_kept_is_undecided_and_told() -> None:
    verdict = decided(answers(**{"after kept": {"witness": MEASURED}}))
    assert verdict.status is Status.UNDECIDED
    assert verdict.reason is not None
    assert verdict.reason.startswith("nothing less is kept alive (")
    assert verdict.retained is not None


def test_another_way_is_taken_where_the_first_shows_nothing() -> None:
    verdict = decided(answers(), ways=lambda plan: plan["sliced"])
    assert verdict.status is Status.TESTED
    assert "the loop was run alone, without what stands before and after it" in verdict.notes
    assert verdict.retained is not None
    assert not verdict.retained.sound
    assert decided(answers(), ways=lambda plan: plan["seed"] == 1).seeds == (1,)


def test_a_change_in_no_statement_is_undecided() -> None:
    change = Change(Path("/nowhere/train.py"), "train", OLD, OLD + "# a comment\n", (8,))
    verdict = decided(answers(), change)
    assert (verdict.status, verdict.reason) == (Status.UNDECIDED, "the change stands in no statement that runs")
