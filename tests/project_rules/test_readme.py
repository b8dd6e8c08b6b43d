"""The README shows what happens."""

from __future__ import annotations

import re

import pytest

from tests.project_rules.code import ROOT
from tests.project_rules.shown import README, printed, sessions

TEXT = README.read_text(encoding="utf-8")


def test_the_first_screen_has_a_finding_its_fix_and_its_verdict() -> None:
    first = sessions("".join(TEXT.splitlines(keepends=True)[:60]))[0].text
    assert re.search(r"\bLT1\d\d\b", first)
    assert re.search(r"\| -\s+\w+ = ", first)
    assert re.search(r"\| \+\s+return", first)
    assert "same-trace" in first or "tested" in first


@pytest.mark.parametrize("session", sessions(TEXT), ids=lambda session: session.command)
def test_readme_shows_what_is_printed(session) -> None:
    assert printed(session.command) == session.text, "bring it up to date with: python -m tests.project_rules.shown"


def test_the_server_runs_the_command_that_is_shown() -> None:
    commands = re.findall(r"^python3 -m venv .*$", TEXT, re.MULTILINE)
    assert len(commands) == 2, "two commands on a fresh machine do everything"
    demonstration, tests = commands
    assert "lintorch --fix" in demonstration
    assert (ROOT / demonstration.split()[-1]).exists()
    assert "pytest" in tests
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8"), "the server takes the test command from the README"
