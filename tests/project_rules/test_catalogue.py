"""Every registered rule is a whole pair: a code of its own, a page, an example that speaks and one that stays silent."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue
from tests.project_rules.code import ROOT

RULES = load_catalogue().rules
PACK = ROOT / "rules" / "lintorch_rules"


def test_the_pack_is_found() -> None:
    files = {path.stem.replace("_", "-") for path in PACK.glob("*.py") if not path.name.startswith("_")}
    assert files, "the pack holds no rules"
    assert files <= {registered.name for registered in RULES}


def test_codes_are_unique_and_well_formed() -> None:
    codes = Counter(registered.rule.code for registered in RULES)
    assert not [code for code, count in codes.items() if count > 1]
    assert all(re.fullmatch(r"[A-Z]+[0-9]{3,4}", code) for code in codes)


def test_codes_are_not_in_file_names() -> None:
    assert not [path.name for path in PACK.iterdir() if re.search(r"[0-9]{3}", path.name)]


@pytest.mark.parametrize("suffix", [".py", ".md"])
def test_pairs_are_whole(suffix: str) -> None:
    other = {".py": ".md", ".md": ".py"}[suffix]
    alone = [path.name for path in PACK.glob(f"*{suffix}") if not path.name.startswith("_") and not path.with_suffix(other).is_file()]
    assert not alone


@pytest.mark.parametrize("registered", RULES, ids=lambda registered: registered.rule.code)
def test_page_is_complete(registered) -> None:
    page = registered.page
    assert registered.name in page.title, f"the title {page.title!r} does not name {registered.name}"
    assert registered.rule.code in page.title
    assert page.sentence.rstrip().endswith("."), "the page opens with one sentence"
    kinds = [block.kind for block in page.blocks]
    assert "bad" in kinds, "no example that speaks"
    assert "good" in kinds, "no example that stays silent"
    assert any("fix safety" in section.lower() for section in page.sections), "no section that says what a fix could change"


def test_pages_hold_no_absolute_paths() -> None:
    assert not [path.name for path in Path(PACK).glob("*.md") if re.search(r"/(home|root|work|Users)/", path.read_text(encoding="utf-8"))]
