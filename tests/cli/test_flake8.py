"""The flake8 plugin, run by the real flake8, beside the command line."""

from __future__ import annotations

import ast
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lintorch.flake8_plugin import Plugin
from lintorch.garbage import undisturbed
from tests.catalogue.packs import PAGE, write_pack
from tests.cli.doors import CHAIN, HEAD, NET, Doors

ROOT = Path(__file__).parents[2]
FIXTURES = sorted((ROOT / "fixtures").rglob("*.py"))


def flake8(*arguments: str, cwd: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flake8", "--select", "LT", "-j1", *arguments]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True, timeout=120)


def shown(*arguments: str, cwd: Path) -> list[str]:
    done = flake8(*arguments, cwd=cwd)
    assert done.stderr == ""
    return sorted(done.stdout.splitlines())


@pytest.mark.parametrize("codes", ["", "LT", "LT103"])
def test_flake8_reports_what_the_command_line_reports_on_all_fixtures(doors: Doors, codes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert FIXTURES
    monkeypatch.chdir(ROOT)
    listed = doors.run("--format", "concise", "fixtures", *(["--extend-select", codes] if codes else []))
    assert listed.status in (0, 1)
    assert shown("fixtures", *([f"--lintorch-select={codes}"] if codes else []), cwd=ROOT) == sorted(listed.out.splitlines())
    assert bool(listed.out) or not codes


HARD = {
    "noqa.py": CHAIN.replace("a.tanh()", "a.tanh()  # noqa: LT101").replace("x.relu()", "x.relu()  # lintorch: ignore[LT103]"),
    "alias.py": HEAD + "class Net(nn.Module):\n    def forward(self, x):\n        y = x.relu()  # noqa: F841\n        return x\n",
    "crlf.py": NET.replace("\n", "\r\n"),
    "bom.py": "\ufeff" + NET,
    "wide.py": NET.replace("x.relu()", "x.relu() + len('界界')").replace("y =", "é =").replace("return y", "return é"),
    "separator.py": NET.replace("    def", "    note = '\u2028\x0c'\n\n    def"),
    "latin.py": ("# -*- coding: latin-1 -*-\n" + NET.replace("y =", "é =").replace("return y", "return é")).encode("latin-1"),
    "long.py": NET.replace("x.relu()", "x.relu() + " + " + ".join(["x"] * 16)),
    "generated.py": "# This file was automatically generated. Do not edit.\n" + NET,
    "file.py": "# flake8: noqa\n" + NET,
    "skip.py": "# lintorch: skip-file\n" + NET,
}


@pytest.mark.parametrize(
    "configuration", ["", "[tool.lintorch]\nline-length = 60\n", "[tool.black]\nline-length = 100\n", '[tool.lintorch]\nignore = ["LT103"]\n']
)
def test_flake8_reports_what_the_command_line_reports_on_odd_files(doors: Doors, configuration: str) -> None:
    doors.write({**HARD, **({"pyproject.toml": configuration} if configuration else {})})
    listed = doors.run("--format", "concise", "--extend-select", "LT").out.splitlines()
    assert shown("--lintorch-select", "LT", ".", cwd=doors.folder) == sorted(f"./{line}" for line in listed)
    assert any("crlf.py" in line for line in listed)
    assert not any(name in line for line in listed for name in ("alias.py", "generated.py", "file.py", "skip.py"))


def test_opt_in_rules_are_off_unless_asked_for(doors: Doors) -> None:
    doors.write({"a.py": CHAIN})
    assert [line.split()[1] for line in shown("a.py", cwd=doors.folder)] == ["LT101"]
    assert [line.split()[1] for line in shown("--lintorch-select=single-use-temporary", "a.py", cwd=doors.folder)] == ["LT103", "LT101"]
    doors.write({"setup.cfg": "[flake8]\nlintorch-select = LT103\n"})
    assert len(shown("a.py", cwd=doors.folder)) == 2


def test_flake8_looks_after_its_own_noqa_and_ignores(doors: Doors) -> None:
    unused = NET.replace("y = x.relu()", "y = self.f(x)  # noqa").replace("return y", "return x")
    doors.write({"a.py": unused, "b.py": unused.replace("noqa", "noqa: F841"), "c.py": unused.replace("noqa", "lintorch: ignore"), "d.py": NET})
    assert shown("a.py", "b.py", "c.py", cwd=doors.folder) == []
    assert [line.split()[:2] for line in shown("--disable-noqa", "a.py", "b.py", "c.py", cwd=doors.folder)] == [["a.py:7:9:", "LT104"]]
    assert shown("--extend-ignore", "LT1", "d.py", cwd=doors.folder) == []


LENGTHS = [
    pytest.param(["--max-line-length", "40"], "", 0, id="flake8 was told on its command line"),
    pytest.param(["--max-line-length", "40"], "[tool.lintorch]\nline-length = 100\n", 1, id="lintorch's own comes first"),
    pytest.param(["--max-line-length", "40"], "[tool.black]\nline-length = 100\n", 1, id="and black, which would wrap the line"),
    pytest.param([], "", 1, id="nobody was told anything"),
]


@pytest.mark.parametrize(("arguments", "configuration", "found"), LENGTHS)
def test_line_length(doors: Doors, arguments: list[str], configuration: str, found: int) -> None:
    doors.write({"a.py": NET.replace("x.relu()", "x.relu() + x.tanh() + x.sin()"), **({"pyproject.toml": configuration} if configuration else {})})
    assert len(shown(*arguments, "a.py", cwd=doors.folder)) == found


def test_standard_input_under_its_name(doors: Doors) -> None:
    doors.write({"pkg/pyproject.toml": '[tool.lintorch]\nignore = ["LT101"]\n'})
    done = flake8("--stdin-display-name", "a.py", "-", cwd=doors.folder, stdin=NET)
    assert done.stdout.startswith("a.py:7:9: LT101")
    assert flake8("--stdin-display-name", "pkg/a.py", "-", cwd=doors.folder, stdin=NET).stdout == ""


def test_syntax_errors_are_flake8s(doors: Doors) -> None:
    doors.write({"a.py": "def f(:\n"})
    done = flake8("a.py", cwd=doors.folder)
    assert (done.stdout, done.stderr) == ("", "")


def test_faults_are_lines_not_tracebacks(doors: Doors) -> None:
    doors.write({"a.py": NET, "pyproject.toml": "[tool.lintorch]\nselct = []\n"})
    done = flake8("a.py", cwd=doors.folder)
    assert done.stdout.startswith("a.py:1:1: LT000 this file could not be checked (")
    assert "did you mean select?" in done.stdout
    assert done.stderr == ""
    unknown = flake8("--lintorch-select", "LT1O1", "a.py", cwd=doors.folder)
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("lintorch: lintorch-select: unknown rule code or name 'LT1O1'; did you mean LT101?")
    assert unknown.stderr.count("\n") == 1


LOUD = """\
from lintorch.rule import Rule, Scope, Span


def check(function):
    start = function.module.source.line_span(function.entry.node.lineno).start
    yield rule.finding(function, Span(start, start + 1), "it is loud")


rule = Rule("ACM001", check, Scope.FORWARD, default=False)
"""


@pytest.mark.parametrize(
    ("configuration", "found"),
    [
        pytest.param("lintorch-select = loud-function\nselect = ACM0\n", ["ACM001"], id="a name"),
        pytest.param("lintorch-select = ACM001\n", ["LT101"], id="flake8 was not told of the codes"),
        pytest.param("lintorch-select = LT,ACM\nselect = ACM,LT\n", ["ACM001", "LT101"], id="beside lintorch's own"),
    ],
)
def test_rules_of_other_packs(doors: Doors, tmp_path: Path, configuration: str, found: list[str]) -> None:
    write_pack(tmp_path / "site", {"loud_function.py": LOUD, "loud_function.md": PAGE.format(code="ACM001", name="loud-function")})
    doors.write({"a.py": NET, "setup.cfg": f"[flake8]\n{configuration}"})
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-m", "flake8", "-j1", "a.py"]
    done = subprocess.run(command, cwd=doors.folder, capture_output=True, text=True, timeout=120, env=environment)
    assert done.stderr == ""
    assert sorted(line.split()[1] for line in done.stdout.splitlines() if not line.split()[1].startswith(("E", "F", "W"))) == found


@pytest.mark.parametrize("is_on", [True, False])
def test_the_collector_of_the_host_goes_on_as_before(is_on: bool, doors: Doors) -> None:
    doors.write({"net.py": CHAIN})
    (gc.enable if is_on else gc.disable)()
    try:
        plugin = Plugin(ast.parse(CHAIN), str(doors.folder / "net.py"), CHAIN.splitlines(keepends=True))
        found = list(plugin.run())
        assert [message.split()[0] for _, _, message, _ in found] == ["LT101"]
        assert gc.isenabled() == is_on
    finally:
        gc.enable()
    with undisturbed():
        assert not gc.isenabled()
    assert gc.isenabled()
