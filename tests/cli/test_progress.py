"""How far a long run is: shown on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.doors import NET, Doors
from tests.faults.command import ROOT

INSTANT = (str(ROOT / "tests" / "faults" / "command.py"),)  # the command line with a verdict of its own for every change


def on_terminal(folder: Path, *arguments: str, program: tuple[str, ...] = ("-m", "lintorch"), **environment: str) -> str:
    """What a terminal is sent by the command, run there for real."""
    main, other = pty.openpty()
    given = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, *program, *arguments]
    with subprocess.Popen(command, cwd=folder, env=given, stdin=other, stdout=other, stderr=other) as process:
        os.close(other)
        sent = b""
        while True:
            try:
                part = os.read(main, 1 << 16)
            except OSError:  # the other end is closed
                break
            sent += part
            if not part:
                break
        process.wait(60)
    os.close(main)
    return sent.decode()


def test_a_terminal_sees_files_and_verdicts_counted_and_then_nothing_of_it(doors: Doors) -> None:
    doors.write({"a.py": NET})
    sent = on_terminal(doors.folder, "--fix", "--diff", "-j1", "a.py")
    assert "0 of 1 file, starting PyTorch " in sent
    assert "0 of 1 file, 1 verdict " in sent
    assert "1 of 1 file, 1 verdict " in sent
    assert sent.rindex("1 of 1 file") < sent.rindex("\x1b[2K") < sent.index("Would fix 1 finding")  # the line was erased


@pytest.mark.parametrize(("more", "environment", "seen"), [((), {}, True), (("--quiet",), {}, False), ((), {"TERM": "dumb"}, False)])
def test_quiet_and_dumb_terminals_see_none(doors: Doors, more: tuple[str, ...], environment: dict[str, str], seen: bool) -> None:
    doors.write({"a.py": NET})
    sent = on_terminal(doors.folder, "--fix", "--diff", *more, "a.py", program=INSTANT, **environment)
    assert (" of 1 file" in sent) is seen


def test_a_pipe_sees_none(doors: Doors) -> None:
    doors.write({"a.py": NET})
    outcome = doors.run("--fix", "--diff", "a.py")
    assert " of 1 file" not in outcome.out + outcome.err


def test_a_short_check_draws_nothing(doors: Doors) -> None:
    doors.write({"a.py": "x = 1\n"})
    assert "\x1b[2K" not in on_terminal(doors.folder, "a.py")
