"""How time and memory grow with lines and with processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.packages import table
from benchmarks.speed.peers import AST, RUFF, commands
from benchmarks.speed.timing import LINTORCH, Plan, Ratio, Section, Timing, together
from benchmarks.speed.trees import Tree, part, whole

SIZES = (1_000, 10_000, 100_000)
LARGE = "transformers"
# Of these the whole is measured in one process, so that packages can be compared line by line.
OTHERS = ("timm", "diffusers")
JOBS = (1, 2)


@dataclass(frozen=True)
class Point:
    """One tree, by what ran on it."""

    tree: Tree
    timings: dict[str, Timing]

    @property
    def microseconds(self) -> float:
        """What one process takes for a line."""
        return self.timings[_name(1)].processor / self.tree.lines * 1e6

    @property
    def row(self) -> tuple[object, ...]:
        """The point as a table has it."""
        one, two, parse = (self.timings.get(name) for name in (_name(1), _name(2), AST))
        pair = (round(two.wall, 2), round(one.wall / two.wall, 2), round(two.megabytes)) if one and two else ("–", "–", "–")
        assert one
        return (
            self.tree.name,
            self.tree.files,
            self.tree.lines,
            *one.cells,
            round(self.microseconds),
            round(one.processor / parse.processor, 2) if parse else "–",
            *pair,
        )


def growth(plan: Plan) -> Section:
    """Projects made of files of one package, that package, and others."""
    points = list(_points(plan))
    curve = [point for point in points if LARGE in point.tree.name]
    others = [point for point in points if point not in curve]
    head = (
        "tree",
        "files",
        "lines",
        "wall s",
        "processor s",
        "peak MB",
        "rounds",
        "µs a line",
        "times ast.parse",
        "--jobs 2: wall s",
        "times faster",
        "MB a process",
    )
    picture = "![Seconds and megabytes over lines](images/speed-growth.svg)"
    return Section(table(head, [point.row for point in points]), tuple(aims(curve[-1], others)), picture, lambda: draw(curve))


def _points(plan: Plan) -> Iterator[Point]:
    large = whole(LARGE)
    for size in SIZES:
        yield point(part(large, size), JOBS, plan.rounds)
    yield point(large, JOBS, plan.slow_rounds)
    for name in OTHERS:
        yield point(whole(name), (1,), plan.rounds)


def point(tree: Tree, jobs: Sequence[int], rounds: int) -> Point:
    """Time lintorch with each number of processes, beside a parse and ruff."""
    print(f"\n{tree}")
    beside = {name: (*command, str(tree.folder)) for name, command in commands((AST, RUFF)).items()}
    ours = {_name(count): cold(tree, count) for count in jobs}
    return Point(tree, together({**beside, **ours}, rounds))


def cold(tree: Tree, jobs: int) -> tuple[str, ...]:
    """The command that checks every file anew."""
    return LINTORCH, "check", "--no-cache", "--include-generated", "--exit-zero", "--jobs", str(jobs), str(tree.folder)


def _name(jobs: int) -> str:
    return f"lintorch check --jobs {jobs}"


def aims(large: Point, others: Sequence[Point]) -> Iterator[Ratio]:
    """What is aimed at: cost by the line, speed by the process, memory."""
    base = next(point for point in others if point.tree.folder.name == "timm").microseconds
    for other in (large, *others):
        if other.microseconds != base:
            yield Ratio(f"{other.tree.name}: time for a line, to timm's", other.microseconds / base, 1.5)
    one, two = (large.timings[_name(jobs)] for jobs in JOBS)
    yield Ratio(f"{large.tree.name}: --jobs 1 to --jobs 2, by the clock", one.wall / two.wall, 1.7, at_least=True)
    yield Ratio(f"{large.tree.name}: megabytes of a process", max(one.megabytes, two.megabytes), 300)


def draw(curve: Sequence[Point]) -> None:
    """The picture: time on the left, memory on the right, both over lines."""
    from benchmarks.speed.figures import curves

    lines = [point.tree.lines for point in curve]
    walls = {name: [point.timings[name].wall for point in curve] for name in curve[0].timings}
    memory = {name: [point.timings[name].megabytes for point in curve] for name in curve[0].timings}
    curves(Path("speed-growth.svg"), lines, {"seconds by the clock": walls, "megabytes of the largest process": memory})
