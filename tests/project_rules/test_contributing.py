"""The worked example of CONTRIBUTING.md works, as a pack of its own: two new files and a declaration, nothing edited."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project_rules.code import ROOT

_FILE = re.compile(r"<!-- file: (\S+) -->\n(`{3,})\w+\n(.*?)\n\2\n", re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as pip would leave it: the pack with the files of the example, and what declares it."""
    folder = tmp_path_factory.mktemp("site")
    pack, declared = folder / "lintorch_acme", folder / "lintorch_acme-1.0.dist-info"
    pack.mkdir()
    declared.mkdir()
    (pack / "__init__.py").write_text("")
    for name, _, text in _FILE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        (pack / name).write_text(text + "\n", encoding="utf-8")
    (declared / "METADATA").write_text("Metadata-Version: 2.1\nName: lintorch-acme\nVersion: 1.0\n")
    (declared / "entry_points.txt").write_text("[lintorch.rules]\nacme = lintorch_acme\n")
    return folder


def run(site: Path, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


def test_the_example_is_a_whole_pair(site: Path) -> None:
    assert sorted(path.name for path in (site / "lintorch_acme").iterdir()) == ["__init__.py", "meaningless_name.md", "meaningless_name.py"]


def test_the_example_passes_its_own_page(site: Path) -> None:
    done = run(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/pages/test_pages.py", "-k", "meaningless-name", cwd=ROOT)
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= 4


def test_the_example_is_explained_and_reports(site: Path, tmp_path: Path) -> None:
    command = ("-c", "import sys; from lintorch.cli import main; sys.exit(main())")
    assert "meaningless-name" in run(site, *command, "explain", "ACM001", cwd=tmp_path).stdout
    (tmp_path / "model.py").write_text(
        "from torch import nn\n\n\nclass A(nn.Module):\n    def forward(self, x):\n        tmp = x * 2\n        return tmp.relu() + tmp\n"
    )
    done = run(site, *command, "check", "--format", "concise", "model.py", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert re.search(r"model\.py:6:9: ACM001 .*`tmp` says nothing", done.stdout)
