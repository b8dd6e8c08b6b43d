"""The tutorial is what happens to whoever follows it."""

from __future__ import annotations

import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from tests.docs.walk import TUTORIAL, blocks, walk
from tests.project_rules.code import ROOT

TEXT = TUTORIAL.read_text(encoding="utf-8")


def follow(folder: Path, programs: Path) -> None:
    sessions = list(walk(TEXT, folder, programs))
    assert len(sessions) >= 8
    for block, printed in sessions:
        assert printed == block.shown, f"{block.command}: bring the page up to date with: python -m tests.docs.walk"


def test_every_step_prints_what_the_page_shows(tmp_path: Path) -> None:
    follow(tmp_path, Path(sys.executable).parent)
    fixed = (tmp_path / "train.py").read_text()
    assert "total += loss.detach()" in fixed
    assert "@torch.no_grad()" in fixed


def test_ten_commands_take_a_newcomer_to_a_verified_fix() -> None:
    commands = [line for block in blocks(TEXT) if block.kind == "sh" for line in block.text.splitlines()]
    sessions = [block.command for block in blocks(TEXT) if block.kind == "console"]
    before = list(takewhile(lambda command: not command.startswith("lintorch --fix --quiet"), sessions))
    assert before != sessions
    assert len(commands) + len(before) + 1 < 10


@pytest.mark.long
def test_every_step_works_in_an_empty_environment(tmp_path: Path) -> None:
    checkout, folder = tmp_path / "checkout", tmp_path / "work"
    folder.mkdir()
    subprocess.run(["git", "clone", "-q", str(ROOT), str(checkout)], check=True)
    install = [line for block in blocks(TEXT) if block.kind == "sh" for line in block.text.splitlines()]
    assert [line.split()[0] for line in install] == ["python3", ".venv/bin/pip", "source"]
    for line in install[:2]:
        pinned = line.replace("pip install", "pip install -q -c constraints.txt").replace(".[verify]", ".[verify,html]")
        subprocess.run(["bash", "-c", pinned], cwd=checkout, check=True, timeout=900)
    follow(folder, checkout / ".venv" / "bin")
