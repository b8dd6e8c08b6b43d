"""Many programs at once: `python -m tests.fuzz.campaign --programs 100000`. Says what was done and every program that broke an invariant.

Programs are judged in batches, each in a process of its own: one that dies costs its batch, which is then gone through one by one. A campaign that was
interrupted goes on where it stopped (`--log` keeps a line for every batch).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded

from tests.fuzz import grammar, mutated
from tests.fuzz.invariants import Hangs, examine

BATCH = 500
# One batch of six is made from the grammar, which takes ten times as long as mutating.
GRAMMATICAL = 6


def main() -> int:
    """Go through what is left of the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=100_000)
    parser.add_argument("--log", type=Path, default=Path("fuzz-campaign.jsonl"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    done = _read(options.log)
    for number in range(len(done), -(-options.programs // BATCH)):
        entry = _in_child(_batch, number) or {"dead": [seed for seed in _seeds(number) if _in_child(_single, seed) is None], "batch": number}
        with options.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        done.append(entry)
    sys.stdout.write(summary(done))
    return int(any(entry.get("broken") or "dead" in entry for entry in done))


def _read(log: Path) -> list[dict]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def summary(done: Sequence[dict]) -> str:
    """What came of all batches, in a few lines."""
    total: Counter[str] = Counter()
    for entry in done:
        total.update(entry.get("outcomes", {}))
    broken = [line for entry in done for line in entry.get("broken", [])]
    dead = [seed for entry in done for seed in entry.get("dead", [])]
    lines = [f"{sum(total.values()):,} programs: " + ", ".join(f"{number:,} {name}" for name, number in total.most_common())]
    lines += [f"{len(broken)} broke an invariant, {len(dead)} ended the process", *broken, *(f"seed {seed} ended the process" for seed in dead)]
    return "\n".join(lines) + "\n"


def _is_grammatical(number: int) -> bool:
    return number % GRAMMATICAL == 0


def _seeds(number: int) -> range:
    return range(number * BATCH, (number + 1) * BATCH)


def _batch(number: int) -> dict:
    outcomes: Counter[str] = Counter()
    broken: list[str] = []

    def take(raw: bytes, name: str) -> None:
        try:
            outcomes[examine(raw)] += 1
        except (Exception, Hangs) as error:  # noqa: BLE001 - whatever it is, it is a find
            outcomes["broken"] += 1
            place = traceback.extract_tb(error.__traceback__)[-1]
            broken.append(f"{name}: {type(error).__name__}: {error} ({place.filename}:{place.lineno}) {raw!r}")

    _each_grammatical(number, take) if _is_grammatical(number) else [take(mutated.program(seed), f"seed {seed}") for seed in _seeds(number)]
    return {"batch": number, "grammatical": _is_grammatical(number), "outcomes": outcomes, "broken": broken}


def _each_grammatical(number: int, take: Callable[[bytes, str], None]) -> None:
    @seeded(number)
    @settings(max_examples=BATCH, database=None, deadline=None, phases=[Phase.generate], verbosity=Verbosity.quiet, suppress_health_check=list(HealthCheck))
    @given(grammar.programs())
    def each(text: str) -> None:
        take(text.encode(), f"grammatical program of batch {number}")

    each()


def _single(seed: int) -> dict:
    examine(mutated.program(seed))
    return {"seed": seed}


def _in_child(work: Callable[[int], dict], number: int) -> dict | None:
    """The answer of a forked process; None where it died."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            with os.fdopen(writer, "w") as pipe:
                json.dump(work(number), pipe)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(text) if text else None


if __name__ == "__main__":
    raise SystemExit(main())
