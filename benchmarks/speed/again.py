"""What a second run costs: of a check with nothing changed and with one file changed, and of fixes whose verdicts are kept."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.packages import table
from benchmarks.speed.peers import RUFF, commands
from benchmarks.speed.timing import LINTORCH, Plan, Ratio, Section, Timing, measure
from benchmarks.speed.trees import FOLDER, Tree, whole

LARGE = "transformers"
# One that few others read, and one that many inherit from.
LEAF, BASE = "models/zamba2/modular_zamba2.py", "models/bert/modeling_bert.py"
_STORE = FOLDER / "store"
COLD, WARM, TOUCHED, SHARED = "cold, into an empty cache", "again, nothing changed", f"again, {Path(LEAF).name} changed", f"again, {Path(BASE).name} changed"


def again(plan: Plan) -> Section:
    """Checks of a large package; one process each."""
    tree = whole(LARGE)
    print(f"\n{tree}")
    shutil.rmtree(_STORE, ignore_errors=True)
    command = (LINTORCH, "check", "--cache-dir", str(_STORE), "--include-generated", "--exit-zero", "--jobs", "1", str(tree.folder))
    timings = {COLD: measure(COLD, command), WARM: measure(WARM, command, plan.rounds)}
    timings |= {name: changed(name, tree, place, command, plan.slow_rounds) for name, place in ((TOUCHED, LEAF), (SHARED, BASE))}
    ruff = measure(RUFF, (*commands((RUFF,))[RUFF], str(tree.folder)), plan.rounds)
    rows = [(name, *timing.cells, f"{timing.processor / timings[COLD].processor:.3f}") for name, timing in timings.items()]
    head = ("`lintorch check --jobs 1`", "wall s", "processor s", "peak MB", "rounds", "part of cold")
    kept = sum(path.stat().st_size for path in _STORE.rglob("*") if path.is_file()) / 1e6
    text = f"{tree}; the cache holds {kept:.1f} MB afterwards:\n\n{table(head, [*rows, (f'{RUFF}, no cache', *ruff.cells, '–')])}"
    return Section(text, aims(timings, ruff))


def changed(name: str, tree: Tree, place: str, command: tuple[str, ...], rounds: int) -> Timing:
    """Runs after a file was changed, another change for each."""
    (path,) = (path for path in tree.folder.rglob(Path(place).name) if path.as_posix().endswith(place))
    text, took = path.read_text(encoding="utf-8"), []
    for number in range(rounds):
        path.write_text(f"{text}\n_CHANGED = {number}\n", encoding="utf-8")
        took.append(measure(name, command))
    path.write_text(text, encoding="utf-8")
    return Timing(tuple(one.wall for one in took), tuple(one.processor for one in took), max(one.megabytes for one in took))


def aims(timings: dict[str, Timing], ruff: Timing) -> tuple[Ratio, ...]:
    """What is aimed at."""
    cold = timings[COLD]
    return (
        Ratio("nothing changed, to cold", timings[WARM].processor / cold.processor, 0.05),
        Ratio("nothing changed, to ruff without a cache, by the clock", timings[WARM].wall / ruff.wall, 5),
        Ratio("one file changed, to cold", timings[TOUCHED].processor / cold.processor, 0.08),
    )


def verdicts(plan: Plan) -> Section:
    """Fixes that are shown and not written, twice; only the first runs the code."""
    tree = whole(plan.packages[0])
    print(f"\n{tree}")
    shutil.rmtree(_STORE, ignore_errors=True)
    command = (LINTORCH, "--fix", "--diff", "--cache-dir", str(_STORE), "--exit-zero", str(tree.folder))
    first, second = measure("first --fix --diff", command), measure("second --fix --diff", command, plan.rounds)
    text = table(("`lintorch --fix --diff`", "wall s", "processor s", "peak MB", "rounds"), [("first", *first.cells), ("second", *second.cells)])
    return Section(f"{tree}:\n\n{text}", (Ratio("first to second, by the clock", first.wall / second.wall, 20, at_least=True),))
