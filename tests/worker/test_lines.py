"""Lines that run are noted, for one file."""

from __future__ import annotations

from typing import Any

from lintorch.worker.lines import LineLog

TEXT = """\
def chosen(flag):
    if flag:
        a = 1
    else:
        a = 2
    return [a for _ in range(2)]


def other():
    return 0
"""


def functions(path: str) -> dict[str, Any]:
    space: dict[str, Any] = {}
    exec(compile(TEXT, path, "exec"), space)
    return space


def test_notes_the_lines_that_run() -> None:
    space = functions("/a.py")
    log = LineLog("/a.py")
    with log:
        space["chosen"](True)
    space["other"]()
    assert log.lines == {2, 3, 6}


def test_leaves_other_files_alone() -> None:
    log = LineLog("/b.py")
    with log:
        functions("/a.py")["chosen"](True)
    assert log.lines == set()


def test_can_be_entered_again() -> None:
    space = functions("/a.py")
    log = LineLog("/a.py")
    for flag in (True, False):
        with log:
            space["chosen"](flag)
    assert log.lines == {2, 3, 5, 6}
