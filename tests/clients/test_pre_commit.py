"""The hooks, run by the real pre-commit in a repository of their own: on what is staged and no more, with torch and without."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.cli.doors import NET, NET_FIXED
from tests.cli.test_hooks import ENTRIES

pytest.importorskip("pre_commit")

ROOT = Path(__file__).parents[2]
SPACE = "\n\n# A hunk of git reaches three lines above and below:\n# one\n# two\n# three\n"
FAR = "UNSTAGED = 1\n"


class Repository:
    """A scratch repository with hooks; nothing of it is outside its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        # pre-commit runs as part of an outer hook too, whose git variables would lead astray.
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT", "VIRTUAL_ENV"))}
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "a"), ("EMAIL", "a@b.c"))}
        self.environment = {**clean, **who, "PRE_COMMIT_HOME": str(folder / "home"), "GIT_CONFIG_GLOBAL": os.devnull, "OMP_NUM_THREADS": "1"}
        self.run("git", "init", "-q", "-b", "main", ".")

    def run(self, *command: str, timeout: int = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=timeout)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / name.replace("_py", ".py").replace("config_yaml", ".pre-commit-config.yaml")).write_text(text)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def stage(self) -> None:
        self.run("git", "add", "-A")

    def staged(self, name: str) -> str:
        return self.run("git", "show", f":{name}").stdout

    def hooks(self) -> subprocess.CompletedProcess[str]:
        """What a commit of what is staged runs."""
        return self.run(sys.executable, "-m", "pre_commit", "run", "--color", "never")

    def installs_lintorch(self, hook: str, args: Iterable[str] = (), types: str = "types: [python]") -> None:
        """Hooks as pre-commit would install them, less the installing: the command is this environment's."""
        entry = ENTRIES[hook].replace("lintorch", f"{sys.executable} -m lintorch", 1)
        given = f"args: [{', '.join(args)}], " if args else ""
        self.write(config_yaml=f"repos: [{{repo: local, hooks: [{{id: {hook}, name: {hook}, entry: '{entry}', {given}language: system, {types}}}]}}]\n")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_what_is_staged_is_checked_and_nothing_else(repository: Repository) -> None:
    repository.installs_lintorch("lintorch")
    repository.write(a_py=NET_FIXED, b_py=NET)
    repository.run("git", "add", "a.py", ".pre-commit-config.yaml")
    assert repository.hooks().returncode == 0
    repository.write(a_py=NET)  # on the disk, not staged
    assert repository.hooks().returncode == 0
    assert repository.read("a.py") == NET
    repository.stage()
    done = repository.hooks()
    assert done.returncode == 1
    assert "a.py:7:9: LT101 returned-temporary" in done.stdout
    assert "b.py:7:9: LT101 returned-temporary" in done.stdout


def test_notebooks_where_the_configuration_asks_for_them(repository: Repository) -> None:
    cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": NET}
    (repository.folder / "a.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    repository.installs_lintorch("lintorch", types="types: [file], types_or: [python, jupyter]")
    repository.stage()
    done = repository.hooks()
    assert done.returncode == 1
    assert "a.ipynb:cell 1:7:9: LT101 returned-temporary" in done.stdout


def test_a_fix_of_a_partly_staged_file_keeps_both_parts_apart(repository: Repository) -> None:
    repository.installs_lintorch("lintorch-fix", ["--python", sys.executable])
    repository.write(a_py=NET + SPACE)
    repository.stage()
    repository.write(a_py=NET + SPACE + FAR)
    done = repository.hooks()
    assert done.returncode == 1, done.stdout
    assert "files were modified by this hook" in done.stdout
    assert repository.read("a.py") == NET_FIXED + SPACE + FAR
    assert repository.staged("a.py") == NET + SPACE
    repository.stage()
    assert repository.hooks().returncode == 0


def test_a_fix_that_meets_unstaged_lines_is_taken_back(repository: Repository) -> None:
    repository.installs_lintorch("lintorch-fix", ["--python", sys.executable])
    repository.write(a_py=NET)
    repository.stage()
    edited = NET.replace("y = x.relu()", "y = x.relu()  # mine")
    repository.write(a_py=edited)
    done = repository.hooks()
    assert done.returncode == 1
    assert "Rolling back fixes" in done.stdout + done.stderr
    assert repository.read("a.py") == edited
    assert repository.staged("a.py") == NET


def test_an_interpreter_without_torch_is_one_line_and_changes_nothing(repository: Repository, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    repository.installs_lintorch("lintorch-fix", ["--python", str(bare / "bin" / "python")])
    repository.write(a_py=NET)
    repository.stage()
    done = repository.hooks()
    assert done.returncode == 1
    said = [line for line in done.stdout.splitlines() if line.startswith("lintorch: ")]
    assert len(said) == 1
    assert said[0].endswith("name another interpreter with --python (in .pre-commit-config.yaml: `args: [--python, .venv/bin/python]`)")
    assert repository.read("a.py") == NET
    assert "Traceback" not in done.stdout


@pytest.mark.long
def test_hooks_as_pre_commit_installs_them(repository: Repository, tmp_path: Path) -> None:
    """In an environment of their own, made from a repository: without torch there, the check works and the fix uses the project's interpreter."""
    source = tmp_path / "lintorch"
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if not name.startswith(("tests/", "docs/", "benchmarks/")) and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    for command in (["init", "-q", "."], ["add", "-A"], ["commit", "-qm", "one"], ["tag", "v1"]):
        subprocess.run(["git", *command], cwd=source, env=repository.environment, check=True)
    hooks = "\n".join(
        [
            f"repos: [{{repo: '{source}', rev: v1, hooks: [",
            "{id: lintorch, args: [--ignore, LT1]},",
            "{id: lintorch-fix, alias: bare},",
            f"{{id: lintorch-fix, alias: project, args: [--python, '{sys.executable}']}}]}}]",
        ]
    )
    repository.write(config_yaml=hooks + "\n", a_py=NET)
    repository.stage()
    done = repository.run(sys.executable, "-m", "pre_commit", "run", "--color", "never", timeout=600)
    assert "lintorch.................................................................Passed" in done.stdout, done.stdout + done.stderr
    assert "has no PyTorch" in done.stdout or "PyTorch, which this Python does not have" in done.stdout
    assert "files were modified by this hook" in done.stdout
    assert repository.read("a.py") == NET_FIXED
