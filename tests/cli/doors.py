"""Running the command line in this process, on files made for the test."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lintorch.cli import main
from lintorch.verify.verdict import Change, Status, Verdict

HEAD = "import torch\nfrom torch import nn\n\n\n"
NET = HEAD + "class Net(nn.Module):\n    def forward(self, x):\n        y = x.relu()\n        return y\n"
NET_FIXED = HEAD + "class Net(nn.Module):\n    def forward(self, x):\n        return x.relu()\n"
CLEAN = HEAD + "class Clean(nn.Module):\n    def forward(self, x):\n        return x.relu()\n"
CHAIN = HEAD + "class Chain(nn.Module):\n    def forward(self, x):\n        a = x.relu()\n        b = a.tanh()\n        return b\n"

RAN = {"inputs": ("float32[2, 10]",), "seeds": (0, 1, 2), "modes": ("train", "eval")}
TESTED = Verdict(Status.TESTED, **RAN)
REFUTED = Verdict(Status.REFUTED, "output[0] differs by 0.5", **RAN)
UNDECIDED = Verdict(Status.UNDECIDED, "no inputs found", hint="Net(), torch.randn(2, 10)")


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


class Doors:
    """The command line in a folder of its own; `verdict` is what every change gets, so that nothing runs."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.verdict, self.asked = folder, TESTED, list[Change]()
        self._capfd, self._monkeypatch = capfd, monkeypatch
        monkeypatch.chdir(folder)
        monkeypatch.setattr("lintorch.engine.verdicts.Verifiers.under", lambda verifiers, settings: self._verify)

    def _verify(self, change: Change) -> Verdict:
        self.asked.append(change)
        return self.verdict

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def read(self, name: str) -> str:
        return (self.folder / name).read_bytes().decode()

    def run(self, *arguments: str, stdin: str | bytes = "") -> Outcome:
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        self._capfd.readouterr()
        status = main(list(arguments))
        sys.stdout.flush()
        return Outcome(status, *self._capfd.readouterr())


@contextmanager
def environment(**values: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield
