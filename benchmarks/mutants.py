"""Mutation testing of what decides: a sample of small wrong changes of flow and of the verifier's comparison, each given to the tests that should see it.

    python -m benchmarks.mutants --sample 60 --seed 0

Works in a copy of the repository. Prints a line for each mutant and the share that was killed; a survivor is named by file, line and change.
"""

from __future__ import annotations

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECONDS = 600
# What is mutated, and the tests that answer for it, the fastest first.
TARGETS = {
    "lintorch/flow/precedence.py": ("tests/flow/test_precedence.py", "tests/pages"),
    "lintorch/flow/dataflow.py": ("tests/flow/test_execution.py", "tests/pages"),
    "lintorch/flow/movement.py": ("tests/flow/test_execution.py", "tests/pages"),
    "lintorch/flow/lowering.py": ("tests/flow/test_execution.py", "tests/pages"),
    "lintorch/flow/segment.py": ("tests/flow/test_segment.py", "tests/fuzz/test_programs.py"),
    "lintorch/flow/gate.py": ("tests/flow/test_execution.py", "tests/pages"),
    "lintorch/verify/compare.py": ("tests/verify/test_verdicts.py", "tests/verify/test_mutations.py"),
    "lintorch/verify/fold.py": ("tests/verify/test_loops.py",),
    "lintorch/worker/differences.py": ("tests/worker/test_observe.py", "tests/verify/test_verdicts.py"),
    "lintorch/worker/observe.py": ("tests/worker/test_observe.py", "tests/verify/test_verdicts.py"),
}
_SWAPPED = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One wrong change of a file."""

    file: str
    line: int
    told: str
    text: str


def mutants(file: str) -> Iterator[Mutant]:
    """Every change of one operator, constant or condition of a file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    for place in range(sum(1 for _ in ast.walk(ast.parse(text)))):
        tree = ast.parse(text)
        node = list(ast.walk(tree))[place]
        told = next((told for told in (change(node) for change in _CHANGES) if told), None)
        if told:
            yield Mutant(file, getattr(node, "lineno", 0), told, ast.unparse(tree) + "\n")


def _operator(node: ast.AST) -> str:
    """Another comparison, `or` for `and`, minus for plus."""
    ops = node.ops if isinstance(node, ast.Compare) else [node.op] if isinstance(node, ast.BoolOp | ast.BinOp) else []
    if not ops or type(ops[0]) not in _SWAPPED:
        return ""
    old, new = type(ops[0]).__name__, _SWAPPED[type(ops[0])]
    if isinstance(node, ast.Compare):
        node.ops[0] = new()
    elif isinstance(node, ast.BoolOp | ast.BinOp):
        node.op = new()
    return f"{old} becomes {new.__name__}"


def _condition(node: ast.AST) -> str:
    """The opposite of a test."""
    if not isinstance(node, ast.If | ast.IfExp | ast.While):
        return ""
    node.test = ast.UnaryOp(ast.Not(), node.test)
    return "a test is negated"


def _constant(node: ast.AST) -> str:
    """True for False, one more for a number."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, bool | int):
        return ""
    new = (not node.value) if isinstance(node.value, bool) else node.value + 1
    told = f"{node.value!r} becomes {new!r}"
    node.value = new
    return told


_CHANGES: tuple[Callable[..., str], ...] = (_operator, _condition, _constant)


def survives(mutant: Mutant, copy: Path) -> bool:
    """Do all tests that should see a mutant pass?"""
    target = copy / mutant.file
    before = target.read_text(encoding="utf-8")
    target.write_text(mutant.text, encoding="utf-8")
    try:
        return all(_passes(tests, copy) for tests in TARGETS[mutant.file])
    finally:
        target.write_text(before, encoding="utf-8")


def _passes(tests: str, copy: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", tests]
    try:
        return subprocess.run(command, cwd=copy, check=False, capture_output=True, timeout=SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def main() -> int:
    """Try a sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="files whose path holds this")
    options = parser.parse_args()
    every = [mutant for file in TARGETS if options.only in file for mutant in mutants(file)]
    chosen = random.Random(options.seed).sample(every, min(options.sample, len(every)))
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(ROOT, Path(folder) / "copy", ignore=shutil.ignore_patterns(".git", "__pycache__", ".*_cache")))
        for number, mutant in enumerate(chosen, 1):
            alive = survives(mutant, copy)
            survivors += alive
            print(f"{number}/{len(chosen)} {'SURVIVED' if alive else 'killed'} {mutant.file}:{mutant.line} {mutant.told}", flush=True)
    print(f"killed {len(chosen) - survivors} of {len(chosen)} (of {len(every)} there are)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
