"""The documents tell the truth: every test they name exists, every command they show is the one that is run."""

from __future__ import annotations

import ast
import re

import pytest

from tests.project_rules.code import ROOT, functions

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
INVARIANTS = re.findall(r"^\*\*Architecture invariant:\*\*.*?(?=\n\n|\Z)", ARCHITECTURE, re.MULTILINE | re.DOTALL)
_NAMED_TEST = re.compile(r"`(tests/[\w/.]+\.py)::(\w+)`")


def test_there_are_invariants() -> None:
    assert len(INVARIANTS) >= 10


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda text: text[28:68])
def test_every_invariant_names_its_test(invariant: str) -> None:
    named = _NAMED_TEST.findall(invariant)
    assert named, "an invariant ends with the test that holds it: `tests/file.py::function`"
    for file, function in named:
        path = ROOT / file
        assert path.is_file(), f"{file} does not exist"
        assert function in {node.name for node in functions(ast.parse(path.read_text(encoding="utf-8")))}, f"{file} has no {function}"


@pytest.mark.parametrize("document", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_relative_links_lead_somewhere(document) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text(encoding="utf-8"))
    assert not [link for link in links if not (document.parent / link).exists()]


def test_the_architecture_tells_of_every_part() -> None:
    parts = {path.name.removesuffix(".py") for path in (ROOT / "lintorch").iterdir() if not path.name.startswith(("_", "py."))}
    assert not {part for part in parts if not re.search(rf"`(?:lintorch/)?{part}(?:/|\.py)", ARCHITECTURE)}


def test_changelog_keeps_its_form() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert headings
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", heading) for heading in headings[1:])
    sections = set(re.findall(r"^### (.+)$", changelog, re.MULTILINE))
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
