"""Calls in other files that run a function without gradients keep what it retains with gradients from being reported."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.settings import Settings
from lintorch.source.text import Source

_FUNCTION = """\
import torch


def evaluate(model, loader, criterion):
    model.eval()
    total = 0
    for x, y in loader:
        total += criterion(model(x), y)
    return total / len(loader)
"""
_METHOD = """\
from torch import nn


class Recognizer(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 4)
        self.loader = []

    def recognize(self, x):
        self.eval()
        for part in x:
            print(self.net(part).argmax())


class Beam:
    def __init__(self, net, greedy):
        self.net = nn.Linear(4, 4)
        self.search = self.greedy if greedy else self.wide

    def __call__(self, parts):
        return self.search(parts)

    def greedy(self, parts):
        self.net.eval()
        for part in parts:
            print(self.net(part).argmax())

    def wide(self, parts):
        return None
"""
_OFF = {
    "imported": "import torch\nfrom pkg.judged import evaluate\n\ndef main(m, d, c):\n    with torch.no_grad():\n        evaluate(m, d, c)\n",
    "by module": "import torch\nfrom pkg import judged\n\n@torch.no_grad()\ndef main(m, d, c):\n    judged.evaluate(m, d, c)\n",
    "by way of": "import torch\nfrom pkg.judged import evaluate\n\ndef run(m, d, c):\n    evaluate(m, d, c)\n\n"
    "def main():\n    with torch.no_grad():\n        run(1, 2, 3)\n",
}
_ON = {
    "no call": "import torch\n\ndef main(m, x):\n    with torch.no_grad():\n        m(x)\n",
    "beside": "import torch\nfrom pkg.judged import evaluate\n\ndef main(m, d, c):\n    with torch.no_grad():\n        m(d)\n    evaluate(m, d, c)\n",
    "another of that name": "import torch\nfrom other import evaluate\n\ndef main(m, d, c):\n    with torch.no_grad():\n        evaluate(m, d, c)\n",
    "other arguments": "import torch\n\ndef main(m, d):\n    with torch.no_grad():\n        m.evaluate(d)\n",
}


def _reported(root: Path, judged: str, other: str) -> set[str]:
    (root / "pyproject.toml").touch()
    (root / "pkg").mkdir()
    (root / "pkg" / "__init__.py").touch()
    (root / "pkg" / "judged.py").write_text(judged)
    (root / "pkg" / "other.py").write_text(other)
    analysis = Checker(load_catalogue()).analyse(Source.read(root / "pkg" / "judged.py"), Settings(select=("LT2",)))
    assert not analysis.failures
    return {judged.finding.code for judged in analysis.judged}


@pytest.mark.parametrize("other", [pytest.param(text, id=name) for name, text in _OFF.items()])
def test_called_without_gradients(other: str, tmp_path: Path) -> None:
    assert _reported(tmp_path, _FUNCTION, other) == set()


@pytest.mark.parametrize("other", [pytest.param(text, id=name) for name, text in _ON.items()])
def test_called_with_gradients(other: str, tmp_path: Path) -> None:
    assert _reported(tmp_path, _FUNCTION, other) == {"LT201", "LT203"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX")
def test_a_pipe_called_like_a_module_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    os.mkfifo(tmp_path / "pkg.py")
    assert _reported(tmp_path, "import pipe\n" + _FUNCTION, "from pipe import *\n") == {"LT201", "LT203"}


def test_methods_are_told_by_name_and_arguments(tmp_path: Path) -> None:
    other = "import torch\n\ndef main(model, x):\n    with torch.no_grad():\n        model.recognize(x)\n"
    assert _reported(tmp_path, _METHOD, other) == set()


def test_what_is_handed_on_as_a_value_may_run_without_gradients(tmp_path: Path) -> None:
    alone = _METHOD.partition("class Beam")[2]
    assert _reported(tmp_path, "from torch import nn\n\n\nclass Beam" + alone, "") == set()
