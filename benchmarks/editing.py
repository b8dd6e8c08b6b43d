"""What an edit inside one function costs the language server, beside one libcst.parse_module of the file.

    python -m benchmarks.editing FILE...

Each function of each file is edited twice, once by a comment and once by a line; times are of processor time. Printed for each file: its lines, how many
edits were judged alone, the median and the ninth decile of their cost as a share of the parse, and the share of edits that cost at most a fifth of it.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import libcst

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.engine.live import judge, judge_edit
from lintorch.settings import Settings
from lintorch.source.text import Source


def edits(text: str) -> Iterator[str]:
    """The text with a line, or a comment, put into each function; neither says anything to other functions."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines[:-1]):
        found = re.match(r" *(?:async )?def .*:\n", line)
        if found and re.match(r" *[\w(]", lines[number + 1]):
            indent = lines[number + 1][: -len(lines[number + 1].lstrip())]
            yield "".join([*lines[: number + 1], f"{indent}fresh = len('x')\n", *lines[number + 1 :]])
            yield "".join([*lines[:number], line.replace(":\n", ":  # seen\n"), *lines[number + 1 :]])


def shares(path: Path, text: str) -> list[float]:
    """The cost of each edit that was judged alone, as a share of the parse."""
    checker = Checker(load_catalogue())
    parse = statistics.median(spent(lambda: libcst.parse_module(text)) for _ in range(3))
    costs = []
    for edited in edits(text):
        known = judge(checker, Source.of_text(path, text), Settings())
        begun = time.process_time()
        if judge_edit(checker, known, Source.of_text(path, edited)) is not None:
            costs.append((time.process_time() - begun) / parse)
    return costs


def spent(work: Callable[[], object]) -> float:
    """Seconds of this process's time."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main(argv: Sequence[str] | None = None) -> int:
    """Print a row for each file; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    print("| file | lines | edits | median | p90 | at most a fifth |\n| --- | --: | --: | --: | --: | --: |")
    for path in parser.parse_args(argv).files:
        text = path.read_text(encoding="utf-8")
        found = sorted(shares(path, text))
        if found:
            cheap = sum(share <= 0.2 for share in found) / len(found)
            print(f"| {path.name} | {text.count(chr(10))} | {len(found)} | {statistics.median(found):.2f} | {found[len(found) * 9 // 10]:.2f} | {cheap:.0%} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
