"""The benchmarks' own judgement: the audit of a fixed working copy sees every broken promise, and none where all is well."""

from __future__ import annotations

import ast
import copy
import sys
from pathlib import Path

import pytest

from benchmarks.audit import audit, kind_of, plain_reason, splice
from benchmarks.beside_ruff import FORWARD, FREE, METHOD, place
from benchmarks.packages import put_under_git, table, write_between
from benchmarks.speed.editing import edits
from benchmarks.speed.figures import adaptive
from benchmarks.speed.timing import Ratio, measure

BEFORE = "# naïve 😀\nclass A:\n    def forward(self, x):\n        y = x + 1\n        return y\n\n\nlast = 1\n"
AFTER = "# naïve 😀\nclass A:\n    def forward(self, x):\n        return x + 1\n\n\nlast = 1\n"
EDIT = {"line": 4, "column": 9, "end_line": 5, "end_column": 17, "text": "return x + 1"}
REPORT = {
    "findings": [{"code": "LT101", "path": "a.py", "line": 4, "fix": {"title": "t", "edits": [EDIT]}, "rewrite": 3, "fixed": True}],
    "rewrites": [{"id": 3, "path": "a.py", "symbol": "A", "edits": [EDIT], "verdict": {"status": "tested", "reason": None}}],
    "files": {"checked": 2, "skipped": [], "changed": ["a.py"]},
    "summary": {"LT101": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text(BEFORE, encoding="utf-8")
    (tmp_path / "b.py").write_text("other = 1\n")
    put_under_git(tmp_path)
    (tmp_path / "a.py").write_text(AFTER, encoding="utf-8")
    return tmp_path


def test_audit_is_content_with_a_true_report(folder: Path) -> None:
    assert audit(folder, REPORT) == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        pytest.param(AFTER.replace("last = 1", "last = 2"), "not the original with the reported edits", id="more than the edits"),
        pytest.param(AFTER.replace("x + 1", "x + 2"), "not the original with the reported edits", id="another edit"),
        pytest.param(AFTER.replace("x + 1", "x +"), "no longer parses", id="syntax"),
        pytest.param(BEFORE, "is reported as changed and did not", id="nothing written"),
    ],
)
def test_audit_sees_files_that_are_wrong(folder: Path, text: str, seen: str) -> None:
    (folder / "a.py").write_text(text, encoding="utf-8")
    assert any(seen in line for line in audit(folder, REPORT))


def test_audit_sees_edits_of_no_finding(folder: Path) -> None:
    report = copy.deepcopy(REPORT)
    report["findings"][0]["fix"]["edits"] = []
    (folder / "a.py").write_text(AFTER, encoding="utf-8")
    assert any("changed outside the reported places" in line for line in audit(folder, report))


def test_audit_sees_unreported_files(folder: Path) -> None:
    (folder / "b.py").write_text("other = 2\n")
    (folder / "left.tmp").write_text("")
    assert {line.split()[0] for line in audit(folder, REPORT) if "not reported" in line} == {"b.py", "left.tmp"}


@pytest.mark.parametrize("status", ["close", "undecided", "refuted"])
def test_audit_sees_writes_without_a_verdict(folder: Path, status: str) -> None:
    report = copy.deepcopy(REPORT)
    report["rewrites"][0]["verdict"]["status"] = status
    assert audit(folder, report) == [f"a.py: A was written with {status}"]


def test_splice_counts_code_points_and_every_line_end() -> None:
    text = "a\r\nb😀c\rd\n"
    edits = [{"line": 2, "column": 3, "end_line": 2, "end_column": 4, "text": "X"}, {"line": 3, "column": 1, "end_line": 3, "end_column": 2, "text": ""}]
    assert splice(text, edits) == "a\r\nb😀X\r\n"


def test_like_reasons_count_together() -> None:
    assert plain_reason("timed out after 60.0 s in `Net.forward`") == plain_reason("timed out after 5 s in `Block.step`")


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("no inputs found: forward: TypeError: 'int' object is not callable", "no inputs found: forward raises TypeError"),
        ("no inputs found: forward: einops, repeat() is not installed here and was used (TypeError: no)", "a package that is not installed here was used"),
        ("line 12 never ran", "line # never ran"),
    ],
)
def test_kinds_of_reasons(reason: str, kind: str) -> None:
    assert kind_of(plain_reason(reason)) == kind


@pytest.mark.parametrize(("line", "where"), [(2, FREE), (5, FORWARD), (7, METHOD), (9, FORWARD), (1, FREE)])
def test_place_of_a_line(line: int, where: str) -> None:
    code = """\
def f():
    a
class A:
    def forward(self):
        a
    def other(self):
        a
    def forward_features(self):
        def inner(): a
"""
    assert place(ast.parse(code), line) is where


def test_documents_keep_their_prose(tmp_path: Path) -> None:
    document = tmp_path / "d.md"
    document.write_text("before\n<!-- t -->\nold\n<!-- /t -->\nafter\n")
    write_between(document, "t", table(("a", "n"), [("x|y", 1200)]))
    assert document.read_text() == "before\n<!-- t -->\n\n| a | n |\n| --- | --: |\n| x\\|y | 1,200 |\n\n<!-- /t -->\nafter\n"
    with pytest.raises(ValueError, match="no markers"):
        write_between(document, "absent", "text")


def test_what_a_command_took_is_its_own() -> None:
    """Two processes' time, the memory of the larger, and nothing of who measures."""
    ballast = bytearray(300 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    child = "held = bytearray(80 << 20); held[::4096] = b'x' * len(held[::4096]); sum(range(3_000_000))"
    took = measure("two processes", [sys.executable, "-c", f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])"], rounds=2)
    assert len(took.walls) == 2
    assert 80 < took.megabytes < 150
    assert took.processor > 0.03
    with pytest.raises(RuntimeError, match="ended with 7"):
        measure("dies", [sys.executable, "-c", "raise SystemExit(7)"])


def test_a_ratio_knows_its_aim() -> None:
    assert [Ratio("r", value, 4).held for value in (3.9, 4, 4.1)] == [True, True, False]
    assert [Ratio("r", value, 20, at_least=True).held for value in (19, 20)] == [False, True]


def test_pictures_have_the_colours_of_both_modes() -> None:
    drawn = adaptive('<?xml?>\n<svg width="1">\n<path style="fill: #FFFFFE; stroke: #00796b"/></svg>', "what it shows")
    assert "fill: var(--c1); stroke: var(--c3)" in drawn
    assert "--c1:#fffffe;" in drawn
    assert "--c1:#161b22;" in drawn.partition("prefers-color-scheme:dark")[2]
    assert "<title>what it shows</title>" in drawn


def test_each_function_is_edited_twice() -> None:
    text = "def f(x):\n    return x\n\n\nclass A:\n    def g(self):\n        pass\n"
    made = list(edits(text))
    assert len(made) == 4
    assert made[0] == text.replace("    return x", "    fresh = len('x')\n    return x")
    assert made[3] == text.replace("def g(self):\n", "def g(self):  # seen\n")
