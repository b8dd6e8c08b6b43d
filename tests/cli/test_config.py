"""`lintorch config`: the settings in force, where each comes from, and the schema that editors check the table with."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lintorch.catalogue import load_catalogue
from lintorch.cli.keys import KEYS, schema
from lintorch.config import read_configuration
from lintorch.settings import UsageError
from tests.cli.doors import NET, Doors

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SCHEMA = schema(load_catalogue())
DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_each_setting_says_where_it_comes_from(doors: Doors) -> None:
    doors.write({"pyproject.toml": '[tool.lintorch]\nignore = "LT2"\n[tool.black]\nline-length = 100\n', "pkg/a.py": NET})
    lines = doors.run("config", "pkg/a.py").out.splitlines()
    assert lines[0] == "# settings for pkg/a.py"
    assert f'ignore = ["LT2"]  # {doors.folder / "pyproject.toml"}' in lines
    assert f"line-length = 100  # black's in {doors.folder}" in lines
    assert 'allow = "tested"  # default' in lines
    assert lines[-1] == "# rules: LT101, LT104, LT105, LT106"


def test_what_is_printed_can_be_pasted(doors: Doors) -> None:
    text = '[tool.lintorch]\nselect = ["LT1"]\nseverity = {LT1 = "info"}\n[tool.lintorch.per-file-ignores]\n"te\\"sts/*" = ["LT101"]\n'
    doors.write({"pyproject.toml": text})
    doors.write({"again.toml": "[tool.lintorch]\n" + doors.run("config").out})
    assert read_configuration(doors.folder / "again.toml").items() >= read_configuration(doors.folder / "pyproject.toml").items()


def test_the_same_as_json(doors: Doors) -> None:
    doors.write({"other.toml": "[tool.lintorch]\njobs = 3\n"})
    report = json.loads(doors.run("config", "--format", "json", "--config", "other.toml").out)
    assert report["settings"]["jobs"] == {"value": 3, "from": "other.toml", "for": KEYS["jobs"]}
    assert report["settings"].keys() == KEYS.keys()
    assert "LT101" in report["rules"]


LINES = [
    (["config", "nowhere"], "nowhere: there is no such file or folder"),
    (["config", "a", "b"], "name one file or folder whose settings to show"),
    (["config", "--shema"], "unknown option --shema; did you mean --schema?"),
    (["config", "--config", "bad.toml"], "bad.toml: unknown key [tool.lintorch] selct; did you mean select?"),
]


@pytest.mark.parametrize(("arguments", "message"), LINES)
def test_wrong_usage_is_one_line(doors: Doors, arguments: list[str], message: str) -> None:
    doors.write({"bad.toml": "[tool.lintorch]\nselct = []\n"})
    outcome = doors.run(*arguments)
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(f"lintorch: {message}")


def test_the_schema_is_one(doors: Doors) -> None:
    assert json.loads(doors.run("config", "--schema").out) == SCHEMA
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert all(given["description"] for given in SCHEMA["properties"]["tool"]["properties"]["lintorch"]["properties"].values())


TABLES = [
    'select = ["LT1", "returned-temporary", "lt2", "ALL"]',
    'extend-select = "LT103"\nline-length = 100\nallow = "close"\nexamples = {Net = "Net(), 1"}',
    "unused-ignores = true\ntime-limit = 2.5\njobs = 0",
    '[tool.lintorch.per-file-ignores]\n"tests/*" = ["LT"]\n[tool.lintorch.severity]\nLT1 = "info"',
    "selct = []",
    "select = 3",
    'select = ["LT9"]',
    'fail-on = "never"',
    "line-length = -1",
    'line-length = "wide"',
    "per-file-ignores = []",
    'severity = {LT1 = "loud"}',
    'severity = {XY1 = "info"}',
    "jobs = true",
]


@pytest.mark.parametrize("text", TABLES)
def test_an_editor_and_the_command_line_agree(doors: Doors, text: str) -> None:
    doors.write({"pyproject.toml": f"[project]\nname = 'x'\n[tool.other]\nselct = 1\n[tool.lintorch]\n{text}\n", "a.py": ""})
    document: dict[str, Any] = tomllib.loads(doors.read("pyproject.toml"))
    assert jsonschema.Draft7Validator(SCHEMA).is_valid(document) is (doors.run().status == 0)


def test_the_page_of_settings_tells_of_each(doors: Doors) -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| .* \| (.+) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE))
    assert {key: rows.get(key) for key in KEYS} == KEYS


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL))
def test_what_the_page_shows_is_read(tmp_path: Path, block: str) -> None:
    (tmp_path / "pyproject.toml").write_text(block)
    try:
        read_configuration(tmp_path / "pyproject.toml")
    except UsageError as error:
        pytest.fail(str(error))
