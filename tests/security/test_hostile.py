"""Checking is reading: nothing of a hostile tree is imported, run, obeyed or shown as it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.dom import minidom

import pytest

from lintorch.cli.arguments import FORMATS
from tests.security.hostile import MARKUP, plant

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sys.executable).parent

# Runs the command line and names everything that code of the tree, or anybody for it, could do.
WATCHED = """
import os, sys
tree = os.getcwd()
seen = []

def hook(event, arguments):
    if event == "exec" and getattr(arguments[0], "co_filename", "").startswith(tree):
        seen.append((event, arguments[0].co_filename))
    elif event == "import" and str(arguments[1] or "").startswith(tree):
        seen.append((event, *map(str, arguments[:2])))
    elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.spawn", "socket.connect", "socket.bind"):
        seen.append((event, str(arguments[:1])))
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append((event, str(arguments[0])))
    elif event in ("os.remove", "os.rename", "os.mkdir", "os.chmod", "shutil.rmtree", "pickle.find_class"):
        seen.append((event, str(arguments[0])))

from lintorch.cli import main
sys.addaudithook(hook)
status = main(sys.argv[1:])
sys.stdout.flush()
if seen:
    sys.stderr.write(f"WATCHED {seen}\\n")
raise SystemExit(status)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    if sys.platform == "win32":
        pytest.skip("file names as POSIX allows them")
    folder = tmp_path / "tree"
    folder.mkdir()
    plant(folder, mark(folder))
    return folder


def mark(tree: Path) -> Path:
    return tree.parent / "mark"


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")} | {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=tree, env=environment, check=False, capture_output=True, text=True, errors="surrogateescape", stdin=subprocess.DEVNULL)


DOORS = {
    "lintorch": [str(SCRIPTS / "lintorch"), "--jobs", "1", "."],
    "lintorch in processes": [str(SCRIPTS / "lintorch"), "--jobs", "2", "."],
    "lintorch as a module": [sys.executable, "-m", "lintorch", "--jobs", "1", "."],
    "another configuration": [str(SCRIPTS / "lintorch"), "--config", "pyproject.toml", "."],
    "explain": [str(SCRIPTS / "lintorch"), "explain", "LT101"],
    "flake8": [sys.executable, "-IB", "-m", "flake8", "--isolated", "--select", "LT", "."],
}


@pytest.mark.parametrize("command", [pytest.param(command, id=name) for name, command in DOORS.items() if name != "lintorch as a module"])
def test_no_door_runs_anything_of_the_tree(tree: Path, command: list[str]) -> None:
    before = {path: path.stat() for path in tree.rglob("*")}
    done = run(tree, *command)
    assert not mark(tree).exists(), done.stderr
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    assert {path: (status.st_mtime_ns, status.st_size) for path, status in before.items()} == {
        path: (path.stat().st_mtime_ns, path.stat().st_size) for path in tree.rglob("*")
    }


def test_the_module_takes_nothing_from_the_current_folder_once_it_runs(tree: Path) -> None:
    """What Python itself imports before it runs lintorch is beyond us; SECURITY.md says how to be safe of that."""
    for name in ("lintorch", "ast", "json", "typing", "sitecustomize", "usercustomize", "__main__"):
        (tree / f"{name}.py").unlink()
    run(tree, *DOORS["lintorch as a module"])
    assert not mark(tree).exists()


def test_what_a_check_does_is_reading(tree: Path) -> None:
    done = run(tree, sys.executable, "-IB", "-c", WATCHED, "--jobs", "1", ".")
    assert "WATCHED" not in done.stderr, done.stderr
    assert done.returncode == 1, done.stderr
    assert not mark(tree).exists()


def test_the_watch_sees(tree: Path) -> None:
    """As a guard of the test above: importing from the tree, and running the interpreter it names, are seen."""
    spoilt = WATCHED.replace(
        "status = main",
        "import importlib.util as u; s = u.spec_from_file_location('e', tree + '/evil.py'); s.loader.exec_module(u.module_from_spec(s))\nstatus = main",
    )
    done = run(tree, sys.executable, "-IB", "-c", spoilt, "--jobs", "1", ".")
    assert "WATCHED" in done.stderr
    assert mark(tree).exists()


HOSTILE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_in_names_or_sources_acts_on_who_reads_the_report(tree: Path, form: str) -> None:
    done = run(tree, str(SCRIPTS / "lintorch"), "--jobs", "1", "--format", form, ".")
    assert done.returncode == 1, done.stderr
    out = done.stdout
    assert not HOSTILE.search(out + done.stderr)
    assert len(out) > 500
    if form in ("json", "sarif", "gitlab"):
        json.loads(out)
    if form in ("html", "junit"):
        assert "<script>alert" not in out
        assert MARKUP not in out
    if form == "junit":
        minidom.parseString(out)
    if form == "github":
        assert all(line.startswith("::") and not line.startswith("::set-output") for line in out.splitlines())
    if form == "concise":
        assert all(re.match(r".+:\d+:\d+: LT\d+ ", line) or line.startswith("Found") for line in out.splitlines()), out
