"""Terminal sessions in the README: ```console blocks that begin with `$ lintorch ...` and show what it prints.

python -m tests.project_rules.shown      puts what is really printed in their place
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.project_rules.code import ROOT

README = ROOT / "README.md"
_SESSION = re.compile(r"```console\n\$ (lintorch .*)\n([\s\S]*?)```")


@dataclass(frozen=True)
class Session:
    """A command as shown and the text shown below it."""

    command: str
    text: str


def sessions(document: str) -> list[Session]:
    """The sessions of a Markdown text, in order."""
    return [Session(command, text) for command, text in _SESSION.findall(document)]


def printed(command: str) -> str:
    """What a command prints, run in a folder that holds nothing but a copy of fixtures/."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cp", "-r", str(ROOT / "fixtures"), folder], check=True)
        (Path(folder) / "pyproject.toml").write_text("")
        program = [str(Path(sys.executable).with_name("lintorch")), *shlex.split(command)[1:]]
        environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1"}
        done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


def main() -> None:
    """Bring the README up to date."""
    document = README.read_text(encoding="utf-8")
    README.write_text(_SESSION.sub(lambda match: f"```console\n$ {match[1]}\n{printed(match[1])}```", document), encoding="utf-8")


if __name__ == "__main__":
    main()
