"""A real scheduler and real workers on loopback: the same results as here, also when a worker is killed; what cannot be reached is one line."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lintorch.cache.store import Store
from lintorch.engine.cluster import DIED, Cluster
from lintorch.engine.executor import executor
from lintorch.engine.pool import Local, Onlooker
from lintorch.engine.remembered import Remembered
from lintorch.engine.run import Mode, Task, run_files
from lintorch.engine.tool import tool_mark
from lintorch.settings import Settings, UsageError
from tests.catalogue.packs import installed
from tests.engine.small_rules import HEAD
from tests.engine.test_run import DEADLY

pytest.importorskip("distributed")

# Quiet, without nannies: a worker that is killed stays dead.
_QUIET = {**os.environ, "DASK_LOGGING__DISTRIBUTED": "critical", "PYTHONWARNINGS": "ignore"}
BASE = HEAD + "class Base(nn.Module):\n    pass\n"
NET = HEAD + "from pkg.base import Base\n\n\nclass Net(Base):\n    def forward(self, x):\n        y = x.relu()\n        return y\n"


@contextlib.contextmanager
def spawned(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", f"distributed.cli.{arguments[0]}", *arguments[1:]]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True, env={**_QUIET, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


class Loopback:
    """A scheduler and two workers, each a process."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.address = f"tcp://127.0.0.1:{port()}"
        stack.enter_context(spawned("dask_scheduler", "--host", self.address, "--no-dashboard"))
        worker = ("dask_worker", self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--death-timeout", "60")
        self.workers = [stack.enter_context(spawned(*worker)) for _ in range(2)]


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with contextlib.ExitStack() as stack:
        yield Loopback(stack)


@pytest.fixture
def tree(tmp_path: Path) -> list[Path]:
    root = tmp_path / "project"
    (root / "pkg").mkdir(parents=True)
    (root / "pyproject.toml").write_text("")
    (root / "pkg" / "__init__.py").write_text("")
    (root / "pkg" / "base.py").write_text(BASE)
    for number in range(40):
        (root / "pkg" / f"m{number:02}.py").write_text(NET + "# padding\n" * (number % 7))
    (root / "pkg" / "broken.py").write_text("def f(:\n")
    return sorted((root / "pkg").glob("*.py"))


def tasks(paths: list[Path], mode: Mode = Mode.CHECK) -> list[Task]:
    settings = Settings(root=paths[0].parent.parent, per_file_ignores={"pkg/m03.py": ("LT101",)})
    return [Task(path, settings, mode) for path in paths]


def test_a_cluster_says_what_this_process_says_and_survives_a_killed_worker(loopback: Loopback, tree: list[Path], tmp_path: Path) -> None:
    given, cluster = tasks(tree), Cluster(loopback.address)
    here = run_files(given, 1)
    assert sum(len(result.diagnostics) for result in here) == 39  # found through a base in another file, less the one ignored
    assert run_files(given, executor=cluster) == here

    class Killing(Onlooker):
        """Kills a worker once the first file is done."""

        def file(self) -> None:
            loopback.workers[0].send_signal(signal.SIGKILL)

    store = Store(tmp_path / "cache")
    assert run_files(given, onlooker=Killing(), executor=cluster, remembered=Remembered(store)) == here
    assert loopback.workers[0].wait(10) == -signal.SIGKILL
    # What the cluster said is kept here, of the files here.
    assert run_files(given, executor=Nowhere(), remembered=Remembered(store)) == here


class Nowhere:
    """The executor of runs that have nothing to do but what failed."""

    def run(self, tasks, onlooker):
        assert [task.path.name for task in tasks] == ["broken.py"]
        return Local(1).run(tasks, onlooker)


@pytest.mark.long
def test_a_file_that_kills_every_worker_costs_that_file_only(tree: list[Path], tmp_path: Path) -> None:
    tree[5].write_text(NET + "\n\nclass Dead(nn.Module):\n    def die(self):\n        pass\n")
    site, address = tmp_path / "site", f"tcp://127.0.0.1:{port()}"
    with installed(site, {"deadly.py": DEADLY}), contextlib.ExitStack() as stack:
        tool_mark.cache_clear()
        stack.callback(tool_mark.cache_clear)
        stack.enter_context(spawned("dask_scheduler", "--host", address, "--no-dashboard", DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0"))
        worker = ("dask_worker", address, "--nthreads", "1", "--no-dashboard", "--death-timeout", "60")
        for _ in range(2):
            stack.enter_context(spawned(*worker, PYTHONPATH=str(site)))
        results = run_files(tasks(tree), executor=Cluster(address))
    assert {path.name for path, result in zip(tree, results, strict=True) if result.failures} == {tree[5].name, "broken.py"}
    assert results[5].failures == (f"{tree[5]}: internal error: {DIED}; please report it, the file was left alone",)
    assert sum(len(result.diagnostics) for result in results) == 38


def test_workers_that_are_gone_for_good_are_one_line(loopback: Loopback, tree: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintorch.engine.cluster._PATIENCE_SECONDS", 1.0)
    for worker in loopback.workers:
        worker.kill()
        worker.wait(10)
    time.sleep(0.5)  # until the scheduler knows
    with pytest.raises(UsageError, match=rf"^the Dask scheduler at {loopback.address} has (no worker|lost all its workers); start some with `dask worker`"):
        run_files(tasks(tree), executor=Cluster(loopback.address))


def test_a_scheduler_that_cannot_be_reached_is_one_line(tree: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintorch.engine.cluster._REACH_SECONDS", 1)
    address = f"tcp://127.0.0.1:{port()}"
    with pytest.raises(UsageError, match=rf"^there is no Dask scheduler at {address} \(.+\); start one with `dask scheduler`$") as caught:
        run_files(tasks(tree), executor=Cluster(address))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["dask:", "dusk", "dask tcp://127.0.0.1:1", ""])
def test_other_executors_are_wrong_usage(name: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"unknown executor {name!r}; it is 'dask' or 'dask:ADDRESS'")):
        executor(name, 1, None)


def test_a_fix_from_a_cluster_is_written_here(tree: list[Path], tmp_path: Path) -> None:
    """Its text travels back: worked out by a bundle's way there and back, in this process."""
    from lintorch.engine.bundle import Bundle
    from lintorch.engine.workshop import Workshop
    from lintorch.verify.verdict import Status, Verdict

    task = tasks([path for path in tree if path.name == "m01.py"], Mode.FIX)[0]
    workshop = Workshop()
    workshop.verifiers.under = lambda settings, peak=False: lambda change: Verdict(Status.TESTED)  # type: ignore[method-assign,assignment]
    place = Bundle.of([task]).unpack(tmp_path / "elsewhere")
    worked = place.worked(workshop.work(place.task(task)), task)
    assert worked.result.original is not None
    assert (worked.result.path, worked.result.original.path) == (str(task.path), task.path)
    assert worked.result.text == NET.replace("        y = x.relu()\n        return y\n", "        return x.relu()\n") + "# padding\n"
    assert worked.result == run_like_here(task)


def run_like_here(task: Task):
    from lintorch.engine.workshop import Workshop
    from lintorch.verify.verdict import Status, Verdict

    workshop = Workshop()
    workshop.verifiers.under = lambda settings, peak=False: lambda change: Verdict(Status.TESTED)  # type: ignore[method-assign,assignment]
    return workshop.handle(task)
