"""The benchmarks' independent execution sees what differs, and says what it could not run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.independent import compared, dotted, written
from benchmarks.snapshot import differences

HEAD = "import torch\nfrom torch import nn\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(3, 2)\n"
NAMED = HEAD + "    def forward(self, x):\n        y = self.fc(x)\n        return y\n"
NESTED = HEAD + "    def forward(self, x):\n        return self.fc(x)\n"


def rewrite(example: str | None) -> dict[str, Any]:
    return {"path": "pack/net.py", "symbol": "Net", "verdict": {"status": "same-trace", "example": example, "inputs": ["float32[4, 3]"]}}


def version(folder: Path, text: str) -> Path:
    (folder / "pack").mkdir(parents=True)
    (folder / "pack" / "__init__.py").write_text("")
    (folder / "pack" / "net.py").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("after", "example", "outcome"),
    [
        pytest.param(NESTED, "Net(), torch.randn(4, 3)", "same", id="same"),
        pytest.param(NESTED.replace("self.fc(x)", "self.fc(x).detach()"), "Net(), torch.randn(4, 3)", "differs: ", id="no gradient", marks=pytest.mark.long),
        pytest.param(NESTED.replace("self.fc(x)", "self.fc(x) + 1e-6"), "Net(), torch.randn(4, 3)", "differs: ", id="last bits"),
        pytest.param(NESTED, "Net(1), torch.randn(4, 3)", "not run: TypeError", id="cannot be built", marks=pytest.mark.long),
        pytest.param(NESTED, None, "not run: the verdict names no example", id="no example"),
    ],
)
def test_compared(tmp_path: Path, after: str, example: str | None, outcome: str) -> None:
    found = compared(version(tmp_path / "before", NAMED), version(tmp_path / "after", after), rewrite(example))
    assert found == outcome if outcome == "same" else found.startswith(outcome)


def test_what_was_written_counts_alone() -> None:
    report = {"rewrites": [{"id": 1}, {"id": 2}], "findings": [{"rewrite": 1, "fixed": False}, {"rewrite": 2, "fixed": True}]}
    assert written(report) == [{"id": 2}]


def test_modules_of_files() -> None:
    assert [dotted(path) for path in ("a/b.py", "a/__init__.py")] == ["a.b", "a"]


def test_a_snapshot_tells_each_part_that_changed() -> None:
    assert differences("a", {"files": 1, "found": {}}, {"files": 1, "found": {"LT101": 2}}) == ["a: found was {} and is {'LT101': 2}"]
