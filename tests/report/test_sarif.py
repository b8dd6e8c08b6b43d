"""SARIF as code scanning takes it: by its schema, with fixes that can be applied and fingerprints that outlive moved lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.result import Run
from lintorch.report import formats
from tests.cli.doors import NET, NET_FIXED, Doors
from tests.report.runs import CHECK, EMPTY, RUN

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)
FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def doors(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doors:
    return Doors(tmp_path, capfd, monkeypatch)


def errors(text: str) -> list[str]:
    return [f"{list(error.path)}: {error.message}" for error in VALIDATOR.iter_errors(json.loads(text))]


@pytest.mark.parametrize("run", [RUN, CHECK, EMPTY, Run(())], ids=["all", "check", "empty", "nothing"])
def test_the_schema_accepts_every_kind_of_outcome(run: Run) -> None:
    assert errors(formats.render("sarif", run, load_catalogue())) == []


def test_the_schema_would_refuse_what_is_wrong() -> None:
    document: dict[str, Any] = json.loads(formats.render("sarif", CHECK, load_catalogue()))
    document["runs"][0]["results"][0]["level"] = "loud"
    assert errors(json.dumps(document))


def test_the_schema_accepts_a_real_run_and_each_result_has_its_rule(doors: Doors) -> None:
    text = doors.run("--format", "sarif", "--select", "ALL", "-j1", str(FIXTURES)).out
    assert errors(text) == []
    (run,) = json.loads(text)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) > 50
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert all(rule["help"]["markdown"].startswith(f"# {rule['id']}") for rule in rules)
    assert len({result["partialFingerprints"]["lintorch/v1"] for result in run["results"]}) == len(run["results"])


def test_what_has_no_page_is_named_all_the_same(doors: Doors) -> None:
    doors.write({"a.py": "x = 1  # lintorch: ignore[LT101]\n"})
    text = doors.run("--format", "sarif", "--unused-ignores", "a.py").out
    assert errors(text) == []
    (run,) = json.loads(text)["runs"]
    assert [run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] for result in run["results"]] == ["LT001"]


def test_a_fix_can_be_applied_from_the_report_alone(doors: Doors) -> None:
    doors.write({"a.py": NET})
    result = json.loads(doors.run("--format", "sarif", "a.py").out)["runs"][0]["results"][0]
    lines = NET.splitlines(keepends=True)

    def offset(line: int, column: int) -> int:
        return sum(map(len, lines[: line - 1])) + column - 1

    text = NET
    for change in reversed(result["fixes"][0]["artifactChanges"][0]["replacements"]):
        region = change["deletedRegion"]
        start, end = offset(region["startLine"], region["startColumn"]), offset(region["endLine"], region["endColumn"])
        text = text[:start] + change["insertedContent"]["text"] + text[end:]
    assert text == NET_FIXED


def test_fingerprints_outlive_moved_lines_and_the_way_a_path_is_written(doors: Doors) -> None:
    def results(*paths: str) -> list[tuple[str, str]]:
        run = json.loads(doors.run("--format", "sarif", *paths).out)["runs"][0]
        return [(one["partialFingerprints"]["lintorch/v1"], one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]) for one in run["results"]]

    doors.write({"pkg/a.py": NET})
    before = results()
    assert [uri for _, uri in before] == ["pkg/a.py"]
    doors.write({"pkg/a.py": "# one\n\n" + NET.replace("class Net", "\nclass Before(nn.Module):\n    pass\n\n\nclass Net")})
    assert results() == before
    assert results("./pkg") == before
    assert results(str(doors.folder / "pkg" / "a.py")) == before
