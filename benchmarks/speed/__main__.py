"""How fast lintorch is: beside its peers, with growing projects and more processes, when it runs again, and in an editor.

    python -m benchmarks.speed                                   everything, in one session
    python -m benchmarks.speed growth editing --rounds 5         some of it
    python -m benchmarks.speed peers --only lintorch,torchfix    some of the tools (by words of their names); nothing is written
    python -m benchmarks.speed editing --files net.py            files of your own; nothing is written

Each part brings its section of docs/benchmarks.md, and its picture, up to date. Figures are medians; ratios are of processor time unless they say otherwise.
The first run downloads the packages and installs the peers into environments of their own under .bench/.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from benchmarks.packages import DOCS, PINNED, write_between
from benchmarks.speed.again import again, verdicts
from benchmarks.speed.editing import editing
from benchmarks.speed.growth import growth
from benchmarks.speed.peers import peers
from benchmarks.speed.timing import Plan, Ratio, Section, ratios_table

PARTS: dict[str, Callable[[Plan], Section]] = {"peers": peers, "growth": growth, "again": again, "verdicts": verdicts, "editing": editing}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write; the status is 1 where an aim was missed."""
    arguments = _arguments(argv)
    plan = Plan(tuple(arguments.packages), arguments.rounds, arguments.slow_rounds, arguments.sample, arguments.only, tuple(arguments.files))
    ratios = list[Ratio]()
    for name in arguments.parts or PARTS:
        section = PARTS[name](plan)
        ratios += section.ratios
        print(f"\n{section}", flush=True)
        if not (plan.only or plan.files or arguments.dry_run):
            section.draw()
            write_between(DOCS / "benchmarks.md", f"speed {name}", f"{_machine()}\n\n{section}")
    print(f"\n{ratios_table(ratios)}")
    return 0 if all(ratio.held for ratio in ratios) else 1


def _machine() -> str:
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}, {date.today()}."


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in text.split(",") if word.strip())


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--packages", nargs="+", choices=sorted(PINNED), default=["timm", "diffusers"], help="for peers; the first is also that of verdicts")
    parser.add_argument("--rounds", type=int, default=3, help="of what is quick (default: 3)")
    parser.add_argument("--slow-rounds", type=int, default=1, help="of slow peers, and of the large package cold (default: 1)")
    parser.add_argument("--sample", type=int, default=20_000, help="lines of each package that slow peers get (default: 20000; 0: all)")
    parser.add_argument("--only", type=_words, default=(), help="peers with one of these words in their names")
    parser.add_argument("--files", nargs="+", type=Path, default=[], help="for editing, in place of model files of timm")
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return arguments


if __name__ == "__main__":
    raise SystemExit(main())
