"""The pre-commit hooks name commands that exist and behave as hooks must."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.doors import NET, NET_FIXED, Doors

HOOKS = (Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text()
ENTRIES = dict(re.findall(r"^- id: (\S+)\n(?:  .*\n|    .*\n)*?  entry: (.+)$", HOOKS, re.MULTILINE))


def test_both_hooks_are_there() -> None:
    assert ENTRIES == {"lintorch": "lintorch check --force-exclude", "lintorch-fix": "lintorch check --fix --force-exclude"}


@pytest.mark.parametrize(("hook", "status", "after"), [("lintorch", 1, NET), ("lintorch-fix", 0, NET_FIXED)])
def test_hooks_take_the_files_pre_commit_gives_them(doors: Doors, hook: str, status: int, after: str) -> None:
    doors.write({"pyproject.toml": '[tool.lintorch]\nexclude = ["third_party/"]\n', "third_party/sub/c.py": NET})
    doors.write({"a.py": NET, "untouched.py": NET, "generated.py": "# This file was automatically generated. Do not edit.\n" + NET})
    assert doors.run(*shlex.split(ENTRIES[hook])[1:], "a.py", "third_party/sub/c.py", "generated.py").status == status
    assert doors.read("a.py") == after
    assert doors.read("untouched.py") == doors.read("third_party/sub/c.py") == NET
