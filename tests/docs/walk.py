"""Documents walked as a reader would: files written, commands run, in the order of the page, in one folder.

python -m tests.docs.walk       puts what is really printed into the tutorial
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.project_rules.code import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.md"
# A file has its name in the title; a session begins with a prompt; what is installed stands in `sh` blocks, which are walked in an environment of their own.
_BLOCK = re.compile(r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its kind, the file it stands for (or nothing), its text, and where the text stands in the document."""

    kind: str
    title: str | None
    text: str
    span: tuple[int, int]

    @property
    def command(self) -> str:
        """The command of a session."""
        return self.text.partition("\n")[0].removeprefix("$ ")

    @property
    def shown(self) -> str:
        """What the page shows below the command."""
        return self.text.partition("\n")[2]


def blocks(document: str) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    return (Block(found["kind"], found["title"], found["text"], found.span("text")) for found in _BLOCK.finditer(document))


def walk(document: str, folder: Path, programs: Path) -> Iterator[tuple[Block, str]]:
    """Follow a document in `folder`, with the programs of an environment first on the path; gives each session with what it printed."""
    (folder / ".git").mkdir(exist_ok=True)  # the end of every search upward
    for block in blocks(document):
        if block.title is not None:
            (folder / block.title).write_text(block.text, encoding="utf-8")
        elif block.kind == "console":
            yield block, printed(block.command, folder, programs)


def printed(command: str, folder: Path, programs: Path) -> str:
    """What a command prints to whoever looks at the terminal, which is 120 columns wide."""
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120", "NO_COLOR": "1"}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    return done.stdout


def updated(document: str, folder: Path, programs: Path) -> str:
    """The document with what is really printed."""
    parts, done = [], 0
    for block, text in walk(document, folder, programs):
        parts += document[done : block.span[0]], f"$ {block.command}\n{text}"
        done = block.span[1]
    return "".join((*parts, document[done:]))


def main() -> None:
    """Bring the tutorial up to date."""
    document = TUTORIAL.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        TUTORIAL.write_text(updated(document, Path(folder), Path(sys.executable).parent), encoding="utf-8")


if __name__ == "__main__":
    main()
