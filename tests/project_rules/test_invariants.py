"""What the document on architecture says must always hold is held by tests that exist."""

from __future__ import annotations

import ast
import re

from tests.project_rules.code import ROOT

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
INVARIANTS = re.findall(r"^\*\*Architecture invariant:\*\*.*?(?=\n\n|\Z)", TEXT, re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_invariant_names_a_test() -> None:
    assert len(INVARIANTS) == TEXT.count("**Architecture invariant:**") > 40
    assert [one for one in INVARIANTS if not NAMED.search(one)] == []


def test_the_tests_it_names_exist() -> None:
    missing = [f"{file}::{name}" for file, name in NAMED.findall(TEXT) if name not in _tests(file)]
    assert missing == []


def _tests(file: str) -> set[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
