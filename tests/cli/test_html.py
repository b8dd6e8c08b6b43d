"""`--format html` at the door."""

from __future__ import annotations

import pytest

from lintorch.report import html
from tests.cli.doors import NET, Doors
from tests.report.pages import all_named, parsed, told


def test_without_its_packages_it_is_one_line(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "_NEEDED", ("jinja2", "not_there"))
    doors.write({"a.py": NET})
    for command in (("--format", "html", "a.py"), ("verify", "--format", "html", "a.py", "a.py")):
        outcome = doors.run(*command)
        assert (outcome.status, outcome.out) == (2, "")
        assert outcome.err == "lintorch: --format html needs not_there, which this Python does not have; install `lintorch[html]`\n"


def test_the_page_of_a_check_shows_source_around_the_fix(doors: Doors) -> None:
    doors.write({"a.py": NET})
    outcome = doors.run("--format", "html", "a.py")
    assert outcome.status == 1
    diff = next(table for table in all_named(parsed(outcome.out), "table") if table.get("class") == "diff")
    assert [told(gone).strip() for gone in all_named(diff, "del")] == ["y = x.relu()", "return y"]
    assert "def forward(self, x):" in told(diff)
