"""A cold check beside its peers and beside bare parsers, each as one process on the same files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.packages import ROOT, environment, table
from benchmarks.speed.timing import LINTORCH, Plan, Ratio, Section, Timing, together
from benchmarks.speed.trees import Tree, part, whole

_EACH = "import {0}, pathlib, sys\nfor path in pathlib.Path(sys.argv[1]).rglob('*.py'): {0}.{1}(path.read_bytes())"
AST, LIBCST, OURS = "ast.parse of every file", "libcst.parse_module of every file", "lintorch check"
RUFF, FLAKE8, PLUGIN, RETURN = "ruff 0.17.6, RET504", "flake8 7.5.0", "flake8 7.5.0 with lintorch", "flake8-return 1.2.0 alone"
TORCHFIX, PREFLIGHT, FIXIT = "TorchFix 0.7.0, all rules", "torch-preflight 0.5.0", "fixit 2.2.1 (a process a core)"
SLOW = (TORCHFIX, PREFLIGHT, FIXIT)


@dataclass(frozen=True)
class Measured:
    """What each contender took on one tree."""

    tree: Tree
    timings: dict[str, Timing]

    def ratio(self, of: str, to: str) -> float:
        """How many times the processor time of another one takes."""
        return self.timings[of].processor / self.timings[to].processor


def commands(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The command of each contender, less the folder; peers are installed where they are not yet, each into an environment of its own."""
    made: dict[str, Callable[[], tuple[str, ...]]] = {
        AST: lambda: (sys.executable, "-c", _EACH.format("ast", "parse")),
        LIBCST: lambda: (sys.executable, "-c", _EACH.format("libcst", "parse_module")),
        OURS: lambda: (LINTORCH, "check", "--no-cache", "--jobs", "1", "--exit-zero"),
        RUFF: lambda: (_peer("ruff==0.17.6", program="ruff"), "check", "--isolated", "--no-cache", "--select", "RET504", "--exit-zero", "-q"),
        FLAKE8: lambda: (_peer("flake8==7.5.0", program="flake8"), "--isolated", "-j1"),
        PLUGIN: lambda: (_peer("flake8==7.5.0", "-e", str(ROOT), program="flake8"), "--isolated", "-j1"),
        RETURN: lambda: (_peer("flake8==7.5.0", "flake8-return==1.2.0", program="flake8"), "--isolated", "-j1", "--select", "R5"),
        TORCHFIX: lambda: (_peer("torchfix==0.7.0", program="torchfix"), "--select=ALL", "-j1"),
        PREFLIGHT: lambda: (_peer("torch-preflight==0.5.0", program="torch-preflight"), "check", "-j1"),
        FIXIT: lambda: (_peer("fixit==2.2.1", program="fixit"), "--quiet", "lint"),
    }
    return {name: made[name]() for name in made if name in names}


ALL = (AST, LIBCST, OURS, RUFF, FLAKE8, PLUGIN, RETURN, *SLOW)


def _peer(*requirements: str, program: str) -> str:
    name = "-".join(one.replace("==", "-") for one in requirements if one[0].isalpha())
    return str(environment(f"{name}-lintorch" if "-e" in requirements else name, requirements) / program)


def peers(plan: Plan) -> Section:
    """The quick ones on whole packages, the slow ones on a part of each, where lintorch and the parsers run again."""
    chosen = commands([name for name in ALL if not plan.only or any(word in name.lower() for word in plan.only)])
    measured, ratios = [], list[Ratio]()
    for name in plan.packages:
        tree = whole(name)
        quick = compare(tree, {one: command for one, command in chosen.items() if one not in SLOW}, plan.rounds)
        sample = part(tree, plan.sample) if plan.sample else tree
        slow = compare(sample, {one: command for one, command in chosen.items() if one in (AST, OURS, *SLOW)}, plan.slow_rounds)
        measured += [quick, slow]
        ratios += aims(name, quick, slow)
    return Section(
        "\n\n".join(map(report, measured)), tuple(ratios), "![Processor seconds for 100,000 lines, by tool](images/speed-peers.svg)", lambda: draw(measured)
    )


def compare(tree: Tree, chosen: dict[str, tuple[str, ...]], rounds: int) -> Measured:
    """Time every contender on a tree."""
    print(f"\n{tree}")
    return Measured(tree, together({name: (*command, str(tree.folder)) for name, command in chosen.items()}, rounds))


def aims(package: str, quick: Measured, slow: Measured) -> list[Ratio]:
    """What is aimed at beside the peers, as far as both sides were run."""
    wanted = (
        (quick, OURS, AST, f"{package}: lintorch to ast.parse", 4, False), (quick, PLUGIN, FLAKE8, f"{package}: flake8 with lintorch to without", 1.25, False),
        (slow, TORCHFIX, OURS, f"{package}: TorchFix to lintorch", 20, True), (slow, PREFLIGHT, OURS, f"{package}: torch-preflight to lintorch", 20, True),
    )  # fmt: skip
    return [Ratio(what, at.ratio(of, to), aim, least) for at, of, to, what, aim, least in wanted if of in at.timings and to in at.timings]


def report(measured: Measured) -> str:
    """The table of one tree, with the processor time of each as so many times ours and as so many times a parse."""
    rows = []
    for name, timing in measured.timings.items():
        ratios = [round(measured.ratio(name, other), 2) if other in measured.timings else "–" for other in (OURS, AST)]
        rows.append((name, *timing.cells, *ratios))
    head = ("tool", "wall s", "processor s", "peak MB", "rounds", "times lintorch", "times ast.parse")
    return f"{measured.tree}:\n\n{table(head, rows)}"


def draw(measured: Sequence[Measured]) -> None:
    """The picture of all of them, by what 100,000 lines take."""
    from benchmarks.speed.figures import bars

    rates: dict[str, dict[str, float]] = {}
    for one in measured:
        package = one.tree.name.rpartition(" of ")[2]
        for name, timing in one.timings.items():
            rates.setdefault(name, {}).setdefault(package, timing.processor / one.tree.lines * 100_000)
    bars(Path("speed-peers.svg"), rates, ours=(OURS, PLUGIN), label="processor seconds for 100,000 lines")
