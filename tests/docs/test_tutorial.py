"""The tutorial is what happens to whoever follows it."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from tests.docs.walk import TUTORIAL, blocks, walk
from tests.project_rules.code import ROOT

TEXT = TUTORIAL.read_text(encoding="utf-8")


def follow(folder: Path, programs: Path, page: str = TEXT) -> None:
    sessions = list(walk(page, folder, programs))
    assert sessions
    for block, printed in sessions:
        assert printed == block.shown, f"{block.command}: bring the page up to date with: python -m tests.docs.walk"


def test_every_step_prints_what_the_page_shows(tmp_path: Path) -> None:
    follow(tmp_path, Path(sys.executable).parent)
    assert len([block for block in blocks(TEXT) if block.kind == "console"]) >= 8
    fixed = (tmp_path / "train.py").read_text()
    assert "total += loss.detach()" in fixed
    assert "@torch.no_grad()" in fixed


def test_ten_commands_take_a_newcomer_to_a_verified_fix() -> None:
    typed = [command for block in blocks(TEXT) for command in (block.text.splitlines() if block.kind == "sh" else [block.command] * (block.kind == "console"))]
    before = list(takewhile(lambda command: not command.startswith("lintorch --fix --quiet"), typed))
    assert before != typed
    assert "source .venv/bin/activate" in before
    assert len(before) + 1 < 10


@pytest.mark.long
def test_every_step_works_in_an_empty_environment(tmp_path: Path) -> None:
    checkout, folder = tmp_path / "checkout", tmp_path / "work"
    folder.mkdir()
    subprocess.run(["git", "clone", "-q", str(ROOT), str(checkout)], check=True)
    programs = checkout / ".venv" / "bin"
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PIP_CONSTRAINT": str(checkout / "constraints.txt"), "PIP_QUIET": "1"}
    for part in TEXT.split("```sh\n")[1:]:  # a part is what is typed at a prompt, and the page from there on
        typed, _, page = part.partition("```\n")
        subprocess.run(["bash", "-e", "-c", typed], cwd=checkout, env=environment, check=True, timeout=900)
        follow(folder, programs, page)
