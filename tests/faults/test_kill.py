"""Whatever ends a run, every file is whole, and the next run leaves nothing of it behind."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.command import NEW, OLD, Place, ended

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, and processes as Linux shows them")

FILES = 24
# Big enough that writing and syncing take a good part of the run.
FILLER = "# filler, filler, filler\n" * 8_000


def fill(place: Place) -> None:
    for number in range(FILES):
        (place.tree / f"net{number}.py").write_text(OLD + FILLER)


def states(place: Place) -> set[str]:
    """What the files hold: "old", "new", or that they are neither."""
    known = {OLD + FILLER: "old", NEW + FILLER: "new"}
    return {known.get(path.read_text(), f"{path} is neither") for path in place.tree.glob("*.py")}


def kills(place: Place, times: int, jobs: str) -> list[set[str]]:
    """Kill so many runs at random moments between the first byte read and the last written; what each left."""
    fill(place)
    began = time.monotonic()
    assert place.run("--fix", "--jobs", jobs)[0] == 0
    longest = time.monotonic() - began
    chance, left = random.Random(jobs), []
    for _ in range(times):
        fill(place)
        with ended(place.start("--fix", "--jobs", jobs)) as process:
            wait_for_a_moment(place, process, chance, longest)
            process.send_signal(signal.SIGKILL)
        left.append(states(place))
        assert left[-1] <= {"old", "new"}
    place.wait_for_silence()
    return left


def wait_for_a_moment(place: Place, process: subprocess.Popen[bytes], chance: random.Random, longest: float) -> None:
    """By the clock, or, so that runs of any speed are met amid their writing, until one of the files has been replaced."""
    if chance.random() < 0.5:
        time.sleep(chance.uniform(longest * 0.4, longest))
        return
    watched = place.tree / f"net{chance.randrange(FILES)}.py"
    before = watched.stat().st_ino
    while process.poll() is None and watched.stat().st_ino == before:
        time.sleep(0.001)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_runs_leave_whole_files_and_the_next_run_cleans_up(tmp_path: Path, jobs: str) -> None:
    place = Place.below(tmp_path)
    kills(place, 3, jobs)
    status, output = place.run("--fix", "--jobs", jobs)
    assert (status, states(place), place.leftovers) == (0, {"new"}, []), output


@pytest.mark.long
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_two_hundred_killed_runs(tmp_path: Path, jobs: str) -> None:
    place = Place.below(tmp_path)
    left = kills(place, 100, jobs)
    assert sum(len(one) == 2 for one in left) >= 10, "too few runs were hit amid their writing"
    assert place.run("--fix", "--jobs", jobs)[0] == 0
    assert (states(place), place.leftovers) == ({"new"}, [])


def test_two_runs_at_once(tmp_path: Path) -> None:
    place = Place.below(tmp_path)
    fill(place)
    both = [place.start("--fix", "--jobs", "1") for _ in range(2)]
    outputs = [b"".join(process.communicate(timeout=120)).decode() for process in both]
    assert all(process.returncode in (0, 2) for process in both), outputs
    assert (states(place), place.leftovers) == ({"new"}, []), outputs
    assert all("was changed by something else" in output for process, output in zip(both, outputs, strict=True) if process.returncode == 2)


SLOW = OLD.replace("class Net", "import time\n\n\nclass Net").replace("        y =", "        time.sleep(60)\n        y =")


@pytest.mark.parametrize(("jobs", "sent"), [("1", signal.SIGINT), pytest.param("2", signal.SIGINT, marks=pytest.mark.long), ("2", signal.SIGKILL)])
def test_a_run_that_ends_while_code_is_run(tmp_path: Path, jobs: str, sent: signal.Signals) -> None:
    """Nothing it started lives on, no file has changed, and an interruption is one line."""
    place = Place.below(tmp_path)
    for name in ("a.py", "b.py"):
        (place.tree / name).write_text(SLOW)
    with ended(place.start("--fix", "--jobs", jobs, instant=False)) as process:
        deadline = time.monotonic() + 120
        while not _running(place):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(sent)
        out, err = process.communicate(timeout=60)
    if sent is signal.SIGINT:
        assert (process.returncode, out) == (130, b"")
        assert err.decode() == "lintorch: interrupted; files fixed so far stay fixed, all others are as they were\n"
    place.wait_for_silence()
    assert {path.read_text() for path in place.tree.glob("*.py")} == {SLOW}
    assert place.leftovers == []


def _running(place: Place) -> bool:
    """Has a worker been given its own folder, which a branch gets when there is something to run?"""
    return any(path.is_dir() and path.parent != place.scratch for path in place.scratch.rglob("*"))
