"""Taking lintorch up in code that is there already: baselines, changed lines, ignores written and ignores nobody needs."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.cli.doors import CHAIN, CLEAN, HEAD, NET, Doors

SHORT = ("--format", "concise")
TWO = NET + "\n\nclass Other(nn.Module):\n    def forward(self, x):\n        z = x.tanh()\n        return z\n"


def git(doors: Doors, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(["git", *who, *arguments], cwd=doors.folder, check=True, capture_output=True)


def found(doors: Doors, *arguments: str) -> list[str]:
    return [line.split(": ")[0] for line in doors.run(*SHORT, *arguments).out.splitlines()]


MOVES = [
    pytest.param(lambda text: "# one\n# two\n" + text, [], id="lines moved"),
    pytest.param(lambda text: text.replace("        y = ", "    " * 2 + "y =  "), [], id="blanks"),
    pytest.param(lambda text: text.replace("class Net", "class Renamed"), [], id="class renamed"),
    pytest.param(lambda text: text.replace("import torch\n", "import torch\n\nUNUSED = 3\n"), [], id="edited elsewhere"),
    pytest.param(lambda text: text.replace("x.relu()", "x.relu() * 2"), ["a.py:7:9"], id="the line itself edited"),
    pytest.param(lambda text: text + "\n\n" + TWO.removeprefix(HEAD), ["a.py:19:9", "a.py:25:9"], id="twins added"),
]


@pytest.mark.parametrize(("change", "new"), MOVES)
def test_a_baseline_knows_what_moved_and_nothing_else(doors: Doors, change, new: list[str]) -> None:
    doors.write({"a.py": TWO, "b.py": CLEAN})
    outcome = doors.run("--write-baseline", "known.json")
    assert (outcome.status, outcome.out, outcome.err) == (0, "Wrote 2 findings of 1 file to known.json.\n", "")
    doors.write({"a.py": change(TWO)})
    assert found(doors, "--baseline", "known.json") == new
    assert doors.run("--baseline", "known.json").status == bool(new)


def test_a_baseline_is_the_same_from_every_folder_and_every_time(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    doors.write({"pkg/a.py": TWO, "pkg/b.py": CHAIN})
    doors.run("--write-baseline", "known.json")
    first = doors.read("known.json")
    assert json.loads(first)["files"].keys() == {"pkg/a.py", "pkg/b.py"}
    monkeypatch.chdir(doors.folder / "pkg")
    doors.run("--write-baseline", "../known.json", "b.py", "a.py")
    assert doors.read("known.json") == first
    assert doors.run("--baseline", "../known.json").status == 0


def test_a_fix_leaves_alone_what_the_baseline_knows(doors: Doors) -> None:
    doors.write({"a.py": NET})
    doors.run("--write-baseline", "known.json")
    doors.write({"a.py": TWO})
    outcome = doors.run("--fix", "--baseline", "known.json")
    assert doors.read("a.py") == TWO.replace("        z = x.tanh()\n        return z\n", "        return x.tanh()\n")
    assert outcome.out.endswith("Fixed 1 finding in 1 file, 0 left; 1 file checked.\nLeft aside 1 finding known to the baseline.\n")
    assert [change.symbol for change in doors.asked] == ["Other"]
    assert json.loads(doors.run("--baseline", "known.json", "--format", "json").out)["aside"] == {"known to the baseline": 1}


BASELINES = [
    pytest.param(None, "known.json: there is no such baseline; --write-baseline known.json makes it", id="none"),
    pytest.param("{", "known.json: is no baseline (", id="no JSON"),
    pytest.param("[" * 100_000, "known.json: is no baseline (", id="nested"),
    pytest.param('{"version": 2, "files": {}}', "known.json: is no baseline of version 1", id="version"),
    pytest.param('{"version": 1, "files": {"a.py": [{"code": 3}]}}', "known.json: an entry of 'a.py' does not have code, symbol, line, times", id="entry"),
]


@pytest.mark.parametrize(("text", "message"), BASELINES)
def test_a_bad_baseline_is_one_line(doors: Doors, text: str | None, message: str) -> None:
    doors.write({"a.py": NET, **({"known.json": text} if text else {})})
    outcome = doors.run("--fix", "--baseline", "known.json")
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(f"lintorch: {message}")
    assert doors.read("a.py") == NET


def test_changed_lines_are_those_of_git(doors: Doors) -> None:
    doors.write({"a.py": TWO, "old.py": NET, "sp ace/ü\t.py": NET})
    git(doors, "init", "-q", ".")
    git(doors, "add", ".")
    git(doors, "commit", "-qm", "one")
    assert found(doors, "--diff-from", "HEAD") == []
    doors.write({"a.py": "# above\n" + TWO.replace("x.tanh()", "x.cos()"), "new.py": NET, "sp ace/ü\t.py": NET.replace("relu", "exp")})
    assert found(doors, "--diff-from", "HEAD") == ["a.py:14:9", "new.py:7:9", "sp ace/ü    .py:7:9"]
    assert doors.run("--diff-from", "HEAD", "old.py").out == "Nothing found in 0 files.\n"
    doors.run("--fix", "--diff-from", "HEAD", "a.py")
    assert doors.read("a.py") == "# above\n" + TWO.replace("        z = x.tanh()\n        return z\n", "        return x.cos()\n")


def test_changed_lines_of_a_branch_are_those_since_it_left(doors: Doors) -> None:
    doors.write({"a.py": NET, "b.py": CLEAN})
    git(doors, "init", "-q", "-b", "main", ".")
    git(doors, "add", ".")
    git(doors, "commit", "-qm", "one")
    git(doors, "checkout", "-qb", "work")
    doors.write({"b.py": CHAIN})
    git(doors, "commit", "-qam", "two")
    git(doors, "checkout", "-q", "main")
    doors.write({"a.py": NET.replace("relu", "exp")})
    git(doors, "commit", "-qam", "three")
    git(doors, "checkout", "-q", "work")
    assert found(doors, "--diff-from", "main...") == ["b.py:8:9"]
    assert found(doors, "--diff-from", "main") == ["a.py:7:9", "b.py:8:9"]


def test_conflicts_and_files_of_another_kind_are_no_riddle(doors: Doors) -> None:
    doors.write({"a.py": NET, "b.py": CLEAN, "c.py": NET})
    git(doors, "init", "-q", "-b", "main", ".")
    (doors.folder / "d.py").symlink_to("a.py")
    git(doors, "add", ".")
    git(doors, "commit", "-qm", "one")
    git(doors, "checkout", "-qb", "work")
    doors.write({"b.py": CHAIN})
    git(doors, "commit", "-qam", "two")
    git(doors, "checkout", "-q", "main")
    doors.write({"b.py": NET})
    git(doors, "commit", "-qam", "three")
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "merge", "-q", "work"], cwd=doors.folder, capture_output=True)
    doors.write({"b.py": CHAIN})  # solved, and not yet told to git
    (doors.folder / "d.py").unlink()
    doors.write({"d.py": NET, "c.py": NET + "# more\n"})
    assert found(doors, "--diff-from", "HEAD") == ["b.py:8:9", "d.py:7:9"]


REVISIONS = [
    pytest.param("no-such", "knows no revision 'no-such'; fetch it, or name another", id="none"),
    pytest.param("--output=x", "knows no revision '--output=x'; fetch it, or name another", id="an option"),
    pytest.param("no-such...", "knows no revision 'no-such'; fetch it, or name another", id="none to have left"),
    pytest.param("lone...", "no commit is known at which HEAD left 'lone'; in a shallow clone fetch more of it", id="nothing in common"),
]


@pytest.mark.parametrize(("revision", "message"), REVISIONS)
def test_a_revision_that_is_none_is_one_line(doors: Doors, revision: str, message: str) -> None:
    doors.write({"a.py": NET})
    git(doors, "init", "-q", "-b", "main", ".")
    git(doors, "commit", "-qm", "one", "--allow-empty")
    git(doors, "checkout", "-q", "--orphan", "lone")
    git(doors, "commit", "-qm", "two", "--allow-empty")
    git(doors, "checkout", "-q", "main")
    outcome = doors.run(f"--diff-from={revision}")
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith("lintorch: --diff-from: ")
    assert message in outcome.err
    assert sorted(path.name for path in doors.folder.iterdir()) == [".git", "a.py"]


def test_without_a_repository_there_is_one_line(doors: Doors) -> None:
    (doors.folder / ".git").rmdir()
    doors.write({"a.py": NET})
    assert doors.run("--diff-from", "HEAD").err == "lintorch: --diff-from needs a git repository, and a.py is in none\n"


PLACES = [
    pytest.param("        y = x.relu()\n", "        y = x.relu()  # lintorch: ignore[LT101]\n", id="bare"),
    pytest.param("        y = x.relu()  \n", "        y = x.relu()  # lintorch: ignore[LT101]\n", id="blanks"),
    pytest.param("        y = x.relu()\r\n", "        y = x.relu()  # lintorch: ignore[LT101]\r\n", id="line end"),
]


@pytest.mark.parametrize(("before", "after"), PLACES)
def test_ignores_are_written_where_they_count(doors: Doors, before: str, after: str) -> None:
    text = NET.replace("        y = x.relu()\n", before)
    doors.write({"a.py": text, "b.py": CLEAN})
    shown = doors.run("--add-ignore", "--diff")
    assert doors.read("a.py") == text
    assert "+++ b/a.py" in shown.out
    outcome = doors.run("--add-ignore")
    assert (outcome.status, outcome.out, outcome.err) == (0, "Silenced 1 finding in 1 file.\n", "")
    assert doors.read("a.py") == text.replace(before, after)
    assert doors.read("b.py") == CLEAN
    assert doors.run().status == 0


LOOP = "import torch\n\n\ndef train(model, loader, step):\n    total = 0\n    for x in loader:\n        loss = model(x).sum()\n        loss.backward()\n"


def test_a_line_that_goes_on_has_its_ignore_at_the_end(doors: Doors) -> None:
    doors.write({"a.py": LOOP + "        total += \\\n            loss\n"})
    assert doors.run("--add-ignore").status == 0
    assert doors.read("a.py") == LOOP + "        total += \\\n            loss  # lintorch: ignore[LT201]\n"


def test_an_ignore_that_is_there_gets_longer(doors: Doors) -> None:
    text = LOOP + "        total += loss  # why  # lintorch: ignore[LT103] so\n    return total\n"
    doors.write({"a.py": text})
    assert doors.run("--add-ignore").out == "Silenced 1 finding in 1 file.\n"
    assert doors.read("a.py") == text.replace("[LT103]", "[LT103, LT201]")


def test_ignores_for_new_findings_only(doors: Doors) -> None:
    doors.write({"a.py": NET})
    doors.run("--write-baseline", "known.json")
    doors.write({"a.py": TWO})
    doors.run("--add-ignore", "--baseline", "known.json")
    assert doors.read("a.py") == TWO.replace("x.tanh()", "x.tanh()  # lintorch: ignore[LT101]")


def test_a_file_that_may_not_be_written_stays(doors: Doors) -> None:
    doors.write({"a.py": NET})
    (doors.folder / "b.py").hardlink_to(doors.folder / "a.py")
    outcome = doors.run("--add-ignore", "a.py")
    assert outcome.status == 2
    assert "a.py: has 2 names (hard links)" in outcome.err
    assert doors.read("a.py") == NET


CONTRADICTIONS = [
    (["--add-ignore", "--fix"], "--add-ignore and --fix cannot be had together"),
    (["--write-baseline", "x", "--baseline", "x"], "--write-baseline and --baseline cannot be had together"),
    (["--diff-from", "HEAD", "-"], "--diff-from needs files, not standard input"),
]


@pytest.mark.parametrize(("arguments", "message"), CONTRADICTIONS)
def test_contradictions_are_one_line(doors: Doors, arguments: list[str], message: str) -> None:
    doors.write({"a.py": NET})
    outcome = doors.run(*arguments, stdin=NET)
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(f"lintorch: {message}")


COMMENTS = [
    pytest.param("y = 1  # lintorch: ignore[LT101]", "`LT101` silences nothing here; remove it", id="nothing there"),
    pytest.param("y = 1  # lintorch: ignore", "this comment silences nothing here; remove it", id="bare"),
    pytest.param("y = 1  # noqa: E501, LT2", "`LT2` silences nothing here; remove it", id="noqa, a beginning"),
    pytest.param("y = 1  # lintorch: ignore[LT1O1]", "`LT1O1` is the code of no rule; did you mean LT101?", id="mistyped"),
    pytest.param("y = 1  # lintorch: ignore[LT103]", None, id="a rule that is off"),
    pytest.param("y = 1  # lintorch: ignore[LT107]", None, id="a rule that needs a measurement"),
    pytest.param("y = 1  # noqa", None, id="everybody's"),
    pytest.param("y = 1  # noqa: E501", None, id="another tool's"),
    pytest.param("y = '# lintorch: ignore[LT101]'", None, id="a string"),
]


@pytest.mark.parametrize(("line", "message"), COMMENTS)
def test_comments_that_silence_nothing(doors: Doors, line: str, message: str | None) -> None:
    used = NET.replace("x.relu()", "x.relu()  # lintorch: ignore[LT101]")
    doors.write({"a.py": used + line + "\n", "pyproject.toml": "[tool.lintorch]\nunused-ignores = true\n", "empty.toml": ""})
    outcome = doors.run(*SHORT)
    assert outcome.out == (f"a.py:9:{line.index('#') + 1}: LT001 {message}\n" if message else "")
    assert doors.run(*SHORT, "--config", "empty.toml").out == ""
    assert doors.run(*SHORT, "--config", "empty.toml", "--unused-ignores") == outcome


def test_severities_are_the_settings_to_choose(doors: Doors) -> None:
    doors.write({"a.py": NET, "pyproject.toml": '[tool.lintorch.severity]\nLT1 = "info"\nreturned-temporary = "error"\n'})
    assert json.loads(doors.run("--format", "json").out)["findings"][0]["severity"] == "error"
    doors.write({"pyproject.toml": '[tool.lintorch.severity]\nLT1 = "info"\n'})
    assert doors.run().status == 0
    doors.write({"pyproject.toml": '[tool.lintorch.severity]\nLT1O1 = "info"\n'})
    assert doors.run().err.partition("pyproject.toml: ")[2].startswith("[tool.lintorch] severity: unknown rule code or name 'LT1O1'; did you mean LT101?")
    doors.write({"pyproject.toml": '[tool.lintorch.severity]\nLT1 = "eror"\n'})
    assert "severity.\"LT1\" is one of error, warning, info, not 'eror'; did you mean error?" in doors.run().err
