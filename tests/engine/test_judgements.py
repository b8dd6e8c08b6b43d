"""Verdicts of earlier runs: given again only where nothing that took part has changed, and only if time and memory had no say in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lintorch.cache.store import Store
from lintorch.engine.remembered import Remembered
from lintorch.engine.result import FileResult
from lintorch.engine.run import Mode, Task, run_files
from lintorch.engine.verdicts import Verifiers
from lintorch.settings import Settings
from lintorch.verify.grounds import Grounds, Judged
from lintorch.verify.supervisor import Outcome
from lintorch.verify.verdict import Change, Status, Verdict
from lintorch.verify.verifier import Verifier
from lintorch.worker.protocol import Frame

OLD = """\
import torch
from torch import nn
from pkg.ops import double


class Net(nn.Module):
    def forward(self, x):
        y = double(x)
        return y
"""
NEW = OLD.replace("        y = double(x)\n        return y\n", "        return double(x)\n")
EXAMPLE = {"Net": ("Net(), torch.randn(2, 3)",)}


@pytest.fixture
def change(tmp_path: Path) -> Change:
    package = tmp_path / "project" / "pkg"
    package.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text("")
    (package / "__init__.py").write_text("")
    (package / "ops.py").write_text("def double(x):\n    return x * 2\n")
    (package / "other.py").write_text("unused = 1\n")
    (package / "net.py").write_text(OLD)
    return Change(package / "net.py", "Net", OLD, NEW, (8, 9))


@pytest.fixture(scope="module")
def worker() -> Iterator[Verifier]:
    with Verifier(Settings(examples=EXAMPLE)) as verifier:
        yield verifier


class Counted:
    """Verdicts as a run gets them, by a worker that the tests share, with the number of those that were reached anew."""

    def __init__(self, folder: Path, worker: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self.reached = folder, 0

        def judge(verifier: Verifier, change: Change, examples=()):
            self.reached += 1
            return original(worker, change, examples)

        original = Verifier.judge
        monkeypatch.setattr(Verifier, "judge", judge)

    def ask(self, change: Change, settings: Settings | None = None) -> Verdict:
        return Verifiers(cache=Store(self._folder)).under(settings or Settings(examples=EXAMPLE))(change)


@pytest.fixture
def counted(tmp_path: Path, worker: Verifier, monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(tmp_path / "cache", worker, monkeypatch)


def test_a_verdict_is_reached_once(counted: Counted, change: Change) -> None:
    first = counted.ask(change)
    assert first.status in (Status.SAME_TRACE, Status.TESTED), first
    assert counted.ask(change) == first
    assert counted.reached == 1


def test_what_took_part_counts_and_nothing_else(counted: Counted, change: Change) -> None:
    counted.ask(change)
    (change.path.parent / "other.py").write_text("unused = 2\n")
    counted.ask(change)
    assert counted.reached == 1
    (change.path.parent / "ops.py").write_text("def double(x):\n    return x + x\n")
    counted.ask(change)
    assert counted.reached == 2


@pytest.mark.parametrize(
    "other",
    [
        lambda change, settings: (replace(change, new=change.new + "# more\n"), settings),
        lambda change, settings: (replace(change, old_lines=(8,)), settings),
        lambda change, settings: (change, replace(settings, time_limit=50.0)),
        lambda change, settings: (change, replace(settings, examples={"Net": ("Net(), torch.randn(3, 3)",)})),
    ],
)
def test_another_question_has_an_answer_of_its_own(counted: Counted, change: Change, other) -> None:
    settings = Settings(examples=EXAMPLE)
    counted.ask(change, settings)
    counted.ask(*other(change, settings))
    assert counted.reached == 2


def test_refuted_stays_refuted(counted: Counted, change: Change) -> None:
    wrong = replace(change, new=NEW.replace("double(x)\n", "double(x) + 1\n"))
    assert [counted.ask(wrong).status for _ in range(2)] == [Status.REFUTED] * 2
    assert counted.reached == 1


def test_a_file_that_was_fixed_before_is_fixed_the_same_way(tmp_path: Path, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Change] = []
    judged = Judged(Verdict(Status.TESTED, inputs=("float32[2]",)), frozenset({str(change.path.parent / "ops.py")}), lasts=True)
    monkeypatch.setattr(Verifiers, "_reached", lambda verifiers, settings, peak, change: asked.append(change) or judged)
    store, settings = Store(tmp_path / "cache"), Settings(root=tmp_path / "project")

    def run(mode: Mode, **changed: str) -> tuple[FileResult, ...]:
        return run_files([Task(change.path, replace(settings, **changed), mode)], 1, remembered=Remembered(store))

    first = run(Mode.DIFF)
    assert (first[0].text, len(asked)) == (NEW, 1)
    assert run(Mode.DIFF) == first
    assert len(asked) == 1
    assert run(Mode.DIFF, allow="same-trace")[0].text is None  # another rule for writing: asked again
    (change.path.parent / "ops.py").write_text("def double(x):\n    return x + x\n")
    run(Mode.DIFF)
    assert len(asked) == 3
    run(Mode.FIX)
    change.path.write_text(OLD)
    fixed = run(Mode.FIX)
    assert (len(asked), change.path.read_text(), [one.fixed for one in fixed[0].diagnostics]) == (4, NEW, [True])


def outcome(lost: str | None = None, processor: float = 0.1, loaded: tuple[str, ...] = ()) -> Outcome:
    return Outcome((Frame({"runs": 1, "loaded": list(loaded)}, []),), lost, processor)


@pytest.mark.parametrize(
    ("verdict", "outcomes", "lasts"),
    [
        (Verdict(Status.TESTED), [outcome(), outcome(processor=30)], True),
        (Verdict(Status.TESTED), [outcome(), outcome(lost="timed out")], False),
        (Verdict(Status.UNDECIDED, "no inputs found"), [outcome(processor=1)], True),
        (Verdict(Status.UNDECIDED, "no inputs found"), [outcome(processor=5)], False),
        (Verdict(Status.UNDECIDED, "forward raises MemoryError"), [outcome()], False),
        (Verdict(Status.UNDECIDED, "the original timed out"), [outcome(lost="timed out")], False),
    ],
)
def test_what_time_or_memory_had_a_say_in_does_not_last(verdict: Verdict, outcomes: list[Outcome], lasts: bool) -> None:
    grounds = Grounds()
    for one in outcomes:
        assert grounds.noted(one).head == {"runs": 1}
    assert grounds.judged(verdict, quick=4.0).lasts is lasts


def test_what_was_loaded_is_collected() -> None:
    grounds = Grounds()
    grounds.noted(outcome(loaded=("/a.py", "/b.py")))
    grounds.noted(outcome(loaded=("/b.py", "/c.py")))
    assert grounds.judged(Verdict(Status.TESTED), 4.0).loaded == {"/a.py", "/b.py", "/c.py"}


def test_a_data_file_that_the_module_opens_takes_part(counted: Counted, change: Change) -> None:
    table = change.path.parent / "scale.txt"
    table.write_text("2.0")
    reading = 'from pathlib import Path\n\n\ndef double(x):\n    return x * float(Path(__file__).with_name("scale.txt").read_text())\n'
    (change.path.parent / "ops.py").write_text(reading)
    counted.ask(change)
    counted.ask(change)
    assert counted.reached == 1
    table.write_text("3.0")
    counted.ask(change)
    assert counted.reached == 2
