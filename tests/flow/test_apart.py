"""What a module's statistic owns depends on where the project puts the module: behind what is trained, or in front of everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.settings import Settings
from lintorch.source.text import Source

_NORM = """\
import torch
from torch import nn


class Norm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        return x - self.mean
"""
_APART = {
    "attribute": "from pkg.judged import Norm\n\nclass Env:\n    def __init__(self, device):\n        self.norm = Norm(4).to(device)\n",
    "given to what is no module": "from pkg.judged import Norm\n\nclass Env:\n    def __init__(self, norm):\n        self.norm = norm\n\n"
    "def main():\n    norm = Norm(4)\n    norm.load_state_dict({})\n    return Env(norm)\n",
}
_LAYER = {
    "nobody": "import torch\n",
    "a module's": "from torch import nn\nfrom pkg.judged import Norm\n\nclass Net(nn.Module):\n"
    "    def __init__(self):\n        super().__init__()\n        self.norm = Norm(4)\n",
    "in a sequence": "from torch import nn\nfrom pkg.judged import Norm\n\ndef build():\n    return nn.Sequential(nn.Linear(4, 4), Norm(4))\n",
    "given to a sequence": "from torch import nn\nfrom pkg.judged import Norm\n\ndef build():\n    norm = Norm(4)\n"
    "    return nn.Sequential(nn.Linear(4, 4), norm)\n",
    "another of that name": "from other import Norm\n\nclass Env:\n    def __init__(self):\n        self.norm = Norm(4)\n",
    "once each": "from torch import nn\nfrom pkg.judged import Norm\n\nclass Env:\n    def __init__(self):\n        self.norm = Norm(4)\n\n"
    "def build():\n    return nn.Sequential(nn.Linear(4, 4), Norm(4))\n",
}


def _reported(root: Path, other: str) -> set[str]:
    (root / "pyproject.toml").touch()
    (root / "pkg").mkdir()
    (root / "pkg" / "__init__.py").touch()
    (root / "pkg" / "judged.py").write_text(_NORM)
    (root / "pkg" / "other.py").write_text(other)
    analysis = Checker(load_catalogue()).analyse(Source.read(root / "pkg" / "judged.py"), Settings(select=("LT2",)))
    assert not analysis.failures
    return {judged.finding.code for judged in analysis.judged}


@pytest.mark.parametrize("other", [pytest.param(text, id=name) for name, text in _APART.items()])
def test_in_front_of_everything(other: str, tmp_path: Path) -> None:
    assert _reported(tmp_path, other) == set()


@pytest.mark.parametrize("other", [pytest.param(text, id=name) for name, text in _LAYER.items()])
def test_possibly_a_layer(other: str, tmp_path: Path) -> None:
    assert _reported(tmp_path, other) == {"LT205"}
