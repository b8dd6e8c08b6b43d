"""The figures on the pages of the retention rules are what is measured.

How a page says what is measured stands in tests/witness/retention.py: a `python witness` block after a bad (and fixed) or a good block defines
`run(steps)`, and its first line names the rows of the page's table. With the torch that the figures were written for they must be equal; node and byte
counts change from one torch to the next, so with another one zero must be zero, and what is not must not.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch

from lintorch.page import Page, parse_page
from tests.witness.retention import PAGES, Measured, Variant, figure, measured, page_of, program, rendered, row_of, table, variants

EXACT = torch.__version__.startswith("2.13.")
GROWTH = ("nodes per step", "bytes per step")
NAMES = sorted(path.stem for path in PAGES.glob("*.md") if path.read_text(encoding="utf-8").startswith("# LT2"))
VARIANTS = [(name, variant) for name in NAMES for variant in variants(page_of(name))]


@cache
def measurement(variant: Variant) -> Measured:
    """Each variant is measured once for all the tests that ask."""
    return measured(variant)


def ids(cases: list[tuple[str, Variant]]) -> list[str]:
    return [f"{name}:{variant.name}" for name, variant in cases]


@pytest.mark.parametrize(("name", "variant"), VARIANTS, ids=ids(VARIANTS))
def test_a_block_retains_what_its_row_says(name: str, variant: Variant) -> None:
    row = table(page_of(name))[variant.name]
    seen = row_of(measurement(variant).witness, list(row))
    if EXACT:
        assert dict(row) == dict(seen)
    else:
        assert {heading: figure(row[heading]) > 0 for heading in GROWTH} == {heading: figure(seen[heading]) > 0 for heading in GROWTH}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_s_table_has_a_row_for_each_measured_block_and_no_other(name: str) -> None:
    assert list(table(page_of(name))) == [variant.name for variant in variants(page_of(name))]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_measures_a_bad_block_and_one_that_is_not(name: str) -> None:
    kinds = {variant.kind for variant in variants(page_of(name))}
    assert "bad" in kinds
    assert kinds - {"bad"}


def growth(seen: Measured) -> tuple[float, float]:
    return seen.witness.nodes_per_step, seen.witness.bytes_per_step


def level(seen: Measured) -> tuple[int, int, int]:
    return seen.witness.held_nodes, seen.witness.held_bytes, seen.witness.peak_bytes


FIXED = [(name, variant) for name, variant in VARIANTS if variant.kind == "fixed"]


def bad_of(name: str, fixed: Variant) -> Variant:
    return next(variant for other, variant in VARIANTS if other == name and variant.kind == "bad" and variant.label == fixed.label)


@pytest.mark.parametrize(("name", "fixed"), FIXED, ids=ids(FIXED))
def test_a_fix_lets_less_grow_or_where_nothing_grows_lowers_the_level(name: str, fixed: Variant) -> None:
    before, after = measurement(bad_of(name, fixed)), measurement(fixed)
    assert all(new <= old for old, new in zip(growth(before), growth(after), strict=True))
    if growth(before) == growth(after):
        assert all(new <= old for old, new in zip(level(before), level(after), strict=True))
        assert level(before) != level(after)


@pytest.mark.parametrize(("name", "fixed"), FIXED, ids=ids(FIXED))
def test_a_fix_changes_no_bit_of_what_the_loop_returns(name: str, fixed: Variant) -> None:
    before, after = measurement(bad_of(name, fixed)).results, measurement(fixed).results
    assert tensors(before), "the witness returns nothing that could differ"
    assert len(tensors(before)) == len(tensors(after))
    assert all(torch.equal(old, new) for old, new in zip(tensors(before), tensors(after), strict=True))


def tensors(value: Any) -> list[torch.Tensor]:
    """The tensors and numbers in nested containers, each as a tensor."""
    if isinstance(value, torch.Tensor):
        return [value.detach()]
    if isinstance(value, float | int):
        return [torch.tensor(value)]
    items = value.values() if isinstance(value, dict) else value
    return [tensor for item in items for tensor in tensors(item)]


@pytest.mark.parametrize("name", NAMES)
def test_every_block_of_a_page_runs(name: str) -> None:
    for block in page_of(name).blocks:
        if block.kind in {"bad", "fixed", "good"}:
            program(block.text)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_enough_examples_of_both_kinds(name: str) -> None:
    kinds = [block.kind for block in page_of(name).blocks]
    assert kinds.count("bad") >= 2
    assert kinds.count("good") >= 6


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_how_to_measure_and_what_the_message_is(name: str) -> None:
    section = page_of(name).sections["Why it matters"]
    assert f"`python -m tests.witness.retention {name}`" in section
    assert "**Message**: " in section


@pytest.mark.parametrize("name", NAMES)
def test_marks_name_the_page_s_own_rule(name: str) -> None:
    assert {code for block in page_of(name).blocks for mark in block.marks for code in mark.codes} == {page_of(name).code}


PAGE = """# LT299 shown

One sentence.

## Why it matters

| variant | nodes per step | collectable |
|---|---|---|
| kept (bad) | 1,234.50 | yes |
| kept (fixed) | 0 | no |

## Examples

```python bad
import torch  # error: [LT299]
KEEP = True
```

```python fixed
import torch
KEEP = False
```

```python witness
# kept
def run(steps):
    kept = []
    for _ in steps:
        out = torch.ones(2, requires_grad=True).exp()
        if KEEP:
            kept.append(out)
```

## Must stay silent

```python good
x = 1
```

## Fix safety

None.
"""


def page() -> Page:
    return parse_page(PAGE)


def test_a_witness_runs_with_the_bad_block_and_with_the_fixed_one() -> None:
    assert [(variant.name, measured(variant).witness.nodes_per_step) for variant in variants(page())] == [("kept (bad)", 1), ("kept (fixed)", 0)]


def test_a_table_is_read_and_written() -> None:
    assert table(page())["kept (bad)"] == {"nodes per step": "1,234.50", "collectable": "yes"}
    assert [figure(cell) for cell in ("1,234.50", "0", "yes", "no")] == [1234.5, 0, 1, 0]
    assert rendered(page()).splitlines()[2:] == ["| kept (bad) | 1 | no |", "| kept (fixed) | 0 | no |"]
