"""`lintorch [check]`: what is printed, what is written, and the exit status."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lintorch.source.text import SourceError
from tests.cli.doors import CHAIN, CLEAN, HEAD, NET, NET_FIXED, REFUTED, TESTED, UNDECIDED, Doors

FOUND = """\
a.py:7:9: LT101 returned-temporary `y` is bound only to be returned; return the expression
     7 |         y = x.relu()
       |         ^^^^^^^^^^^^
      = fix: Return the value of `y` directly
     7 | -         y = x.relu()
     8 | -         return y
       | +         return x.relu()

Found 1 finding in 1 of 2 files. --fix can try 1 of them.
"""


def test_a_finding_in_full(doors: Doors) -> None:
    doors.write({"a.py": NET, "b.py": CLEAN})
    outcome = doors.run()
    assert (outcome.status, outcome.out, outcome.err) == (1, FOUND, "")
    assert doors.run("check", ".") == outcome
    assert doors.run("a.py", "b.py") == outcome
    assert doors.read("a.py") == NET


STATUSES = [
    pytest.param(["b.py"], 0, id="clean"),
    pytest.param(["a.py"], 1, id="found"),
    pytest.param(["a.py", "--exit-zero"], 0, id="exit zero"),
    pytest.param(["a.py", "--fail-on", "error"], 0, id="below fail-on"),
    pytest.param(["a.py", "--fail-on=info"], 1, id="above fail-on"),
    pytest.param(["a.py", "--ignore", "LT101"], 0, id="ignored"),
    pytest.param(["a.py", "--select", "LT104,LT105"], 0, id="others selected"),
    pytest.param(["c.py"], 1, id="default rules"),
    pytest.param(["c.py", "--ignore", "LT101", "--extend-select", "single-use-temporary"], 1, id="opt-in by name"),
    pytest.param(["broken.py", "--exit-zero"], 2, id="unparsable"),
    pytest.param(["a.py", "broken.py"], 2, id="found and unparsable"),
    pytest.param(["--exclude", "broken.py,c.py", "--exclude=./a.py", "."], 0, id="excluded"),
    pytest.param(["a.py", "--diff"], 1, id="a diff leaves the findings"),
    pytest.param(["a.py", "--fix"], 0, id="all fixed"),
]


@pytest.mark.parametrize(("arguments", "status"), STATUSES)
def test_exit_status(doors: Doors, arguments: list[str], status: int) -> None:
    doors.write({"a.py": NET, "b.py": CLEAN, "c.py": CHAIN, "broken.py": "def f(:\n"})
    assert doors.run(*arguments).status == status


def test_one_bad_file_does_not_hide_the_others(doors: Doors) -> None:
    doors.write({"a.py": NET, "broken.py": "x = 1\ndef f(:\n"})
    outcome = doors.run()
    assert outcome.out.startswith("a.py:7:9: LT101")
    assert outcome.out.endswith("Found 1 finding in 1 file. --fix can try 1 of them.\nSkipped 1 file: not valid Python.\n")
    assert outcome.err.startswith("broken.py:2: is not valid Python (invalid syntax)")
    assert outcome.err.count("\n") == 1


WRITTEN = """\
a.py: Net: 1 finding fixed
      7:9 LT101 returned-temporary `y` is bound only to be returned; return the expression
     7 | -         y = x.relu()
     8 | -         return y
       | +         return x.relu()
      = tested: both versions give the same outputs, gradients, buffers and random state, bit for bit
      = inputs float32[2, 10]; seeds 0, 1, 2; train and eval

Fixed 1 finding in 1 file, 0 left; 1 file checked.
"""


def test_a_fix_in_full(doors: Doors) -> None:
    doors.write({"a.py": NET})
    outcome = doors.run("--fix")
    assert (outcome.status, outcome.out, outcome.err) == (0, WRITTEN, "")
    assert doors.read("a.py") == NET_FIXED
    again = doors.run("--fix")
    assert (again.status, again.out) == (0, "Nothing to fix in 1 file.\n")


REFUSED = """\
a.py: Net: 1 finding not fixed
      7:9 LT101 returned-temporary `y` is bound only to be returned; return the expression
     7 | -         y = x.relu()
     8 | -         return y
       | +         return x.relu()
      = undecided: whether both versions compute the same could not be shown
      = reason: no inputs found
      = give an example: --example 'Net(), torch.randn(2, 10)'

Fixed 0 findings in 0 files, 1 left; 1 file checked.
1 rewrite undecided: --example tells lintorch how to build and call a module; --allow undecided writes unseen.
"""


def test_a_refusal_in_full(doors: Doors) -> None:
    doors.write({"a.py": NET})
    doors.verdict = UNDECIDED
    outcome = doors.run("--fix")
    assert (outcome.status, outcome.out, outcome.err) == (1, REFUSED, "")
    assert doors.read("a.py") == NET
    assert doors.run("--fix", "--allow", "undecided").status == 0
    assert doors.read("a.py") == NET_FIXED


def test_refuted_is_never_written_and_never_passes(doors: Doors) -> None:
    doors.write({"a.py": NET})
    doors.verdict = REFUTED
    outcome = doors.run("--fix", "--allow", "undecided", "--fail-on", "error")
    assert outcome.status == 1
    assert "refuted: the two versions do not compute the same" in outcome.out
    assert "--allow" not in outcome.out
    assert doors.read("a.py") == NET


def test_a_diff_can_be_applied_and_its_report_stands_beside_it(doors: Doors) -> None:
    doors.write({"a.py": NET.replace("\n", "\r\n"), "pkg/b.py": NET.rstrip("\n")})
    outcome = doors.run("--fix", "--diff")
    assert doors.read("a.py") == NET.replace("\n", "\r\n")
    assert outcome.err.endswith("Would fix 2 findings in 2 files, 0 would be left; 2 files checked.\n")
    assert "-         y" not in outcome.err
    subprocess.run(["git", "init", "-q", "."], check=True)
    subprocess.run(["git", "apply", "-"], input=outcome.out.encode(), check=True)
    assert doors.read("a.py") == NET_FIXED.replace("\n", "\r\n")
    assert doors.read("pkg/b.py") == NET_FIXED.rstrip("\n")


def test_standard_input(doors: Doors) -> None:
    outcome = doors.run("-", stdin=NET)
    assert outcome.status == 1
    assert outcome.out.startswith("-:7:9: LT101")
    named = doors.run("--stdin-filename", "pkg/a.py", "-", stdin=NET)
    assert named.out.startswith("pkg/a.py:7:9: LT101")
    assert doors.run("--stdin-filename", "pkg/a.py", stdin=NET) == named


def test_standard_input_is_fixed_to_standard_output(doors: Doors) -> None:
    raw = b"\xef\xbb\xbf" + NET.replace("\n", "\r\n").encode()
    outcome = doors.run("--fix", "-", stdin=raw)
    assert outcome.status == 0
    assert outcome.out.encode() == b"\xef\xbb\xbf" + NET_FIXED.replace("\n", "\r\n").encode()
    assert outcome.err.endswith("Fixed 1 finding in 1 file, 0 left; 1 file checked.\n")


@pytest.mark.parametrize("text", ["def f(:\n", CLEAN])
def test_standard_input_that_cannot_be_fixed_comes_back_as_it_was(doors: Doors, text: str) -> None:
    outcome = doors.run("--fix", "-", stdin=text)
    assert outcome.out == text
    assert outcome.status == (0 if text == CLEAN else 2)


def test_a_diff_of_standard_input(doors: Doors) -> None:
    outcome = doors.run("--diff", "--stdin-filename", "pkg/a.py", "-", stdin=NET)
    assert outcome.out.startswith("--- a/pkg/a.py\n+++ b/pkg/a.py\n@@ ")
    assert outcome.status == 1


LINES = [
    pytest.param(["--select", "LT9"], "unknown rule code or name 'LT9'; did you mean LT", id="code"),
    pytest.param(["--select", ""], "--select names no rule (`lintorch rules` lists them)", id="nothing selected"),
    pytest.param(["--config", "code.toml"], "code.toml: [tool.lintorch] ignore: unknown rule code or name 'LT1x'; did you mean LT1", id="code of a file"),
    pytest.param([""], "'' is no path; name a file or folder", id="empty path"),
    pytest.param(["--write-baseline", "."], ".: is a folder; name a file with --write-baseline", id="baseline folder"),
    pytest.param(["explain", "LT1"], "LT1 is the beginning of LT101, LT102, ", id="explain several"),
    pytest.param(["--selct", "LT1"], "unknown option --selct; did you mean --select? (see `lintorch --help`)", id="option"),
    pytest.param(["--select"], "argument --select: expected one argument (see `lintorch --help`)", id="no value"),
    pytest.param(["--format", "xml"], "argument --format: invalid choice: 'xml'", id="format"),
    pytest.param(["--jobs", "many"], "argument --jobs/-j: 'many' is not a number of processes", id="jobs"),
    pytest.param(["missing.py"], "missing.py: there is no such file or folder", id="path"),
    pytest.param(["-", "a.py"], "- (standard input) cannot be checked together with other paths", id="stdin and paths"),
    pytest.param(["--config", "missing.toml"], "missing.toml: there is no such configuration file", id="config"),
    pytest.param(["chek", "a.py"], "chek: there is no such file or folder; did you mean check?", id="command"),
    pytest.param(["rules", "LT1"], "there is no place for 'LT1' here (see `lintorch rules --help`)", id="one too many"),
    pytest.param(["--config", "."], ".: is a folder; name the configuration file in it, such as pyproject.toml", id="config folder"),
    pytest.param(["--config", "bad.toml"], "bad.toml: is not valid TOML", id="bad toml"),
    pytest.param(["--config", "key.toml"], "key.toml: unknown key [tool.lintorch] selct; did you mean select?", id="key"),
    pytest.param(["--config", "type.toml"], "type.toml: [tool.lintorch] line-length must be a whole number, not 'wide'", id="type"),
    pytest.param(["--example", "Net("], "the example 'Net(' is not of the form 'Net(10, 20), torch.randn(4, 10)'", id="example"),
    pytest.param(
        ["--fix", "--python", "/no/such/python"], "/no/such/python cannot be run (No such file or directory); name a Python interpreter", id="interpreter"
    ),
    pytest.param(["--fix", "--python", "/bin/false"], "/bin/false is no Python interpreter that works; name one", id="no interpreter"),
    pytest.param(["--fix", "--python", "/bin/true"], "/bin/true is no Python interpreter that works; name one", id="an interpreter that says nothing"),
    pytest.param(["--output-file", "no/such/folder.txt"], "no/such/folder.txt: cannot be written (No such file or directory)", id="output file"),
    pytest.param(["explain", "LT1O1"], "there is no rule 'LT1O1'; did you mean LT101?", id="explain"),
    pytest.param(["explain"], "the following arguments are required: CODE (see `lintorch explain --help`)", id="explain nothing"),
]


@pytest.mark.parametrize(("arguments", "message"), LINES)
def test_wrong_usage_is_one_line_and_changes_nothing(doors: Doors, arguments: list[str], message: str) -> None:
    doors.write({
        "a.py": NET, "bad.toml": "[tool.lintorch", "key.toml": "[tool.lintorch]\nselct = []\n", "type.toml": "[tool.lintorch]\nline-length = 'wide'\n",
        "code.toml": "[tool.lintorch]\nignore = ['LT1x']\n",
    })  # fmt: skip
    outcome = doors.run(*arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"lintorch: {message}")
    assert outcome.err.count("\n") == 1
    assert doors.read("a.py") == NET


def test_a_missing_torch_is_one_line(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    doors.write({"a.py": NET})
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    outcome = doors.run("--fix")
    assert outcome.status == 2
    assert outcome.err.startswith("lintorch: running both versions needs PyTorch, which this Python does not have; install")
    assert doors.run().status == 1


def test_folders_without_python(doors: Doors) -> None:
    (doors.folder / "empty").mkdir()
    outcome = doors.run("empty")
    assert outcome.status == 0
    assert outcome.err == "lintorch: empty: no Python files here\n"
    assert outcome.out == "Nothing found in 0 files.\n"


BAD_FILES = [
    pytest.param({"a.py": b"\0"}, "a.py: is not Python text (it holds NUL bytes); exclude it\n", id="binary"),
    pytest.param({"a.py": b"x = '\xff'\n"}, "a.py: cannot be decoded", id="encoding"),
    pytest.param({"a.py": "x = (\n"}, "a.py:1: is not valid Python ('(' was never closed)", id="syntax"),
    pytest.param({"a.py": "x = " + "(" * 2000 + ")" * 2000}, "a.py: ", id="nesting"),
]


@pytest.mark.parametrize("fix", [[], ["--fix"]])
@pytest.mark.parametrize(("files", "line"), BAD_FILES)
def test_bad_files_are_one_line_each(doors: Doors, files: dict[str, str | bytes], line: str, fix: list[str]) -> None:
    doors.write(files)
    outcome = doors.run("a.py", *fix)
    assert outcome.status == 2
    assert outcome.err.startswith(line)
    assert outcome.err.count("\n") == 1
    assert outcome.out.splitlines()[-1].startswith("Skipped 1 file: ")


def test_an_unreadable_file_is_one_line(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    doors.write({"a.py": NET})
    monkeypatch.setattr(Path, "read_bytes", refuse)
    outcome = doors.run("a.py")
    assert (outcome.status, outcome.err) == (2, "a.py: cannot be read (Permission denied); check its permissions\n")


def _like_a_user(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command run by somebody whom permissions keep out, which they do not keep root."""
    refused = "-dac_override,-dac_read_search"
    setpriv = ("setpriv", f"--bounding-set={refused}", f"--inh-caps={refused}") if os.geteuid() == 0 else ()
    return subprocess.run([*setpriv, sys.executable, "-m", "lintorch", "--no-cache", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("setpriv") is None, reason="needs setpriv where the tests run as root")
def test_a_folder_that_may_not_be_searched_costs_itself_only(doors: Doors) -> None:
    doors.write({"pyproject.toml": "", "a.py": NET, "src/b.py": NET, "tests/c.py": NET})
    closed = [doors.folder / "src", doors.folder / "tests"]
    try:
        for folder in closed:
            folder.chmod(0)
        beside = _like_a_user("--format", "concise", ".")
        assert (beside.returncode, beside.stdout.count("LT101"), beside.stderr) == (1, 1, "")
        for path in ("src", "src/b.py"):
            told = _like_a_user(path)
            assert (told.returncode, told.stdout) == (2, "")
            assert told.stderr.startswith(f"lintorch: {path}: cannot be looked at (Permission denied); check its permissions")
            assert told.stderr.count("\n") == 1
    finally:
        for folder in closed:
            folder.chmod(0o755)


def test_settings_of_the_project_and_the_command_line_add_up(doors: Doors) -> None:
    doors.write({
        "pyproject.toml": '[tool.lintorch]\nextend-select = ["LT103"]\nignore = ["LT101"]\n[tool.lintorch.per-file-ignores]\n"tests/*" = ["LT1"]\n',
        "a.py": CHAIN, "tests/b.py": CHAIN, "sub/pyproject.toml": "[tool.lintorch]\n", "sub/c.py": CHAIN,
    })  # fmt: skip
    assert [line.split()[:2] for line in doors.run("--format", "concise").out.splitlines()] == [["a.py:7:9:", "LT103"], ["sub/c.py:8:9:", "LT101"]]
    assert [line.split()[1] for line in doors.run("--format", "concise", "--ignore", "LT103", "a.py").out.splitlines()] == []
    assert [line.split()[1] for line in doors.run("--format", "concise", "--select", "LT", "a.py").out.splitlines()] == ["LT103"]


def test_fail_on_is_that_of_the_file(doors: Doors) -> None:
    doors.write({"pyproject.toml": '[tool.lintorch]\nfail-on = "error"\n', "a.py": NET})
    assert doors.run().status == 0
    assert doors.run("--fail-on", "warning").status == 1


def test_generated_files_are_counted(doors: Doors) -> None:
    doors.write({"a.py": "# This file was automatically generated. Do not edit.\n" + NET})
    assert doors.run().out == "Nothing found in 0 files.\nSkipped 1 file: says that it is generated.\n"
    assert doors.run("--include-generated").status == 1


def test_statistics_and_quiet(doors: Doors) -> None:
    doors.write({"a.py": NET, "b.py": CHAIN})
    assert doors.run("--statistics", "--select", "LT101,LT103").out == (
        "     2  LT101  returned-temporary\n     1  LT103  single-use-temporary\nFound 3 findings in 2 files. --fix can try 3 of them.\n"
    )
    assert json.loads(doors.run("--statistics", "--format", "json", "--select", "LT101").out) == [
        {"code": "LT101", "rule": "returned-temporary", "count": 2, "fixable": 2}
    ]
    assert doors.run("--statistics", "--format", "github").err == "lintorch: --statistics is told as text or json, not as github\n"
    assert doors.run("--quiet").out.count("Found") == 0
    assert doors.run("--quiet", "--ignore", "LT").out == ""


def test_the_report_goes_to_a_file(doors: Doors) -> None:
    doors.write({"a.py": NET, "b.py": CLEAN})
    outcome = doors.run("--output-file", "report.txt")
    assert (outcome.status, outcome.out, outcome.err) == (1, "", "")
    assert doors.read("report.txt") == FOUND
    doors.run("--output-file", "report.json", "--format", "json")
    assert len(json.loads(doors.read("report.json"))["findings"]) == 1


@pytest.mark.parametrize("file", ["missing/report.txt", "."])
def test_a_report_that_cannot_be_written_is_told_before_anything_changes(doors: Doors, file: str) -> None:
    doors.write({"net.py": NET})
    outcome = doors.run("--fix", "--output-file", file)
    assert (outcome.status, outcome.out) == (2, "")
    assert re.fullmatch(rf"lintorch: {re.escape(file)}: cannot be written \(.*\); name another --output-file\n", outcome.err)
    assert doors.read("net.py") == NET


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_under_the_report_is_one_line(doors: Doors) -> None:
    doors.write({"net.py": NET})
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-m", "lintorch", "net.py"], check=False, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, "lintorch: the report: cannot be written (No space left on device); name an --output-file\n")


def test_examples_reach_the_settings(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("lintorch.engine.verdicts.Verifiers.under", lambda self, settings: seen.append(settings.examples) or (lambda change: TESTED))
    doors.write({"a.py": NET, "pyproject.toml": '[tool.lintorch.examples]\nOther = "Other(), 1"\n'})
    doors.run("--fix", "--example", "Net(), torch.randn(2)", "--example", "Net(), torch.randn(3)", "--example", "pkg.f, 1", "-j1")
    assert seen == [{"Other": ("Other(), 1",), "Net": ("Net(), torch.randn(2)", "Net(), torch.randn(3)"), "pkg.f": ("pkg.f, 1",)}]


def test_files_of_all_sorts_of_names(doors: Doors) -> None:
    doors.write({"sp ace/ü.py": NET, "evil\x1b[31m\n.py": NET})
    outcome = doors.run("--format", "concise")
    assert [line.split(": ")[0] for line in outcome.out.splitlines()] == ["evil\\x1b[31m\\x0a.py:7:9", "sp ace/ü.py:7:9"]
    assert "\x1b" not in doors.run().out


def test_an_interruption_and_a_fault_are_one_line(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(error: BaseException):
        def check(arguments):
            raise error

        return check

    monkeypatch.setattr("lintorch.cli.check.check", raising(KeyboardInterrupt()))
    assert doors.run() == type(doors.run())(130, "", "lintorch: interrupted; files fixed so far stay fixed, all others are as they were\n")
    monkeypatch.setattr("lintorch.cli.check.check", raising(ZeroDivisionError("by\nzero")))
    outcome = doors.run()
    assert (outcome.status, outcome.err) == (2, "lintorch: internal error: ZeroDivisionError: by zero; please report it (LINTORCH_TRACEBACK=1 shows where)\n")
    monkeypatch.setattr("lintorch.cli.check.check", raising(SourceError("a.py", "is odd", "look", 3)))
    monkeypatch.setenv("LINTORCH_TRACEBACK", "1")
    with pytest.raises(SourceError):
        doors.run()


def lintorch(*arguments: str, cwd: Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "lintorch", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, **options)


def test_a_reader_that_goes_away_is_no_fault(doors: Doors) -> None:
    body = "".join(f"class N{number}(nn.Module):\n    def forward(self, x):\n        y = x.relu()\n        return y\n\n\n" for number in range(400))
    doors.write({"a.py": HEAD + body})
    done = subprocess.run(f"{sys.executable} -m lintorch a.py | head -1", shell=True, cwd=doors.folder, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert done.stdout.startswith("a.py:7:9: LT101")


def test_output_that_cannot_be_encoded_is_escaped(doors: Doors) -> None:
    doors.write({"ü.py": NET})
    done = lintorch("--format", "concise", "ü.py", cwd=doors.folder, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("\\xfc.py:7:9: LT101")


def test_no_colour_where_it_is_piped(doors: Doors) -> None:
    doors.write({"a.py": NET})
    assert "\x1b" not in lintorch("a.py", cwd=doors.folder, env={**os.environ, "FORCE_COLOR": ""}).stdout


def test_example_of_help(doors: Doors) -> None:
    assert HEAD in NET
    for arguments in (["--help"], ["check", "--help"], ["verify", "--help"], ["explain", "--help"], ["rules", "--help"], ["--version"]):
        done = lintorch(*arguments, cwd=doors.folder)
        assert (done.returncode, done.stderr) == (0, "")
        assert "lintorch" in done.stdout
