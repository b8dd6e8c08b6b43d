"""What becomes of each RET504 that ruff reports: which lintorch reports too, and where the rest stands. Writes into docs/ecosystem.md.

python -m benchmarks.beside_ruff [PACKAGE ...]
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.ecosystem import lintorch, ret504
from benchmarks.packages import CACHE, DOCS, PINNED, download, table, unpack, write_between

FREE, METHOD, FORWARD = "silent: in a function of its own", "silent: in a method that is no forward", "silent: in a forward"
KINDS = ("LT101", "LT102", FREE, METHOD, FORWARD)
# RET504 points at the returned name, lintorch at the assignment above it; comments and blank lines may stand between.
_GAP = 4


def beside(folder: Path) -> Counter[str]:
    """How many RET504 of a folder's files fall into each of KINDS."""
    report = lintorch(folder, "check", "--select", "LT101,LT102", ".").report
    reported = {(item["path"], line): item["code"] for item in report["findings"] for line in range(item["line"], item["end_line"] + _GAP)}
    counts: Counter[str] = Counter()
    for path, lines in _by_file(folder, ret504(folder)).items():
        tree = ast.parse((folder / path).read_bytes())
        for line in lines:
            counts[reported.get((path, line)) or place(tree, line)] += 1
    return counts


def _by_file(folder: Path, items: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    lines: dict[str, list[int]] = {}
    for item in items:
        path = Path(item["filename"]).resolve().relative_to(folder.resolve()).as_posix()
        lines.setdefault(path, []).append(item["location"]["row"])
    return lines


def place(tree: ast.AST, line: int) -> str:
    """Where a line stands: in a free function, a method, or a method whose name begins with forward."""
    kind = FREE
    for node in _enclosing(tree, line):
        if isinstance(node, ast.ClassDef):
            kind = METHOD
        elif kind is METHOD and node.name.startswith("forward"):
            kind = FORWARD
    return kind


def _enclosing(tree: ast.AST, line: int) -> list[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """The classes and functions round a line, outermost first."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(tree) if isinstance(node, kinds) and node.lineno <= line <= (node.end_lineno or 0)]
    return sorted(found, key=lambda node: node.lineno)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"of {', '.join(PINNED)}; all where none is named")
    rows = []
    for name in parser.parse_args(argv).packages or PINNED:
        counts = beside(unpack(download(PINNED[name]), CACHE / "beside" / name))
        rows.append((str(PINNED[name]), counts.total(), *(counts[kind] for kind in KINDS)))
    text = table(("package", "RET504", *KINDS), rows)
    print(text)
    write_between(DOCS / "ecosystem.md", "ret504", text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
