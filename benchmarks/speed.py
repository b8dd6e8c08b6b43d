"""How fast a cold check is beside its neighbours: lintorch, TorchFix, torch-preflight, ruff and bare `ast.parse` on one package, one run, one machine.

    python -m benchmarks.speed [--package timm] [--rounds 5] [--slow-rounds 1]

Every tool gets one process (-j1), no cache of its own, and prints to nowhere. Medians; start-up counts. The ratios are of processor time (user and system),
which for one process is the wall time of a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.packages import CACHE, DOCS, PINNED, download, environment, table, unpack, write_between

_PARSE = "import ast, pathlib, sys\nfor path in pathlib.Path(sys.argv[1]).rglob('*.py'): ast.parse(path.read_bytes())"


@dataclass(frozen=True)
class Contender:
    """A command to time; a slow one gets fewer rounds."""

    name: str
    command: tuple[str, ...]
    slow: bool = False


@dataclass(frozen=True)
class Timing:
    """Seconds of wall time and of processor time of each round."""

    wall: tuple[float, ...]
    processor: tuple[float, ...]

    @property
    def seconds(self) -> tuple[float, float]:
        """The median wall and processor time."""
        return statistics.median(self.wall), statistics.median(self.processor)


def contenders(folder: Path) -> tuple[Contender, ...]:
    """Everything that is timed on the files below `folder`."""
    lintorch = str(Path(sys.executable).with_name("lintorch"))
    torchfix = str(environment("torchfix-0.7.0", ["torchfix==0.7.0"]) / "torchfix")
    preflight = str(environment("torch-preflight-0.5.0", ["torch-preflight==0.5.0"]) / "torch-preflight")
    ruff = str(environment("ruff-0.17.6", ["ruff==0.17.6"]) / "ruff")
    target = str(folder)
    return (
        Contender("ast.parse of every file", (sys.executable, "-c", _PARSE, target)),
        Contender("ruff 0.17.6, RET504", (ruff, "check", "--isolated", "--no-cache", "--select", "RET504", "--exit-zero", "-q", target)),
        Contender("lintorch check", (lintorch, "check", "--no-cache", "--jobs", "1", "--exit-zero", target)),
        Contender("lintorch check --select LT1", (lintorch, "check", "--no-cache", "--jobs", "1", "--exit-zero", "--select", "LT1", target)),
        Contender("torch-preflight 0.5.0", (preflight, "check", "-j1", target), slow=True),
        Contender("TorchFix 0.7.0, --select=ALL", (torchfix, "--select=ALL", "-j1", target), slow=True),
    )


def measure(command: Sequence[str], rounds: int) -> Timing:
    """Run a command `rounds` times; raises RuntimeError where it dies (a status above 1) rather than report findings."""
    wall, processor = [], []
    for _ in range(rounds):
        before, start = _children(), time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wall.append(time.perf_counter() - start)
        processor.append(_children() - before)
        if done.returncode not in {0, 1}:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return Timing(tuple(wall), tuple(processor))


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def compare(candidates: Sequence[Contender], rounds: int, slow_rounds: int) -> dict[str, Timing]:
    """Time every contender; the quick ones run once unmeasured first, so that all find their bytecode and the files in memory."""
    timings = {}
    for contender in candidates:
        if not contender.slow:
            measure(contender.command, 1)
        timings[contender.name] = measure(contender.command, slow_rounds if contender.slow else rounds)
        print(f"{contender.name:32} {timings[contender.name].seconds[0]:9.2f} s wall {timings[contender.name].seconds[1]:9.2f} s processor", flush=True)
    return timings


def report(timings: dict[str, Timing], base: str, floor: str) -> str:
    """The Markdown table, with each median as a ratio to `base` (lintorch) and to `floor` (ast.parse)."""
    rows = []
    for name, timing in timings.items():
        wall, processor = timing.seconds
        ratios = [round(processor / timings[other].seconds[1], 2) for other in (base, floor)]
        rows.append((name, round(wall, 2), round(processor, 2), len(timing.wall), *ratios))
    return table(("tool", "wall s", "processor s", "rounds", "times lintorch", "times ast.parse"), rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, print, and write docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", choices=sorted(PINNED), default="timm")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow-rounds", type=int, default=1)
    arguments = parser.parse_args(argv)
    package = PINNED[arguments.package]
    folder = unpack(download(package), CACHE / "speed" / package.name)
    files = list(folder.rglob("*.py"))
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    timings = compare(contenders(folder), arguments.rounds, arguments.slow_rounds)
    text = report(timings, "lintorch check", "ast.parse of every file")
    heading = (
        f"{package}: {len(files):,} files, {lines:,} lines. Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}, {date.today()}."
    )
    print(f"\n{heading}\n\n{text}")
    write_between(DOCS / "benchmarks.md", "speed", f"{heading}\n\n{text}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
