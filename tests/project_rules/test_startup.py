"""What is not needed is not imported: start-up stays light, and static checking needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "libcst", "rich", "dask", "jinja2", "matplotlib")

# Runs the command in-process and says, as the last line, which of the heavy modules it brought in.
_RUN = """
import json, sys
from lintorch.cli import main
try:
    status = main(sys.argv[2:])
except SystemExit as exit:
    status = exit.code or 0
sys.stdout.flush()
print()
print(json.dumps({"status": status, "loaded": [name for name in sys.argv[1].split(",") if name in sys.modules]}))
"""

_WITHOUT_TORCH = (
    """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Block())
"""
    + _RUN
)

NO_CANDIDATES = """\
import torch
from torch import nn


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return torch.relu(self.layer(x))
"""
CANDIDATE = """\
from torch import nn


class Named(nn.Module):
    def forward(self, x):
        y = x.relu()
        return y
"""


def run(code: str, *arguments: str, cwd: Path) -> tuple[int, list[str], str]:
    """The exit status, the heavy modules loaded and the text printed of `lintorch ARGUMENTS` in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code, ",".join(HEAVY), *arguments], cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip(), done.stderr
    text, _, last = done.stdout.rstrip("\n").rpartition("\n")
    report = json.loads(last)
    return report["status"], report["loaded"], text


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["explain", "LT101"], ["rules", "--format", "json"]], ids=" ".join)
def test_questions_about_lintorch_load_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    status, loaded, text = run(_RUN, *arguments, cwd=tmp_path)
    assert status == 0
    assert text.strip()
    assert loaded == []


def test_check_without_candidates_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(NO_CANDIDATES)
    (tmp_path / "script.py").write_text("print('no torch at all')\n")
    status, loaded, _ = run(_RUN, "check", "-j1", ".", cwd=tmp_path)
    assert status == 0
    assert loaded == []


def test_check_with_a_finding_does_not_load_torch(tmp_path: Path) -> None:
    (tmp_path / "named.py").write_text(CANDIDATE)
    status, loaded, text = run(_RUN, "check", "-j1", "named.py", cwd=tmp_path)
    assert status == 1
    assert "LT101" in text
    assert "torch" not in loaded


def test_static_check_works_without_torch(tmp_path: Path) -> None:
    (tmp_path / "named.py").write_text(CANDIDATE)
    (tmp_path / "plain.py").write_text(NO_CANDIDATES)
    with_torch = run(_RUN, "check", "-j1", "--no-cache", "--format", "json", ".", cwd=tmp_path)
    without = run(_WITHOUT_TORCH, "check", "-j1", "--no-cache", "--format", "json", ".", cwd=tmp_path)
    assert without == with_torch
    assert [finding["code"] for finding in json.loads(without[2])["findings"]] == ["LT101"]
