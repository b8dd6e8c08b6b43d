"""Two versions of files and folders through the importable interface."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lintorch import verify
from lintorch.settings import Settings, UsageError
from lintorch.source.text import SourceError
from lintorch.verify.pairs import compare, file_pairs
from lintorch.verify.verifier import Verifier

NET = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.fc(x)
        return scale(y)

class Other(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x) * 3

def scale(y: torch.Tensor) -> torch.Tensor:
    return y * 2

def apart(a: torch.Tensor) -> torch.Tensor:
    return a.exp()
"""
EXAMPLES = {"Net": ("Net(), torch.randn(4, 3)",), "Other": ("Other(), torch.randn(4, 3)",), "apart": ("apart, torch.randn(3)",)}
SETTINGS = Settings(min_isolation="none", examples=EXAMPLES)

Told = Callable[..., dict[str, str]]


@pytest.fixture
def told(verifier: Verifier, tmp_path: Path) -> Told:
    """What is said of a new text beside NET: statuses by name."""

    def tell(new: str, every: bool = False) -> dict[str, str]:
        (tmp_path / "old.py").write_text(NET)
        (tmp_path / "new.py").write_text(new)
        (pair,) = file_pairs(tmp_path / "old.py", tmp_path / "new.py", SETTINGS)
        return {found.name: found.verdict.status.value for found in compare(pair, lambda change: verifier.verify(change, EXAMPLES[change.symbol]), every)}

    return tell


def test_only_what_changed_is_run(told: Told) -> None:
    assert told(NET.replace("        y = self.fc(x)\n        return scale(y)", "        return scale(self.fc(x))")) == {
        "Net": "same-trace",
        "Other": "same-trace",
    }
    assert told(NET.replace("* 3", "* 1.5 * 2")) == {"Other": "tested"}


def test_a_change_in_a_helper_changes_what_uses_it(told: Told) -> None:
    assert told(NET.replace("y * 2", "y * 4"))["Net"] == "refuted"


def test_functions_on_tensors_are_compared(told: Told) -> None:
    assert told(NET.replace("a.exp()", "torch.exp(a)")) == {"apart": "same-trace"}
    assert told(NET.replace("a.exp()", "a.exp() + 1")) == {"apart": "refuted"}


def test_what_never_ran_in_the_new_version_is_undecided(told: Told) -> None:
    assert told(NET.replace("return y * 2", "return y * 3 if y.shape[0] > 100 else y * 2"))["Net"] == "undecided"
    assert told(NET.replace("    return y * 2", "    if y.shape[0] > 100:\n        return y * 3\n    return y * 2"))["Net"] == "undecided"
    assert told(NET.replace("return y * 2", "return y + y if y.requires_grad else 2 * y"))["Net"] == "tested"


def test_a_submodule_may_be_renamed(told: Told) -> None:
    assert told(NET.replace("self.fc", "self.linear"))["Net"] in ("same-trace", "tested")


def test_nothing_is_said_of_what_did_not_change(told: Told) -> None:
    assert told(NET) == {}
    assert told(NET, every=True) == dict.fromkeys(("Net", "Other", "apart"), "same-trace")


def test_what_is_gone_is_undecided(told: Told) -> None:
    assert told(NET.replace("class Other(Net)", "class Another(Net)"))["Other"] == "undecided"


def test_folders_are_compared_by_place(tmp_path: Path) -> None:
    for version, text in (("old", NET), ("new", NET.replace("* 3", "* 5"))):
        (tmp_path / version / "pkg").mkdir(parents=True)
        (tmp_path / version / "pkg" / "net.py").write_text(text)
    (tmp_path / "old" / "gone.py").write_text(NET)
    found = {(Path(result.path).name, result.name): result.verdict.status.value for result in verify.verify(tmp_path / "old", tmp_path / "new", SETTINGS)}
    assert found[("net.py", "Other")] == "refuted"
    assert found[("gone.py", "Net")] == "undecided"


def test_what_cannot_be_compared_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text(NET)
    (tmp_path / "bad.py").write_text("def f(:\n")
    with pytest.raises(UsageError, match="compare two files or two folders"):
        verify.verify(tmp_path / "old.py", tmp_path)
    with pytest.raises(SourceError):
        verify.verify(tmp_path / "old.py", tmp_path / "bad.py")
