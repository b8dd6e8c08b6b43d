"""Commands timed in rounds, and the ratios that are aimed at."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.packages import table

_STOPWATCH = Path(__file__).with_name("stopwatch.py")
# Linters end with 1 where they find something, and fixit adds 2 where a rule of its own fails.
_ENDS = {0, 1, 2, 3}
LINTORCH = str(Path(sys.executable).with_name("lintorch"))


@dataclass(frozen=True)
class Plan:
    """What a session is to measure, and how often."""

    packages: tuple[str, ...]
    rounds: int
    slow_rounds: int
    sample: int
    only: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Timing:
    """What each round took; of the processes of a command, `megabytes` is the peak of the largest."""

    walls: tuple[float, ...]
    processors: tuple[float, ...]
    megabytes: float

    @property
    def wall(self) -> float:
        """The median by the clock."""
        return statistics.median(self.walls)

    @property
    def processor(self) -> float:
        """The median of processor time, user and system, all processes together."""
        return statistics.median(self.processors)

    @property
    def cells(self) -> tuple[float, float, int, int]:
        """Wall and processor seconds, megabytes and rounds, as a table has them."""
        return round(self.wall, 2), round(self.processor, 2), round(self.megabytes), len(self.walls)


@dataclass(frozen=True)
class Ratio:
    """A figure that has an aim."""

    what: str
    value: float
    aim: float
    at_least: bool = False

    @property
    def held(self) -> bool:
        """Whether the aim is reached."""
        return self.value >= self.aim if self.at_least else self.value <= self.aim

    @property
    def row(self) -> tuple[str, str, str, str]:
        """The figure as a table has it."""
        bound = "at least" if self.at_least else "at most"
        return self.what, f"{self.value:,.3g}", f"{bound} {self.aim:g}", "yes" if self.held else "**no**"


@dataclass(frozen=True)
class Section:
    """What a part of the session has to say."""

    text: str
    ratios: tuple[Ratio, ...] = ()
    picture: str = ""
    draw: Callable[[], None] = lambda: None

    def __str__(self) -> str:
        return "\n\n".join(filter(None, (self.picture, self.text, ratios_table(self.ratios) if self.ratios else "")))


def ratios_table(ratios: Sequence[Ratio]) -> str:
    """Figures beside their aims."""
    return table(("ratio", "measured", "aim", "held"), [ratio.row for ratio in ratios])


def measure(name: str, command: Sequence[str], rounds: int = 1, **environment: str) -> Timing:
    """Run a command so many times; raises RuntimeError where it dies rather than reports findings."""
    return together({name: command}, rounds, **environment)[name]


def together(commands: Mapping[str, Sequence[str]], rounds: int, **environment: str) -> dict[str, Timing]:
    """Run several commands by turns, so that what the machine does meanwhile meets all of them."""
    took: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            took[name].append(_once(command, environment))
    timings = {name: _timing(each) for name, each in took.items()}
    for name, timing in timings.items():
        print(f"{name:48} {timing.wall:9.2f} s wall {timing.processor:9.2f} s processor {timing.megabytes:7.0f} MB", flush=True)
    return timings


def _timing(took: Sequence[Mapping[str, float]]) -> Timing:
    walls, processors, megabytes = (tuple(one[what] for one in took) for what in ("wall", "processor", "megabytes"))
    return Timing(walls, processors, max(megabytes))


def _once(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, float]:
    watched = [sys.executable, "-SE", str(_STOPWATCH), *command]
    done = subprocess.run(watched, capture_output=True, text=True, check=True, env={**os.environ, **environment})
    took: dict[str, float] = json.loads(done.stdout)
    if took["status"] not in _ENDS:
        raise RuntimeError(f"{' '.join(command)} ended with {took['status']}: {done.stderr[-2000:]}")
    return took


def spent(work: Callable[[], object]) -> float:
    """Seconds of this process's own time."""
    begun = time.process_time()
    work()
    return time.process_time() - begun
