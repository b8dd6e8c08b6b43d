"""Runs the witness blocks of the rules' pages; `python -m tests.witness.retention NAME` prints a page's table as measured here.

A block labelled `python witness` belongs to the bad or good block above it, and where a fixed block stands between, to that one too. Its first line is a
comment that names what is measured; it defines `run(steps)`, which takes one step of the loop for each item of the iterator `steps` (a data loader made
from it does so by itself) and may return what must not differ between the bad block and the fixed one. It is executed together with its block, by
`lintorch.worker.witness.measure_loop`. The page's table has one row for each: `| NAME (bad) | ...`, `| NAME (fixed) | ...` or `| NAME (good) | ...`; its
headings are fields of Witness in words.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lintorch.page import Block, Page, parse_page
from lintorch.worker.witness import Loop, Steps, Witness, measure_loop

PAGES = Path(__file__).parents[2] / "rules" / "lintorch_rules"
STEPS, WARMUP = 4, 2

Row = Mapping[str, str]


@dataclass(frozen=True)
class Variant:
    """One row of a page's table: a block and the witness that runs it."""

    label: str
    kind: str
    text: str
    witness: str

    @property
    def name(self) -> str:
        """As the table has it."""
        return f"{self.label} ({self.kind})"


@dataclass(frozen=True)
class Measured:
    """The witness, and what each run of the loop returned."""

    witness: Witness
    results: tuple[Any, ...]


def page_of(name: str) -> Page:
    """The page of a rule by its file name."""
    return parse_page((PAGES / f"{name}.md").read_text(encoding="utf-8"))


def variants(page: Page) -> Iterator[Variant]:
    """Every block of the page that a witness block runs, in order."""
    example: list[Block] = []
    for block in page.blocks:
        if block.kind in {"bad", "good"}:
            example = [block]
        elif block.kind == "fixed":
            example.append(block)
        elif block.kind == "witness":
            label = block.text.splitlines()[0].removeprefix("# ")
            yield from (Variant(label, each.kind, each.text, block.text) for each in example)


def program(*texts: str) -> dict[str, Any]:
    """The names that these texts define when they are executed one after the other."""
    namespace: dict[str, Any] = {"__name__": "page_example"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in texts:
            exec(compile(text, "<page>", "exec"), namespace)
    return namespace


def measured(variant: Variant) -> Measured:
    """Runs a variant as the pages say."""
    loop: Loop = program(variant.text, variant.witness)["run"]
    results: list[Any] = []

    def run(steps: Steps) -> None:
        results.append(loop(steps))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        return Measured(measure_loop(run, STEPS, WARMUP), tuple(results))


def table(page: Page) -> dict[str, Row]:
    """The rows of the table under "Why it matters", by variant."""
    lines = [line for line in page.sections["Why it matters"].splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    headings = cells[0][1:] if cells else []
    return {row[0]: dict(zip(headings, row[1:], strict=True)) for row in cells[1:] if not row[0].startswith("-")}


def row_of(witness: Witness, headings: list[str]) -> Row:
    """The figures under these headings as the table writes them."""
    values = witness.as_dict()
    return {heading: _written(values[heading.replace(" ", "_")]) for heading in headings}


def figure(cell: str) -> float:
    """The number in a cell; yes and no count as one and zero."""
    return {"yes": 1.0, "no": 0.0}[cell] if cell in {"yes", "no"} else float(cell.replace(",", ""))


def _written(value: float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def rendered(page: Page) -> str:
    """The table with every figure measured now."""
    headings = list(next(iter(table(page).values()), {})) or ["nodes per step", "bytes per step", "held nodes", "held bytes", "peak bytes"]
    lines = [f"| variant | {' | '.join(headings)} |", "|---" * (len(headings) + 1) + "|"]
    for variant in variants(page):
        row = row_of(measured(variant).witness, headings)
        lines.append(f"| {variant.name} | {' | '.join(row.values())} |")
    return "\n".join(lines)


def main(names: list[str]) -> None:
    """Prints the table of each page named; with --write puts it into the page."""
    torch.set_num_threads(1)
    for name in (name for name in names if name != "--write"):
        page = page_of(name)
        fresh = rendered(page)
        print(name, fresh, sep="\n")
        if "--write" in names:
            (PAGES / f"{name}.md").write_text(page.text.replace(_written_table(page), fresh, 1), encoding="utf-8")


def _written_table(page: Page) -> str:
    """The lines of the table as they stand on the page."""
    return "\n".join(line for line in page.sections["Why it matters"].splitlines() if line.startswith("|"))


if __name__ == "__main__":
    main(sys.argv[1:])
