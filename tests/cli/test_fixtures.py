"""The modules that README shows: what lintorch says of each, and one real run of --fix over all of them, both versions executed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.doors import Doors

FIXTURES = Path(__file__).parents[2] / "fixtures"

# By file: the codes of the default rules, then those of the opt-in rules about intermediates. The fixtures fit 88 columns.
EXPECTED = {
    "shapes/chain.py": ("LT101", "LT103 LT103 LT103 LT103"),
    "shapes/gate.py": ("", ""),
    "shapes/two_heads.py": ("", ""),
    "models/attention.py": ("LT101", "LT102 LT103 LT103 LT103 LT103 LT103 LT103 LT103"),
    "models/base.py": ("", "LT103"),
    "models/derived.py": ("LT101 LT101", ""),
    "models/layers.py": ("", ""),
    "models/leftovers.py": ("LT101 LT104 LT104 LT105 LT106", ""),
    "models/recurrent.py": ("", "LT103 LT108"),
    "models/residual.py": ("LT101", "LT102 LT103 LT103"),
    "models/unet.py": ("", ""),
}
# Its forward calls what only classes of other files implement, and no example is given.
UNDECIDED = {("models/base.py", "Autoencoder")}


@pytest.fixture
def copies(doors: Doors) -> Path:
    for name in EXPECTED:
        (doors.folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FIXTURES / name, doors.folder / name)
    return doors.folder


def test_every_model_and_shape_is_accounted_for() -> None:
    files = {path.relative_to(FIXTURES).as_posix() for folder in ("shapes", "models") for path in (FIXTURES / folder).glob("*.py")}
    assert files - {"models/__init__.py"} == EXPECTED.keys()


def test_what_is_found(doors: Doors, copies: Path) -> None:
    report = json.loads(doors.run("--select", "LT1", "--format", "json").out)
    default = json.loads(doors.run("--format", "json").out)
    for name, (on, opt_in) in EXPECTED.items():
        assert sorted(found["code"] for found in default["findings"] if found["path"] == name) == on.split(), name
        assert sorted(found["code"] for found in report["findings"] if found["path"] == name) == sorted(f"{on} {opt_in}".split()), name


def test_all_of_it_is_fixed_and_verified_without_an_example(copies: Path) -> None:
    fix = [sys.executable, "-m", "lintorch", "--fix", "-j1", "--select", "LT1", "--format", "json", "."]
    done = subprocess.run(fix, cwd=copies, capture_output=True, text=True, timeout=500)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    verdicts = {(rewrite["path"], rewrite["symbol"]): rewrite["verdict"]["status"] for rewrite in report["rewrites"]}
    assert {place for place, status in verdicts.items() if status == "undecided"} <= UNDECIDED
    assert {status for place, status in verdicts.items() if place not in UNDECIDED} <= {"same-trace", "tested"}
    for untouched in ("shapes/gate.py", "shapes/two_heads.py", "models/unet.py", "models/layers.py"):
        assert (copies / untouched).read_bytes() == (FIXTURES / untouched).read_bytes()
    assert "return self.head(self.drop(torch.relu(self.hidden(self.norm(x)))))" in (copies / "shapes/chain.py").read_text()
    before = {name: (copies / name).read_bytes() for name in EXPECTED}
    subprocess.run(fix, cwd=copies, capture_output=True, timeout=500)
    assert before == {name: (copies / name).read_bytes() for name in EXPECTED}
