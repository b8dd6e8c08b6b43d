"""Worker processes from the host's side: children, branches, and what happens when they go away."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lintorch.verify import supervisor as module
from lintorch.verify.supervisor import Outcome, Supervisor, default_interpreter
from lintorch.worker.protocol import Plan

PLAN = Plan(seeds=[0, 1, 2], modes=["train", "eval"], repeats=3)
NET = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(n, 2, 4 * n), 2)

    def forward(self, x):
        y = self.layers(x)
        return y
"""
OTHER = NET.replace("return y", "return y * 2")


@pytest.fixture(scope="module")
def running() -> Iterator[Supervisor]:
    supervisor = Supervisor()
    supervisor.start()
    yield supervisor
    supervisor.close()


def spec(folder: Path, text: str) -> dict[str, Any]:
    path = folder / "net.py"
    path.write_text(NET)
    return {"path": str(path), "text": text, "symbol": "Net", "module": "net", "roots": [str(folder)]}


def run(supervisor: Supervisor, kind: str, seconds: float = 30.0, **head: Any) -> Outcome:
    return supervisor.run({"kind": kind, **head}, seconds=seconds, memory=2 << 30)


def search(supervisor: Supervisor, folder: Path, example: str) -> Outcome:
    hints = {"examples": [example], "usages": [], "lines": [], "methods": []}
    return run(supervisor, "search", spec=spec(folder, NET), plan=PLAN, hints=hints, budget={"seconds": 20.0, "bytes": 1 << 30})


def test_the_zygote_has_one_thread(running: Supervisor) -> None:
    assert running.ready is not None
    assert running._process is not None
    tasks = Path(f"/proc/{running._process.pid}/task")
    if tasks.exists():
        assert len(list(tasks.iterdir())) == 1


def test_a_job_of_no_known_kind_is_a_problem(running: Supervisor) -> None:
    assert run(running, "nothing").head["problem"] == "failure"


def test_a_child_that_overruns_is_killed_with_its_branch(running: Supervisor, tmp_path: Path) -> None:
    endless = NET.replace("y = self.layers(x)", "while True: pass")
    started = time.monotonic()
    hints = {"examples": ["Net(8), torch.randn(2, 3, 8)"], "usages": [], "lines": [], "methods": []}
    head = {"spec": spec(tmp_path, endless), "plan": PLAN, "hints": hints, "budget": {"seconds": 60.0, "bytes": 1 << 30}}
    assert run(running, "search", seconds=1.5, **head).lost == "timed out"
    assert time.monotonic() - started < 6
    assert run(running, "nothing").head["problem"] == "failure"  # and the next one finds a branch


def test_children_run_side_by_side(running: Supervisor) -> None:
    outcomes: list[Outcome] = []
    threads = [threading.Thread(target=lambda: outcomes.append(run(running, "nothing"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.head["problem"] for outcome in outcomes] == ["failure"] * 4


def test_a_large_job_arrives_whole(running: Supervisor) -> None:
    outcome = running.run({"kind": "compare", "before": {}, "after": {}, "shift": 0, "graphs_count": True}, [bytes(5 << 20), b"x"], seconds=30, memory=2 << 30)
    assert outcome.head["differences"] == []


def test_traces_without_values_tell_versions_apart(running: Supervisor, tmp_path: Path) -> None:
    recipe = search(running, tmp_path, "Net(8), torch.randn(2, 3, 8)").head["recipe"]
    one, again, other = (run(running, "fake", spec=spec(tmp_path, text), plan=PLAN, recipe=recipe).head["trace"] for text in (NET, NET, OTHER))
    assert "failed" not in one
    assert one == again
    assert one["digests"] != other["digests"]


def test_a_target_too_large_for_values_is_traced_without(running: Supervisor, tmp_path: Path) -> None:
    recipe = search(running, tmp_path, "Net(8), torch.randn(2, 3, 8)").head["recipe"]
    huge = NET.replace(
        "nn.TransformerEncoderLayer(n, 2, 4 * n), 2", "nn.TransformerEncoderLayer(n, 2, 1 << 27), 2"
    )  # more than four thousand million parameters
    trace = run(running, "fake", spec=spec(tmp_path, huge), plan=PLAN, recipe=recipe).head["trace"]
    assert trace["operations"] > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only a zygote can die")
def test_a_zygote_that_dies_is_started_again() -> None:
    with_zygote = Supervisor()
    with_zygote.start()
    try:
        assert with_zygote._process is not None
        os.kill(with_zygote._process.pid, signal.SIGKILL)
        with_zygote._process.wait()
        assert run(with_zygote, "nothing").lost == module.DIED
        assert run(with_zygote, "nothing").head["problem"] == "failure"
    finally:
        with_zygote.close()


def test_after_many_children_the_next_come_from_a_branch_that_forks_more_cheaply(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_MANY", 2)
    supervisor = Supervisor()
    supervisor.start()
    try:
        found = [search(supervisor, tmp_path, "Net(8), torch.randn(2, 3, 8)") for _ in range(4)]
        assert all(outcome.frames and "problem" not in outcome.head for outcome in found)
        assert found[0].frames[0].blobs == found[3].frames[0].blobs
        assert [branch.many for branch in supervisor._idle] == [True]
    finally:
        supervisor.close()


def test_works_without_fork(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "fork")
    alone = Supervisor()
    try:
        ready = alone.start()
        assert ready.isolation == "none"
        head = search(alone, tmp_path, "Net(8), torch.randn(2, 3, 8)").head
        assert head["inputs"] == ["float32[2, 3, 8]"]
        assert run(alone, "nothing").head["problem"] == "failure"
    finally:
        alone.close()


def test_an_interpreter_without_torch_is_told_without_fork(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "fork")
    for python, reason in (("/nowhere/python", "cannot be started"), ("/bin/false", "cannot import torch|no reason given")):
        with pytest.raises(module.VerifierUnavailable, match=reason):
            Supervisor(python).start()


def test_the_active_environment_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    assert default_interpreter() != str(tmp_path / "bin" / "python")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    assert default_interpreter() == str(tmp_path / "bin" / "python")


def test_the_error_survives_the_way_between_processes() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(module.VerifierUnavailable("a", "b")))
    assert (error.reason, error.remedy, str(error)) == ("a", "b", "a; b")


def test_the_folders_of_killed_verifiers_are_removed_and_those_at_work_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, foreign = tmp_path / f"lintorch-{ended.pid}-abc", tmp_path / "lintorch-notes"
    for folder in (left / "inner", foreign):
        folder.mkdir(parents=True)
    with contextlib.closing(module.Supervisor()) as first, contextlib.closing(module.Supervisor()) as second:
        first._make_scratch()
        second._make_scratch()
        assert sorted(tmp_path.iterdir()) == sorted([foreign, first._temp, second._temp])
    assert list(tmp_path.iterdir()) == [foreign]
