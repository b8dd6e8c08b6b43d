"""`lintorch verify`: which modules are run, what is told, and the exit status."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.cli.doors import HEAD, REFUTED, TESTED, UNDECIDED, Doors

OLD = (
    HEAD
    + '''\
SCALE = 2.0


def scaled(x):
    return x * SCALE


class Net(nn.Module):
    """A net."""

    def forward(self, x):
        y = x.relu()
        return scaled(y)


class Other(nn.Module):
    def forward(self, x):
        return x


class Plain:
    size = 1


def alone(x):
    return x + 1
'''
)

CHANGES = [
    pytest.param("", "", [], id="nothing"),
    pytest.param("y = x.relu()", "y = x.relu()  # a comment", [], id="a comment"),
    pytest.param("y = x.relu()\n        return scaled(y)", "return scaled(x.relu())", ["Net"], id="a module"),
    pytest.param("x * SCALE", "SCALE * x", ["Net"], id="a function a module uses"),
    pytest.param("SCALE = 2.0", "SCALE = 3.0", ["Net"], id="a constant behind it"),
    pytest.param("x + 1", "1 + x", ["alone"], id="a function no module uses"),
    pytest.param("from torch import nn", "import torch.nn as nn", ["Net", "Other"], id="an import"),
]


@pytest.mark.parametrize(("before", "after", "names"), CHANGES)
def test_what_differs_is_run_and_nothing_else(doors: Doors, before: str, after: str, names: list[str]) -> None:
    doors.write({"old.py": OLD, "new.py": OLD.replace(before, after)})
    outcome = doors.run("verify", "old.py", "new.py", "--format", "json")
    assert outcome.status == 0
    assert [module["name"] for module in json.loads(outcome.out)["modules"]] == names
    assert [change.symbol for change in doors.asked] == names
    assert all(change.old == OLD and change.path == doors.folder / "new.py" for change in doors.asked)


def test_all_runs_what_did_not_change(doors: Doors) -> None:
    doors.write({"old.py": OLD, "new.py": OLD})
    outcome = doors.run("verify", "old.py", "new.py", "--all")
    assert [change.symbol for change in doors.asked] == ["Net", "Other", "alone"]
    assert outcome.out.endswith("Compared 3 modules: 3 tested.\n")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        pytest.param("class Other", "class Renamed", "the new version has no `Other`", id="gone"),
        pytest.param("size = 1", "size = 2", "it changed, and nothing in this file that can be run uses it", id="not run by anything"),
    ],
)
def test_what_cannot_be_compared_is_undecided_not_left_out(doors: Doors, before: str, after: str, reason: str) -> None:
    doors.write({"old.py": OLD, "new.py": OLD.replace(before, after)})
    outcome = doors.run("verify", "old.py", "new.py", "--format", "json")
    assert outcome.status == 1
    assert [module["verdict"]["reason"] for module in json.loads(outcome.out)["modules"]] == [reason]
    assert doors.asked == []


def test_the_changed_values_are_probed_and_the_lines_that_went_must_have_run(doors: Doors) -> None:
    doors.write({"old.py": OLD, "new.py": OLD.replace("y = x.relu()\n        return scaled(y)", "return scaled(x.relu())")})
    doors.run("verify", "old.py", "new.py")
    (change,) = doors.asked
    assert [change.new[probe.start : probe.end] for probe in change.probes] == ["scaled(x.relu())"]
    assert [OLD.splitlines()[line - 1].strip() for line in change.old_lines] == ["y = x.relu()", "return scaled(y)"]


STATUSES = [(TESTED, [], 0), (REFUTED, [], 1), (REFUTED, ["--allow", "undecided"], 1), (UNDECIDED, [], 1), (UNDECIDED, ["--allow", "undecided"], 0)]


@pytest.mark.parametrize(("verdict", "arguments", "status"), STATUSES)
def test_exit_status(doors: Doors, verdict, arguments: list[str], status: int) -> None:
    doors.verdict = verdict
    doors.write({"old.py": OLD, "new.py": OLD.replace("x.relu()", "x.tanh()")})
    outcome = doors.run("verify", *arguments, "old.py", "new.py")
    assert outcome.status == status
    assert f"new.py: Net: {verdict.status.value}: " in outcome.out
    assert outcome.out.endswith(f"Compared 1 module: 1 {verdict.status.value}.\n")


def test_folders_are_compared_file_by_file(doors: Doors) -> None:
    doors.write({"a/x.py": OLD, "a/y.py": OLD, "a/gone.py": OLD, "b/x.py": OLD, "b/y.py": OLD.replace("x.relu()", "x.tanh()"), "b/new.py": OLD})
    report = json.loads(doors.run("verify", "a", "b", "--format", "json").out)
    assert [(module["path"], module["name"], module["verdict"]["status"]) for module in report["modules"]] == [
        ("b/gone.py", "Net", "undecided"), ("b/gone.py", "Other", "undecided"), ("b/y.py", "Net", "tested"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", [".", "pkg", "pkg/a.py"])
def test_against_a_git_revision(doors: Doors, path: str) -> None:
    git = ["git", "-c", "user.name=n", "-c", "user.email=e", "-c", "init.defaultBranch=main"]
    doors.write({"pkg/a.py": OLD, "pkg/b.txt": "no code"})
    for command in (["init", "-q", "."], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    doors.write({"pkg/a.py": OLD.replace("x.relu()", "x.tanh()")})
    outcome = doors.run("verify", "--against", "HEAD", path, "--format", "json")
    assert [module["name"] for module in json.loads(outcome.out)["modules"]] == ["Net"]
    assert doors.asked[0].old == OLD
    unknown = doors.run("verify", "--against", "no-such-revision", path)
    assert (unknown.status, unknown.out) == (2, "")
    assert unknown.err.startswith(f"lintorch: --against: the repository {'pkg' if '/' in path else path} knows no revision 'no-such-revision'; fetch it")
    doors.write({"pkg/a.py": "def f(:\n"})
    subprocess.run([*git, "commit", "-q", "-a", "-m", "broken"], check=True)
    doors.write({"pkg/a.py": OLD})
    broken = doors.run("verify", "--against", "HEAD", path)
    assert (broken.status, broken.out) == (2, "")
    assert broken.err.startswith("lintorch: HEAD:pkg/a.py:1: is not valid Python")


LINES = [
    pytest.param(["old.py"], "give the old and the new version", id="one path"),
    pytest.param(["--against", "HEAD"], "give the old and the new version", id="no path"),
    pytest.param(["old.py", "missing.py"], "missing.py: there is no such file or folder", id="missing"),
    pytest.param(["old.py", "."], "old.py and .: compare two files or two folders", id="file and folder"),
    pytest.param(["--against", "HEAD", "old.py"], "--against needs a git repository, and ", id="no repository"),
]


@pytest.mark.parametrize(("arguments", "message"), LINES)
def test_wrong_usage_is_one_line(doors: Doors, arguments: list[str], message: str) -> None:
    doors.write({"old.py": OLD})
    outcome = doors.run("verify", *arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"lintorch: {message}")
    assert outcome.err.count("\n") == 1


def test_a_version_that_does_not_parse_is_one_line(doors: Doors) -> None:
    doors.write({"sound.py": OLD, "broken.py": "def f(:\n"})
    for arguments in (("sound.py", "broken.py"), ("broken.py", "sound.py")):
        outcome = doors.run("verify", *arguments)
        assert (outcome.status, outcome.out) == (2, "")
        assert outcome.err.startswith("lintorch: broken.py:1: is not valid Python")


def test_an_example_of_nothing_here_is_told(doors: Doors) -> None:
    doors.write({"old.py": OLD, "new.py": OLD.replace("x.relu()", "x.tanh()")})
    outcome = doors.run("verify", "--example", "Nett(3)", "--example", "Net()", "old.py", "new.py")
    assert outcome.err == "lintorch: nothing here is called 'Nett', so the example 'Nett(3)' is not used\n"
    assert doors.run("--fix", "--example", "Nett(3)", "new.py").err == outcome.err


@pytest.mark.parametrize("arguments", [("old.py", "new.py"), ("a", "b")])
def test_a_version_that_cannot_be_decoded_is_one_line(doors: Doors, arguments: tuple[str, str]) -> None:
    doors.write({"old.py": b"\0", "new.py": OLD, "a/x.py": b"\0", "b/x.py": OLD})
    outcome = doors.run("verify", *arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert "is not Python text" in outcome.err
    assert outcome.err.count("\n") == 1


def test_quiet_leaves_the_summary_out(doors: Doors) -> None:
    doors.write({"old.py": OLD, "new.py": OLD})
    assert doors.run("verify", "--quiet", "old.py", "new.py").out == ""
    assert doors.run("verify", "old.py", "new.py").out == "Nothing to run: no module differs (--all runs those that do not).\n"
