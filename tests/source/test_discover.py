"""Which files below a path are checked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintorch.settings import Settings
from lintorch.source.discover import discover

Tree = Mapping[str, str]


def grow(root: Path, tree: Tree) -> None:
    """Files by relative path; a text that begins with `-> ` makes a link."""
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            path.symlink_to(text[3:])
        else:
            path.write_text(text)


def found(root: Path, *paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    files, _ = discover([root / path for path in paths or ("",)], Settings(exclude=exclude, root=root))
    return [file.relative_to(root).as_posix() for file in files]


LEFT_OUT = [
    pytest.param({"circle.py": "-> circle.py", "there.py": "-> back.py", "back.py": "-> there.py"}, id="links that lead round in a circle"),
    pytest.param({"notes.txt": "", "a.pyc": "", "a.pyi": "", "py": ""}, id="other endings"),
    pytest.param({".venv/a.py": "", ".git/a.py": "", ".tox/x/a.py": "", ".a.py": ""}, id="hidden"),
    pytest.param({"env/pyvenv.cfg": "", "env/lib/a.py": ""}, id="virtual environment of any name"),
    pytest.param({"build/a.py": "", "dist/a.py": "", "venv/a.py": ""}, id="built"),
    pytest.param({"x/__pycache__/a.py": "", "x/node_modules/a.py": "", "lib/site-packages/a.py": ""}, id="installed"),
    pytest.param({".gitignore": "gen/\n*_pb2.py\n", "gen/a.py": "", "x/gen/a.py": "", "a_pb2.py": ""}, id="gitignore"),
    pytest.param({"x/.gitignore": "/a.py\n", "x/a.py": ""}, id="nested gitignore"),
    pytest.param({".gitignore": "gen/\n!gen/a.py\n", "gen/a.py": ""}, id="no way back into a folder left out"),
]


@pytest.mark.parametrize("tree", LEFT_OUT)
def test_left_out(tmp_path: Path, tree: Tree) -> None:
    grow(tmp_path, {**tree, "kept.py": ""})
    assert found(tmp_path) == ["kept.py"]


TAKEN = [
    pytest.param({"b.py": "", "a.py": "", "a/b.py": "", "a/a.py": ""}, ["a/a.py", "a/b.py", "a.py", "b.py"], id="sorted"),
    pytest.param({"build/__init__.py": "", "build/a.py": ""}, ["build/__init__.py", "build/a.py"], id="a package called build"),
    pytest.param({".gitignore": "*.py\n!a.py\n", "a.py": "", "b.py": ""}, ["a.py"], id="negated"),
    pytest.param({".gitignore": "*.py\n", "x/.gitignore": "!a.py\n", "x/a.py": "", "a.py": ""}, ["x/a.py"], id="negated deeper down"),
    pytest.param({".gitignore": "!\nx.py\n", "x.py": "", "a.py": ""}, ["a.py"], id="an unreadable line"),
    pytest.param({"x/.gitignore": "/a.py\n", "x/a.py": "", "a.py": ""}, ["a.py"], id="anchored to its own folder"),
    pytest.param({"dir.py/a.py": ""}, ["dir.py/a.py"], id="a folder with the ending"),
    pytest.param({"ein Name \u00e9.py": ""}, ["ein Name \u00e9.py"], id="odd names"),
]


@pytest.mark.parametrize(("tree", "expected"), TAKEN)
def test_taken(tmp_path: Path, tree: Tree, expected: list[str]) -> None:
    grow(tmp_path, tree)
    assert found(tmp_path) == expected


EXCLUDES = [
    (("x",), ["a.py", "y/a.py"]),
    (("x/b.py",), ["a.py", "x/a.py", "x/z/b.py", "y/a.py"]),
    (("b.py",), ["a.py", "x/a.py", "y/a.py"]),
    (("*/a.py",), ["a.py", "x/b.py", "x/z/b.py"]),
    (("x/**", "!x/b.py"), ["a.py", "x/b.py", "y/a.py"]),
    (("/a.py",), ["x/a.py", "x/b.py", "x/z/b.py", "y/a.py"]),
]


@pytest.mark.parametrize(("exclude", "expected"), EXCLUDES)
def test_exclude(tmp_path: Path, exclude: tuple[str, ...], expected: list[str]) -> None:
    grow(tmp_path, dict.fromkeys(("a.py", "x/a.py", "x/b.py", "x/z/b.py", "y/a.py"), ""))
    assert found(tmp_path, exclude=exclude) == expected


def test_named_files_are_always_taken(tmp_path: Path) -> None:
    grow(tmp_path, {".gitignore": "*\n", ".hidden.py": "", "script": "", "build/a.py": ""})
    assert found(tmp_path, ".hidden.py", "script", "build/a.py", exclude=("*",)) == [".hidden.py", "script", "build/a.py"]


def test_named_folders_are_looked_into(tmp_path: Path) -> None:
    grow(tmp_path, {".git/HEAD": "", ".gitignore": "gen/\nb.py\n", "gen/a.py": "", "x/a.py": "", "x/b.py": "", "build/a.py": "", "x/y/a.py": ""})
    assert found(tmp_path, "gen", "build", "x", exclude=("build",)) == ["gen/a.py", "build/a.py", "x/a.py", "x/y/a.py"]


def test_patterns_above_the_given_folder_hold(tmp_path: Path) -> None:
    grow(tmp_path, {".git/info/exclude": "c.py\n", ".gitignore": "/x/y/a.py\nb.py\n", "x/y/a.py": "", "x/y/b.py": "", "x/y/c.py": "", "x/y/d.py": ""})
    assert found(tmp_path, "x/y") == ["x/y/d.py"]


def test_patterns_above_a_repository_do_not_hold(tmp_path: Path) -> None:
    grow(tmp_path, {".gitignore": "a.py\n", "x/.git/HEAD": "", "x/a.py": ""})
    assert found(tmp_path, "x") == ["x/a.py"]


def test_nothing_is_taken_twice(tmp_path: Path) -> None:
    grow(tmp_path, {"x/a.py": "", "b.py": ""})
    assert found(tmp_path, "b.py", "x", "", "x/a.py") == ["b.py", "x/a.py"]


LINKS = [
    pytest.param({"x/a.py": "", "b": "-> x"}, ["x/a.py"], id="a folder is found under its own name"),
    pytest.param({"x/a.py": "", "x/loop": "-> ..", "x/self": "-> ."}, ["x/a.py"], id="loops"),
    pytest.param({"x/a.py": "", "0.py": "-> x/a.py"}, ["x/a.py"], id="a file is found under its own name"),
    pytest.param({"../out/a.py": "", "x": "-> ../out"}, ["x/a.py"], id="a folder from elsewhere"),
    pytest.param({"../out/a.py": "", "x": "-> ../out", "y": "-> ../out"}, ["x/a.py"], id="a folder from elsewhere, once"),
    pytest.param({"../out/a.py": "", "b.py": "-> ../out/a.py"}, ["b.py"], id="a file from elsewhere"),
    pytest.param({"../out/a.py": "", "../out/y": "-> ../more", "../more/b.py": "", "x": "-> ../out"}, ["x/a.py", "x/y/b.py"], id="a link behind a link"),
    pytest.param({".gitignore": "x\n", "../out/a.py": "", "x": "-> ../out"}, [], id="a link left out"),
    pytest.param({".gitignore": "x/a.py\n", "../out/a.py": "", "../out/b.py": "", "x": "-> ../out"}, ["x/b.py"], id="patterns see the link's name"),
    pytest.param({"../out/notes.txt": "", "x": "-> ../out/notes.txt"}, [], id="a file of another ending"),
]


@pytest.mark.parametrize(("tree", "expected"), LINKS)
def test_links(tmp_path: Path, tree: Tree, expected: list[str]) -> None:
    root = tmp_path / "root"
    root.mkdir()
    grow(root, tree)
    assert found(root) == expected


def reasons(*paths: Path) -> list[tuple[str, str]]:
    return [(skipped.path.name, skipped.reason) for skipped in discover(paths, Settings())[1]]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    grow(tmp_path, {"x/gone.py": "-> nowhere"})
    os.mkfifo(tmp_path / "x" / "pipe.py")
    assert reasons(tmp_path / "missing.py") == [("missing.py", "cannot be read (No such file or directory)")]
    assert sorted(reasons(tmp_path)) == [("gone.py", "is a link to nothing"), ("pipe.py", "is not a regular file")]
    assert reasons(tmp_path / "x" / "pipe.py") == [("pipe.py", "is not a regular file")]


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("lintorch.source.discover.os.scandir", refuse)
    assert reasons(tmp_path) == [(tmp_path.name, "cannot be read (Permission denied)")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_closed_folder_is_told(tmp_path: Path) -> None:
    grow(tmp_path, {"x/a.py": "", "b.py": ""})
    (tmp_path / "x").chmod(0)
    script = (
        "import os, sys, pathlib; from lintorch.source.discover import discover; from lintorch.settings import Settings\n"
        "os.chdir(sys.argv[1]); os.seteuid(65534); print(*discover(['.'], Settings()), sep='|')"
    )
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o055)
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "PosixPath('b.py')" in run.stdout
    assert "cannot be read (Permission denied)" in run.stdout


NAMES = st.sampled_from(["a.py", "b.py", "x/a.py", "x/b.py", "x/y/a.py", "y/a.py", "y/x/b.py"])
PATTERNS = st.sampled_from([
    "a.py", "/a.py", "x", "x/", "/x", "x/a.py", "**/x", "x/**", "*.py", "!a.py", "!x/", "!*.py", "!x/a.py", "y/*", "*/a.py", "# note", "", "\\!a.py", "[ab].py",
    "?.py ", "x/*/a.py",
])  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def clear(repository: Path) -> None:
    for entry in repository.iterdir():
        if entry.is_file():
            entry.unlink()
        elif entry.name != ".git":
            shutil.rmtree(entry)


@pytest.mark.skipif(shutil.which("git") is None, reason="git answers what the right files are")
@given(st.sets(NAMES, min_size=1), st.lists(PATTERNS, max_size=4), st.lists(PATTERNS, max_size=3))
def test_git_takes_the_same_files(repository: Path, names: set[str], patterns: list[str], deeper: list[str]) -> None:
    clear(repository)
    grow(repository, {**dict.fromkeys(names, ""), ".gitignore": "\n".join(patterns), "x/.gitignore": "\n".join(deeper)})
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=repository, check=True, capture_output=True, text=True).stdout.split()
    assert sorted(found(repository)) == sorted(name for name in listed if name.endswith(".py"))
