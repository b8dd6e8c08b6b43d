"""The site is made of the documents and the rules, and what it says of lintorch is so."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.cli import arguments
from tests.project_rules.code import ROOT

COMPARISON = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
PACK = (ROOT / "docs" / "rule-packs.md").read_text(encoding="utf-8")


@pytest.mark.long  # .ci/run builds it in a step of its own
def test_the_site_builds_without_a_warning_and_has_every_rule(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    # Not --quiet: what is not logged is not counted, and --strict would find nothing.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    for rule in load_catalogue().rules:
        page = (tmp_path / "rules" / rule.name / "index.html").read_text(encoding="utf-8")
        assert f"{rule.code} {rule.name}" in page
        assert page.count(">Reported</span>") == sum(block.kind == "bad" for block in rule.page.blocks)
    first = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="architecture/"' in first
    assert 'href="contributing/"' in first


def rows() -> list[list[str]]:
    lines = [line for line in COMPARISON.splitlines() if line.startswith("| ") and line.count(" | ") >= 2]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if not line.startswith("| feature")]


def test_no_feature_is_missing_without_a_reason() -> None:
    assert len(rows()) > 60
    for feature, has, *why in rows():
        assert has in {"yes", "no"}, feature
        assert has == "yes" or len(" ".join(why)) > 20, f"{feature}: say why not"


def test_what_the_comparison_names_is_there() -> None:
    codes = {rule.code for rule in load_catalogue().rules} | {"LT001"}
    theirs = re.compile(r"\bLT\d{3}\b")
    assert set(theirs.findall(COMPARISON)) <= codes
    known = {option for make in arguments._PARSERS.values() for action in make()._actions for option in action.option_strings}
    named = {option for _, has, *why in rows() if has == "yes" for cell in why for option in re.findall(r"(?<![\w-])--[a-z-]+", cell)}
    assert len(named) > 5
    assert named <= known


def test_every_rule_of_the_peers_is_answered() -> None:
    ours = " ".join(" ".join(row[:1]) for row in rows())
    for code in ("TOR001", "TOR002", "TOR003", "TOR004", "TOR101", "TOR102", "TOR103", "TOR104", "TOR105", "TOR106", "TOR107", "TOR108", "TOR201", "TOR202"):
        assert code in ours
    for code in ("TOR203", "TOR401", "TOR402", "TOR901", *(f"TG{number:03}" for number in (*range(1, 9), *range(10, 15)))):
        assert code in ours


@pytest.mark.long
def test_the_rule_pack_of_the_page_becomes_a_wheel_that_works(tmp_path: Path) -> None:
    found = re.findall(r'^(`{3,})\w+ title="([^"]+)"\n(.*?)^\1$', PACK, re.MULTILINE | re.DOTALL)
    assert len(found) == 4
    pack = tmp_path / "pack"
    for _, name, text in found:
        (pack / name).parent.mkdir(parents=True, exist_ok=True)
        (pack / name).write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--no-isolation", str(pack)], check=True, capture_output=True, timeout=300)
    (wheel,) = (pack / "dist").glob("*.whl")
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    install = [str(environment / "bin" / "pip"), "install", "-q", "-c", str(ROOT / "constraints.txt"), str(ROOT), str(wheel)]
    subprocess.run(install, check=True, timeout=600)
    program = str(environment / "bin" / "lintorch")
    (tmp_path / "net.py").write_text("from torch import nn\n\n\nclass A(nn.Module):\n    def forward(self, x):\n        debug_x = x * 2\n        return debug_x.relu() + debug_x\n")
    done = subprocess.run([program, "--select", "ACM001", "--format", "concise", "net.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "net.py:6:9: ACM001 `debug_x` is left over from debugging\n"), done.stderr
    told = subprocess.run([program, "explain", "ACM001"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert told.stdout.startswith("# ACM001 debugging-name\n")
