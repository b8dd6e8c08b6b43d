"""lintorch as a process of its own on a tree of files, to be killed, interrupted and run beside another.

Run as a script it is the command line with a verdict of its own for every change, so that nothing but the writing takes time.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
OLD = "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n        y = x.relu()\n        return y\n"
NEW = OLD.replace("        y = x.relu()\n        return y\n", "        return x.relu()\n")
_MARK = "LINTORCH_TEST_RUN"


@dataclass(frozen=True)
class Place:
    """A tree to fix, a folder for temporary things, and a mark in the environment of every process that a run starts."""

    tree: Path
    scratch: Path
    mark: str

    @classmethod
    def below(cls, folder: Path) -> Place:
        place = cls(folder / "tree", folder / "scratch", secrets.token_hex(8))
        for made in (place.tree / ".git", place.scratch):
            made.mkdir(parents=True)
        return place

    def start(self, *arguments: str, instant: bool = True) -> subprocess.Popen[bytes]:
        command = [str(Path(__file__))] if instant else ["-m", "lintorch"]
        environment = {**os.environ, "TMPDIR": str(self.scratch), "PYTHONPATH": str(ROOT), _MARK: self.mark}
        return subprocess.Popen(
            [sys.executable, *command, *arguments, "."],
            cwd=self.tree, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str, instant: bool = True) -> tuple[int, str]:
        process = self.start(*arguments, instant=instant)
        out, err = process.communicate(timeout=300)
        return process.returncode, (out + err).decode()

    @property
    def leftovers(self) -> list[str]:
        """Everything in the tree and in the scratch folder that no user put there."""
        found = (*self.tree.rglob("*"), *self.scratch.rglob("*"))
        return [str(path) for path in found if path.suffix != ".py" and path.name != ".git"]

    def processes(self) -> list[int]:
        """The processes that any run in this place has started and that still live."""
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and self._is_marked(entry)]

    def _is_marked(self, process: Path) -> bool:
        with contextlib.suppress(OSError):
            return f"{_MARK}={self.mark}".encode() in (process / "environ").read_bytes()
        return False

    def wait_for_silence(self, seconds: float = 20) -> None:
        """Until none of them lives."""
        deadline = time.monotonic() + seconds
        while self.processes():
            assert time.monotonic() < deadline, f"still alive: {self.processes()}"
            time.sleep(0.05)


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, and its end whatever happens."""
    with process:
        try:
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    from lintorch.cli import main
    from lintorch.engine.verdicts import Verifiers
    from lintorch.verify.verdict import Status, Verdict

    Verifiers.under = lambda self, settings, peak=False: lambda change: Verdict(Status.TESTED, inputs=("float32[2]",))  # type: ignore[method-assign]
    raise SystemExit(main())
