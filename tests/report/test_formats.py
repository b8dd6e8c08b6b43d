"""Each format as its readers parse it."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.cli import arguments
from lintorch.engine.result import Run, fingerprinted
from lintorch.report import diff, formats
from lintorch.source.text import Position
from tests.report.runs import CHECK, EMPTY, LEFT, RUN, finding


def render(name: str, run: Run = RUN) -> str:
    text = formats.render(name, run, load_catalogue())
    assert "\x1b" not in text
    assert text == "" or text.endswith("\n")
    return text


@pytest.mark.parametrize("name", formats.FORMATS)
@pytest.mark.parametrize("run", [RUN, CHECK, EMPTY, Run(())], ids=["all", "check", "empty", "nothing"])
def test_every_format_takes_every_run(name: str, run: Run) -> None:
    render(name, run)


def test_the_command_line_knows_the_formats() -> None:
    assert arguments.FORMATS == formats.FORMATS


PLACE = {"path", "cell", "line", "column", "end_line", "end_column", "symbol"}
KEYS = PLACE | {"code", "rule", "message", "severity", "fix", "rewrite", "verdict", "retains", "witness", "fixed"}


def test_json_has_every_key_that_others_rely_on() -> None:
    report = json.loads(render("json"))
    assert {"version", "findings", "rewrites", "files", "summary"} <= report.keys()
    assert report["version"] == 1
    assert all(item.keys() >= KEYS for item in report["findings"])
    left, loss, _, fixed, refused = report["findings"]
    assert (left["line"], left["column"], left["end_line"], left["end_column"]) == (7, 9, 7, 14)
    assert left["fix"] == {"title": "return it", "edits": [{"cell": None, "line": 7, "column": 9, "end_line": 8, "end_column": 17, "text": "return x"}]}
    assert (left["verdict"], left["rewrite"], left["cell"], left["witness"], left["fixed"]) == (None, None, None, None, False)
    assert loss["retains"] == {"what": "activations", "evidence": ["no backward covers it"]}
    assert loss["severity"] == "error"
    assert (fixed["fixed"], fixed["rewrite"]) == (True, 1)
    assert fixed["verdict"].items() >= {
        "status": "tested", "reason": None, "inputs": ["float32[2, 10]"], "seeds": [0, 1, 2], "modes": ["train", "eval"],
        "peak_bytes": {"before": 2000, "after": 1000},
    }.items()  # fmt: skip
    assert (refused["verdict"]["status"], refused["verdict"]["peak_bytes"]) == ("refuted", None)
    assert [item["id"] for item in report["rewrites"]] == [1, 2]
    assert report["rewrites"][0].keys() >= {"id", "path", "symbol", "edits", "verdict"}
    assert report["files"] == {
        "checked": 2, "changed": ["pkg/a:b,c.py"],
        "skipped": [{"path": "gen.py", "reason": "says that it is generated"}, {"path": "broken.py", "reason": "is not valid Python (oh)"}],
    }  # fmt: skip
    assert report["summary"] == {"LT101": 3, "LT106": 1, "LT201": 1}


def test_json_of_a_diff_has_changed_nothing() -> None:
    assert json.loads(render("json", Run(RUN.files, fixing=True, written=False)))["files"]["changed"] == []


def test_concise_is_one_line_each() -> None:
    lines = render("concise").splitlines()
    assert lines[0] == "pkg/a:b,c.py:7:9: LT101 `y` <&> 100%, \\x1b[31mLT101"
    assert [re.search(r"\[[a-z, ]+\]$", line) and re.search(r"\[([a-z, ]+)\]$", line)[1] for line in lines] == [None, None, None, "fixed, tested", "refuted"]


def test_github_escapes_what_commands_would_read() -> None:
    lines = render("github").splitlines()
    assert lines[0] == ("::warning file=pkg/a%3Ab%2Cc.py,line=7,col=9,endLine=7,endColumn=14,title=LT101 returned-temporary::`y` <&> 100%25, \\x1b[31mLT101")
    assert [line.split()[0] for line in lines] == ["::warning", "::error", "::notice", "::warning", "::error"]
    assert lines[-1].startswith("::error title=lintorch::broken.py:2: is not valid Python")


def test_gitlab_is_a_list_of_issues() -> None:
    issues = json.loads(render("gitlab"))
    assert [issue["severity"] for issue in issues] == ["major", "critical", "info", "major"]
    assert all(issue.keys() == {"description", "check_name", "fingerprint", "severity", "location"} for issue in issues)
    assert issues[0]["location"] == {"path": "pkg/a:b,c.py", "lines": {"begin": 7, "end": 7}}
    assert len({issue["fingerprint"] for issue in issues}) == 4


def test_junit_counts_what_it_holds() -> None:
    root = ElementTree.fromstring(render("junit").encode())
    assert root.attrib == {"name": "lintorch", "tests": "6", "failures": "4", "errors": "1"}
    suites = {suite.get("name"): suite for suite in root}
    assert [len(suite) for suite in suites.values()] == [4, 1, 1]
    assert len(root.findall(".//failure")) == 4
    assert len(root.findall(".//error")) == 1
    assert suites["clean.py"][0].attrib == {"name": "lintorch", "classname": "clean.py"}
    first = suites["pkg/a:b,c.py"][0].attrib
    assert first == {"name": "LT101 returned-temporary", "classname": "pkg/a:b,c.py", "file": "pkg/a:b,c.py", "line": "7"}
    assert suites["pkg/a:b,c.py"][0][0].get("message") == "`y` <&> 100%, \\x1b[31mLT101"


def test_sarif_says_what_code_scanning_reads() -> None:
    (run,) = json.loads(render("sarif"))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert next((rule["id"], rule["name"]) for rule in rules) == ("LT101", "returned-temporary")
    assert all(rule["help"]["markdown"].startswith(f"# {rule['id']}") and rule["shortDescription"]["text"] for rule in rules)
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("LT101", "warning"),
        ("LT201", "error"),
        ("LT106", "note"),
        ("LT101", "warning"),
    ]
    first = run["results"][0]
    assert rules[first["ruleIndex"]]["id"] == "LT101"
    location = first["locations"][0]["physicalLocation"]
    assert location == {"artifactLocation": {"uri": "pkg/a%3Ab%2Cc.py"}, "region": {"startLine": 7, "startColumn": 9, "endLine": 7, "endColumn": 14}}
    assert first["fixes"][0]["artifactChanges"][0]["replacements"] == [
        {"deletedRegion": {"startLine": 7, "startColumn": 9, "endLine": 8, "endColumn": 17}, "insertedContent": {"text": "return x"}}
    ]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"][0]["executionSuccessful"] is False


def test_fingerprints_outlive_moved_lines_and_tell_twins_apart() -> None:
    moved = finding("LT101", 99, fix=LEFT.fix)
    (before,), (after,) = fingerprinted([LEFT]), fingerprinted([moved])
    assert before.fingerprint == after.fingerprint
    twins = fingerprinted([LEFT, moved])
    assert len({twin.fingerprint for twin in twins}) == 2
    assert twins[0].start == Position(7, 9)
    others = fingerprinted([finding("LT101", 7), finding("LT102", 7), finding("LT101", 7, symbol="Other"), finding("LT101", 7, path="b.py")])
    assert len({other.fingerprint for other in others}) == 4


def test_a_diff_names_both_sides() -> None:
    assert diff.render(RUN) == "--- a/pkg/a:b,c.py\n+++ b/pkg/a:b,c.py\n@@ -1 +1 @@\n-y = x\n+x\n"
