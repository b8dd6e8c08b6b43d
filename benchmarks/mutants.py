"""Mutation testing of what decides: a seeded sample of small wrong changes of flow and of the comparison, each given to the tests that run its line.

    python -m benchmarks.covered --into FOLDER tests/flow tests/pages ...                       # which test runs which line
    python -m benchmarks.mutants --lines FOLDER --into mutants.jsonl --sample 400 --seed 0      # goes on where it stopped
    python -m benchmarks.mutants --lines FOLDER --into mutants.jsonl --survivors                # tries those again that lived
    python -m benchmarks.mutants --into mutants.jsonl --report

Works in a copy of the repository, on one mutant after the other, in forks of one process that has collected all tests: a fork gives the changed function its
new code and runs tests that ran its line in their own process, the quickest first and no more than SECONDS of them, then those of what only worker processes
run, until one fails.
"""

from __future__ import annotations

import argparse
import ast
import collections
import contextlib
import gc
import itertools
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks.covered import lines
from benchmarks.mutate import Mutant, mutants, mutated
from benchmarks.transplant import Elsewhere, Held, held, transplant

ROOT = Path(__file__).parents[1]
SECONDS = 20.0  # of the tests of a line, as they took while they were measured; --seconds says otherwise
PROCESSOR, CLOCK = 120, 900  # a mutant that needs more than this hangs: it is seen
OPTIONS = ("-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not long")
Covering = dict[str, dict[int, dict[str, float]]]
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
    flow: list[Mutant] = []
    comparison: list[Mutant] = []
    for file in targets():
        (comparison if file in COMPARISON else flow).extend(mutants(file, (ROOT / file).read_text(encoding="utf-8")))
    draw.shuffle(flow)
    draw.shuffle(comparison)
    chosen = [*flow[: size - size // 5], *comparison[: size // 5]]
    draw.shuffle(chosen)
    return [mutant for mutant in chosen if only in mutant.file]


def tests_of(mutant: Mutant, covering: Covering, seconds: float) -> list[str]:
    """What is run for a mutant, in its order: tests of its line, or else of its function or its file, then those of what runs in workers."""
    known = covering.get(mutant.file, {})
    running = known.get(mutant.line) or _of_lines(known, _function_of(mutant)) or _of_lines(known, known)
    return [*_few(running, seconds), *next((files for start, files in ANSWERING.items() if mutant.file.startswith(start)), ())]


def _few(running: dict[str, float], left: float) -> list[str]:
    """Tests for so many seconds at most, of as many test functions as there are: each function's quickest case, then each one's second; quick ones first."""
    cases: dict[str, list[str]] = {}
    for test in sorted(running, key=lambda test: (running[test], test)):
        cases.setdefault(test.partition("[")[0], []).append(test)
    chosen = []
    for test in (test for row in itertools.zip_longest(*cases.values()) for test in row if test):
        if left >= running[test]:
            chosen.append(test)
            left -= max(running[test], 0.02)
    return sorted(chosen, key=lambda test: (running[test], test))


def _function_of(mutant: Mutant) -> range:
    """The lines of the innermost function around a mutant."""
    nodes = ast.walk(ast.parse((ROOT / mutant.file).read_text(encoding="utf-8")))
    spans = [range(node.body[0].lineno, (node.end_lineno or 0) + 1) for node in nodes if isinstance(node, ast.FunctionDef)]
    return min((span for span in spans if mutant.line in span), key=len, default=range(0))


def _of_lines(known: dict[int, dict[str, float]], numbers: Iterable[int]) -> dict[str, float]:
    return {test: seconds for number in numbers for test, seconds in known.get(number, {}).items()}


class Bench:
    """A copy of the repository in which one file at a time is wrong; a pytest plugin that tries mutants where tests would be run."""

    def __init__(self, folder: Path, tried: Sequence[tuple[Mutant, list[str]]], into: Path) -> None:
        self.tried, self.into = tried, into
        self.copy = Path(shutil.copytree(ROOT, folder / "copy", ignore=shutil.ignore_patterns(".git", "__pycache__", ".*_cache", ".bench", ".hypothesis")))
        self.failed: list[str] = []
        self.held: Held = ()

    def start(self) -> None:
        """Let pytest collect all tests in the copy, once, and come back to this object."""
        os.environ["PYTHONPATH"] = os.pathsep.join((str(self.copy), str(self.copy / "rules")))
        os.environ["PYTHONDONTWRITEBYTECODE"], os.environ["OMP_NUM_THREADS"] = "1", "1"
        sys.dont_write_bytecode = True  # an old compiled file may look as new as a mutant of the same second
        os.chdir(self.copy)
        sys.path[:] = [str(self.copy), str(self.copy / "rules"), *(path for path in sys.path if path and not path.startswith(str(ROOT)))]
        files = sorted({test.partition("::")[0] for _, tests in self.tried for test in tests})
        for name in ("torch", *(file.removesuffix(".py").replace("/", ".") for file in targets())):
            __import__(name)
        pytest.main([*OPTIONS, *(file for file in files if (self.copy / file).exists())], plugins=[self])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Every mutant in place of the tests."""
        by_name: dict[str, list[pytest.Item]] = {}
        for item in session.items:
            by_name.setdefault(item.nodeid, []).append(item)
            by_name.setdefault(item.nodeid.partition("::")[0], []).append(item)
        self.held = held()
        gc.freeze()
        for number, (mutant, names) in enumerate(self.tried, 1):
            items = list(dict.fromkeys(item for name in names for item in by_name.get(name, ())))
            status, test = self.judge(mutant, items)
            with self.into.open("a", encoding="utf-8") as out:
                out.write(json.dumps({"mutant": asdict(mutant), "status": status, "by": test, "tests": len(items)}) + "\n")
            os.write(self.out, f"{number}/{len(self.tried)} {status} {mutant.file}:{mutant.line} {mutant.told}\n".encode())
        return True

    out = os.dup(1)  # pytest keeps what is printed

    def judge(self, mutant: Mutant, items: Sequence[pytest.Item]) -> tuple[str, str]:
        """(killed, survived or uncovered; the test that saw it)."""
        if not items:
            return "uncovered", ""
        target = self.copy / mutant.file
        before = target.read_text(encoding="utf-8")
        wrong = mutated(mutant, before)
        target.write_text(ast.unparse(wrong) + "\n", encoding="utf-8")
        try:
            seen = self.seen(str(target), ast.parse(before), wrong, items)
        finally:
            target.write_text(before, encoding="utf-8")
        return ("killed", seen) if seen else ("survived", "")

    def seen(self, file: str, right: ast.Module, wrong: ast.Module, items: Sequence[pytest.Item]) -> str:
        """The test that failed, by a fork of this process or, where an import has to be done anew, by a new one."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            try:
                self._run_here(writer, file, right, wrong, items)
            finally:
                os._exit(3)
        os.close(writer)
        status = waited(pid)
        with os.fdopen(reader) as pipe:
            said = pipe.read()
        return {0: "", 1: said, 2: "took too long"}.get(status, f"ended with {status}")

    def _run_here(self, writer: int, file: str, right: ast.Module, wrong: ast.Module, items: Sequence[pytest.Item]) -> None:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
        try:
            transplant(file, right, wrong, self.held)
        except Elsewhere:
            os.write(writer, b"pytest in a new process")
            os.execv(sys.executable, [sys.executable, "-m", "pytest", *OPTIONS, "-x", *dict.fromkeys(item.nodeid for item in items)])
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                os.write(writer, self.failed[0].encode())
                os._exit(1)
        os._exit(0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what fails."""
        if report.failed:
            self.failed.append(report.nodeid)


def waited(pid: int) -> int:
    """The status of a child, 2 where it was too slow, with all it started ended."""
    deadline = time.monotonic() + CLOCK
    status = 2
    while time.monotonic() < deadline:
        done, raw = os.waitpid(pid, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(raw)
            break
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if status == 2:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    return status


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
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of the tests of a line, as they took while they were measured")
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
        covering = lines(options.lines) if options.lines else {}
        wanted = again if options.survivors else [mutant for mutant in chosen if mutant not in done]
        _try([(mutant, tests_of(mutant, covering, options.seconds)) for mutant in wanted], options.into)
    print("\n".join(told(options.into)))
    return 0


def _try(tried: Sequence[tuple[Mutant, list[str]]], into: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Bench(Path(folder), tried, into.absolute()).start()


if __name__ == "__main__":
    raise SystemExit(main())
