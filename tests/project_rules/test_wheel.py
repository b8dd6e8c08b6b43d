"""The wheel is whole: both packages, the pages, the doors; and it works where no checkout is near."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.project_rules.code import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # The backend itself, not `python -m build`: no network, no environment of its own.
    subprocess.run([sys.executable, "-c", f"import hatchling.build; hatchling.build.build_wheel({str(folder)!r})"], cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_every_file_of_both_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    for package in (ROOT / "lintorch", ROOT / "rules" / "lintorch_rules"):
        files = {path.relative_to(package.parent).as_posix() for path in package.rglob("*") if path.suffix in {".py", ".md", ".typed"}}
        assert files <= inside


def test_wheel_declares_the_doors(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        declared = ConfigParser()
        declared.read_string(archive.read(name).decode())
    assert dict(declared["console_scripts"]) == {"lintorch": "lintorch.cli:run"}
    assert dict(declared["flake8.extension"]) == {"lt": "lintorch.flake8_plugin:Plugin"}
    assert dict(declared["lintorch.rules"]) == {"builtin": "lintorch_rules"}


def test_unpacked_wheel_finds_its_rules_and_pages(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = "import lintorch, lintorch.cli; print(lintorch.__file__); raise SystemExit(lintorch.cli.main(['explain', 'LT101']))"
    # -I would hide PYTHONPATH; the folder comes first on the path, before an editable install of this checkout.
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "site"))
    assert "returned-temporary" in done.stdout
