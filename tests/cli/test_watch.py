"""`--watch`: a run for each change, in a real process and with real changes of files."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.doors import NET, NET_FIXED, Doors

pytest.importorskip("watchfiles")


def until(report: Path, text: str, number: int) -> str:
    """What was told once `text` stands in it that often."""
    deadline = time.monotonic() + 60
    while report.read_text().count(text) < number:
        assert time.monotonic() < deadline, report.read_text()
        time.sleep(0.05)
    return report.read_text()


def test_each_change_is_a_run_and_an_interruption_the_end(tmp_path: Path) -> None:
    work, report = tmp_path / "work", tmp_path / "report"
    work.mkdir()
    (work / "a.py").write_text(NET)
    with report.open("w") as file:
        command = [sys.executable, "-m", "lintorch", "--watch", "--format", "concise", "-j1", "."]
        process = subprocess.Popen(command, cwd=work, stdout=file, stderr=subprocess.STDOUT)
    try:
        assert until(report, "waiting for changes", 1).startswith("a.py:7:9: LT101")
        (work / "a.txt").write_text("nothing to see")
        (work / "a.py").write_text("\n" + NET)
        assert "a.py:8:9: LT101" in until(report, "waiting for changes", 2)
        (work / "pyproject.toml").write_text("[tool.lintorch]\nselct = 1\n")
        assert "unknown key [tool.lintorch] selct; did you mean select?" in until(report, "waiting for changes", 3)
        (work / "pyproject.toml").unlink()
        until(report, "waiting for changes", 4)
        (work / "a.py").write_text(NET_FIXED)
        until(report, "waiting for changes", 5)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in report.read_text()


def test_without_the_package_there_is_one_line(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    doors.write({"a.py": NET})
    outcome = doors.run("--watch")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err == "lintorch: --watch needs the package watchfiles, which is not installed; install `lintorch[watch]`\n"


def test_what_is_not_there_cannot_be_watched(doors: Doors) -> None:
    outcome = doors.run("--watch", "nowhere")
    assert (outcome.status, outcome.out, outcome.err) == (2, "", "lintorch: nowhere: there is no such file or folder\n")
