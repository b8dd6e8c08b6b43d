"""Many files: the same results in the same order however they are shared out, and each fault costs its own file."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lintorch.engine import run
from lintorch.engine.check import Checker
from lintorch.engine.result import numbered
from lintorch.engine.run import Mode, Task, run_files, run_text
from lintorch.settings import Settings, UsageError
from lintorch.source.text import Source
from lintorch.verify.verdict import Change, Status, Verdict
from tests.catalogue.packs import installed
from tests.engine.small_rules import HEAD, module

FINDING = HEAD + module("Net", "y = x.relu()", "return y")
FIXED = HEAD + module("Net", "return x.relu()")
TESTED = Verdict(Status.TESTED, inputs=("float32[2]",))

# Speaks of every method; a function named `die` takes its process along, as a crash in an extension module would.
DEADLY = """\
import os
from lintorch.rule import Rule, Scope

def check(function):
    if function.entry.name == "die":
        os._exit(9)
    yield from ()

rule = Rule("ACM001", check, Scope.CLASS)
"""


@pytest.fixture
def tree(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"m{number:02}.py" for number in range(30)]
    for number, path in enumerate(paths):
        path.write_text(FINDING + "# padding\n" * ((number * 7) % 30))
    return paths


@pytest.fixture
def allowing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("lintorch.engine.verdicts.Verifiers.under", lambda self, settings: lambda change: TESTED)
    return


def tasks(paths: list[Path], mode: Mode = Mode.CHECK, settings: Settings | None = None) -> list[Task]:
    settings = settings or Settings()
    return [Task(path, settings, mode) for path in paths]


def test_processes_give_what_one_process_gives(tree: list[Path]) -> None:
    alone = run_files(tasks(tree), 1)
    assert [result.path for result in alone] == [str(path) for path in tree]
    assert [[one.code for one in result.diagnostics] for result in alone] == [["LT101"]] * 30
    assert run_files(tasks(tree), 2) == alone


def test_a_file_that_kills_its_process_costs_that_file_only(tree: list[Path], tmp_path: Path) -> None:
    tree[3].write_text(FINDING + HEAD + "class Dead(nn.Module):\n    def die(self):\n        pass\n")
    with installed(tmp_path / "site", {"deadly.py": DEADLY}):
        results = run_files(tasks(tree), 2)
    dead = results[3]
    assert dead.skipped == "the process that judged it died"
    assert dead.failures == (f"{tree[3]}: internal error: the process that judged it died; please report it, the file was left alone",)
    assert all(len(result.diagnostics) == 1 for index, result in enumerate(results) if index != 3)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_cannot_be_read_or_parsed_is_told_and_skipped(tree: list[Path], jobs: int, tmp_path: Path) -> None:
    tree[0].write_text("def f(:\n")
    tree[1].write_bytes(b"\0binary")
    tree[2].unlink()
    results = run_files(tasks(tree), jobs)
    assert [result.skipped for result in results[:4]] == [
        "is not valid Python (invalid syntax), line 1", "is not Python text (it holds NUL bytes)", "cannot be read (No such file or directory)", None,
    ]  # fmt: skip
    assert [result.failures[0].startswith(str(path)) for result, path in zip(results[:3], tree, strict=False)] == [True] * 3


def test_generated_files_are_skipped_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("# This file was automatically generated from b.py. Do not edit.\n" + FINDING)
    assert run_files(tasks([path]), 1)[0].skipped == "says that it is generated"
    (result,) = run_files(tasks([path], settings=Settings(include_generated=True)), 1)
    assert [one.code for one in result.diagnostics] == ["LT101"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_fixes_are_written(tree: list[Path], jobs: int, allowing: None) -> None:
    results = run_files(tasks(tree[:4], Mode.FIX), jobs)
    assert all(path.read_text().startswith(FIXED) for path in tree[:4])
    assert all(one.fixed for result in results for one in result.diagnostics)
    assert [rewrite.id for result in numbered(results) for rewrite in result.rewrites] == [1, 2, 3, 4]
    assert [one.rewrite for result in numbered(results) for one in result.diagnostics] == [1, 2, 3, 4]


def test_a_diff_writes_nothing(tree: list[Path], allowing: None) -> None:
    (result,) = run_files(tasks(tree[:1], Mode.DIFF), 1)
    assert tree[0].read_text() == FINDING
    assert result.text == FIXED
    assert [one.fixed for one in result.diagnostics] == [False]


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_text(FINDING)

    def edit(change: object) -> Verdict:
        path.write_text("mine = 1\n")
        return TESTED

    monkeypatch.setattr("lintorch.engine.verdicts.Verifiers.under", lambda self, settings: edit)
    (result,) = run_files(tasks([path], Mode.FIX), 1)
    assert path.read_text() == "mine = 1\n"
    assert result.skipped is not None
    assert result.skipped.startswith("could not be written (")
    assert result.failures[0].startswith(f"{path}: ")
    assert result.diagnostics == ()


def test_an_unexpected_error_costs_its_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = tmp_path / "a.py", tmp_path / "b.py"
    good.write_text(FINDING)
    bad.write_text(FINDING)
    analyse = Checker.analyse

    def sometimes(self: Checker, source: Source, *rest, **how):
        if source.path == bad:
            raise ZeroDivisionError("by\nzero")
        return analyse(self, source, *rest, **how)

    monkeypatch.setattr(Checker, "analyse", sometimes)
    first, second = run_files(tasks([good, bad]), 1)
    assert len(first.diagnostics) == 1
    assert second.failures == (f"{bad}: internal error: ZeroDivisionError: by zero; please report it, the file was left alone",)
    assert second.skipped is None


@pytest.mark.parametrize("jobs", [1, 2])
def test_wrong_usage_ends_the_run(tree: list[Path], jobs: int) -> None:
    with pytest.raises(UsageError, match="LT999"):
        run_files(tasks(tree, settings=Settings(select=("LT999",))), jobs)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_verifier_that_is_lost_after_files_were_written_ends_the_run_in_order(tree: list[Path], jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def verify(change: Change) -> Verdict:
        if change.path.name >= "m05.py":
            raise UsageError("both versions cannot be run here: torch is gone; install it")
        return TESTED

    for number, path in enumerate(tree[:10]):
        path.write_text(FINDING + "# padding\n" * (10 - number))  # the largest come first
    monkeypatch.setattr("lintorch.engine.verdicts.Verifiers.under", lambda self, settings: verify)
    results = run_files(tasks(tree[:10], Mode.FIX), jobs)
    written = [path.read_text().startswith(FIXED) for path in tree[:10]]
    assert any(written[:5])
    assert not any(written[5:])
    assert [result.changed for result in results] == written
    assert [result.skipped for result in results if not result.changed] == ["the run ended before it"] * written.count(False)
    told = f"both versions cannot be run here: torch is gone; install it; {written.count(False)} of 10 files were left as they were"
    assert [line for result in results for line in result.failures] == [told]


def test_a_fix_removes_what_killed_writers_left(tree: list[Path], allowing: None) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    stale = tree[0].with_name(f".lintorch-{ended.pid}-0123456789abcdef.tmp")
    stale.write_bytes(b"half")
    run_files(tasks(tree[:1]), 1)
    assert stale.exists(), "checking changes nothing"
    run_files(tasks(tree[:1], Mode.FIX), 1)
    assert not stale.exists()


def test_an_interruption_ends_the_processes(tree: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(futures):
        raise KeyboardInterrupt

    import multiprocessing

    monkeypatch.setattr("concurrent.futures.as_completed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_files(tasks(tree), 2)
    assert not multiprocessing.active_children()


def test_text_that_is_in_no_file(tmp_path: Path) -> None:
    result = run_text(Task(tmp_path / "none.py", Settings(), Mode.CHECK, FINDING.encode()))
    assert [one.path for one in result.diagnostics] == [str(tmp_path / "none.py")]
    assert run_text(Task(tmp_path / "none.py", Settings(), Mode.CHECK, b"\xff")).failures


def test_settings_that_come_as_copies_share_a_verifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr("lintorch.engine.verdicts.Verifiers.under", lambda self, settings: asked.append(id(settings)) or (lambda change: TESTED))
    workshop = run.Workshop()
    for number in range(3):
        path = tmp_path / f"m{number}.py"
        path.write_text(FINDING)
        workshop.handle(pickle.loads(pickle.dumps(Task(path, Settings(examples={"Net": ("Net(), 1",)}), Mode.DIFF))))
    assert len(asked) == 3
    assert len(set(asked)) == 1


def test_no_tasks() -> None:
    assert run_files([], 0) == ()
    assert run.usable_cores() >= 1
