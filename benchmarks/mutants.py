"""Mutation testing of what decides: a seeded sample of small wrong changes of flow and of the comparison, each given to the tests that run its line.

    python -m benchmarks.covered --into FOLDER tests/flow tests/pages ...                       # which test runs which line
    python -m benchmarks.mutants --lines FOLDER --into mutants.jsonl --sample 400 --seed 0      # goes on where it stopped
    python -m benchmarks.mutants --lines FOLDER --into mutants.jsonl --survivors                # tries those again that lived
    python -m benchmarks.mutants --into mutants.jsonl --report

Works in a copy of the repository, on one mutant after the other, in forks of a process that has imported what all tests import. The tests of a line are
those that ran it in their own process, the quickest first and no more than SECONDS of them, then the files that answer for what only worker processes run.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks.covered import lines
from benchmarks.mutate import Mutant, mutants, mutated

ROOT = Path(__file__).parents[1]
SECONDS = 20.0  # of the tests of a line, as they took while they were measured
PROCESSOR, CLOCK = 120, 900  # a mutant that needs more than this hangs: it is seen
ANSWERING = {
    "lintorch/worker/": ("tests/worker/test_observe.py", "tests/worker/test_trace.py", "tests/verify/test_verdicts.py", "tests/verify/test_loops.py"),
    "lintorch/verify/": ("tests/verify/test_verdicts.py", "tests/verify/test_loops.py"),
}
COMPARISON = (
    "lintorch/verify/compare.py", "lintorch/verify/fold.py", "lintorch/verify/verdict.py", "lintorch/verify/dependence.py", "lintorch/verify/loops.py",
    "lintorch/worker/differences.py", "lintorch/worker/compare.py", "lintorch/worker/observe.py", "lintorch/worker/trace.py", "lintorch/worker/tree.py",
)  # fmt: skip


def targets() -> list[str]:
    """The files that are mutated."""
    flow = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "lintorch" / "flow").glob("*.py"))
    return [*flow, *(file for file in COMPARISON if (ROOT / file).exists())]


def sampled(seed: int, size: int, only: str = "") -> list[Mutant]:
    """A sample of all mutants: one in five of the comparison, which is short beside flow; it begins as a smaller one of the same seed does."""
    draw = random.Random(seed)
    flow, comparison = [], []
    for file in targets():
        (comparison if file in COMPARISON else flow).extend(mutants(file, (ROOT / file).read_text(encoding="utf-8")))
    draw.shuffle(flow)
    draw.shuffle(comparison)
    chosen = [*flow[: size - size // 5], *comparison[: size // 5]]
    draw.shuffle(chosen)
    return [mutant for mutant in chosen if only in mutant.file]


def tests_of(mutant: Mutant, covering: dict[str, dict[int, dict[str, float]]]) -> list[str]:
    """What is run for a mutant, in its order."""
    chosen, left = [], SECONDS
    for test, seconds in sorted(covering.get(mutant.file, {}).get(mutant.line, {}).items(), key=lambda item: (item[1], item[0])):
        left -= max(seconds, 0.02)
        if left < 0:
            break
        chosen.append(test)
    return [*chosen, *next((files for start, files in ANSWERING.items() if mutant.file.startswith(start)), ())]


class Bench:
    """A copy of the repository in which one file at a time is wrong."""

    def __init__(self, folder: Path) -> None:
        self.copy = Path(shutil.copytree(ROOT, folder / "copy", ignore=shutil.ignore_patterns(".git", "__pycache__", ".*_cache", ".bench", ".hypothesis")))
        self.log = folder / "log"
        os.environ["PYTHONPATH"] = os.pathsep.join((str(self.copy), str(self.copy / "rules")))
        os.environ["PYTHONDONTWRITEBYTECODE"], os.environ["OMP_NUM_THREADS"] = "1", "1"
        sys.dont_write_bytecode = True  # an old compiled file may look as new as a mutant of the same second
        for name in ("hypothesis", "libcst", "libcst.metadata", "torch"):
            __import__(name)

    def judge(self, mutant: Mutant, tests: Sequence[str]) -> tuple[str, str]:
        """(killed, survived or uncovered; the test that saw it)."""
        if not tests:
            return "uncovered", ""
        target = self.copy / mutant.file
        before = target.read_text(encoding="utf-8")
        target.write_text(mutated(mutant, before), encoding="utf-8")
        try:
            status = self.run(tests)
        finally:
            target.write_text(before, encoding="utf-8")
        return ("survived", "") if status == 0 else ("killed", self._seen_by(status))

    def run(self, tests: Sequence[str]) -> int:
        """pytest's status in a fork, -1 where it took too long."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = self._run_here(tests)
            finally:
                os._exit(status)
        deadline = time.monotonic() + CLOCK
        while time.monotonic() < deadline:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
            time.sleep(0.05)
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return -1

    def _run_here(self, tests: Sequence[str]) -> int:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(self.copy)
        sys.path[:] = [str(self.copy), str(self.copy / "rules"), *(path for path in sys.path if path and not path.startswith(str(ROOT)))]
        options = ["-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not long"]
        return int(pytest.main([*options, *tests]))

    def _seen_by(self, status: int) -> str:
        if status == -1:
            return "took too long"
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return next((line for line in text.splitlines() if line.startswith(("FAILED", "ERROR"))), text[-200:])


def kept(into: Path) -> dict[Mutant, dict[str, Any]]:
    """What came of each mutant that was tried, the last word of each."""
    if not into.exists():
        return {}
    entries = [json.loads(line) for line in into.read_text(encoding="utf-8").splitlines()]
    return {Mutant(**entry["mutant"]): entry for entry in entries}


def told(into: Path) -> Iterator[str]:
    """The share that was killed, and each survivor."""
    found = kept(into)
    for part in ("lintorch/flow/", "lintorch/verify/", "lintorch/worker/", ""):
        counted = collections.Counter(entry["status"] for mutant, entry in found.items() if mutant.file.startswith(part))
        if counted:
            yield f"{part or 'all'}: {counted['killed']} of {counted.total()} killed ({counted['killed'] / counted.total():.1%}), {dict(counted)}"
    for mutant, entry in sorted(found.items()):
        if entry["status"] != "killed":
            yield f"{entry['status']} {mutant.file}:{mutant.line} {mutant.told}"


def main() -> int:
    """Try a sample, or tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="files whose path holds this")
    parser.add_argument("--lines", type=Path, help="the folder of benchmarks.covered")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--survivors", action="store_true", help="try again those that lived")
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    if not options.report:
        done = kept(options.into)
        chosen = sampled(options.seed, options.sample, options.only)
        again = [mutant for mutant in chosen if mutant in done and done[mutant]["status"] != "killed"]
        _try(again if options.survivors else [mutant for mutant in chosen if mutant not in done], lines(options.lines) if options.lines else {}, options.into)
    print("\n".join(told(options.into)))
    return 0


def _try(chosen: Sequence[Mutant], covering: dict[str, dict[int, dict[str, float]]], into: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, into.open("a", encoding="utf-8") as out:
        bench = Bench(Path(folder))
        for number, mutant in enumerate(chosen, 1):
            tests = tests_of(mutant, covering)
            status, test = bench.judge(mutant, tests)
            out.write(json.dumps({"mutant": asdict(mutant), "status": status, "by": test, "tests": len(tests)}) + "\n")
            out.flush()
            print(f"{number}/{len(chosen)} {status} {mutant.file}:{mutant.line} {mutant.told}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
