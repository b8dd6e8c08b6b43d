"""`lintorch explain` and `lintorch rules`."""

from __future__ import annotations

import json

import pytest

from lintorch.catalogue import load_catalogue
from tests.cli.doors import Doors


@pytest.mark.parametrize("word", ["LT101", "lt101", "returned-temporary"])
def test_explain_prints_the_page(doors: Doors, word: str) -> None:
    outcome = doors.run("explain", word)
    page = load_catalogue().find("LT101").page
    assert outcome.status == 0
    assert outcome.out.startswith("# LT101 returned-temporary\n\non by default, has a fix, judges forward and what it calls on self\n\n" + page.sentence)
    assert outcome.out.endswith(page.text.partition("\n")[2].rstrip() + "\n")


def test_explain_says_how_to_switch_an_opt_in_rule_on(doors: Doors) -> None:
    assert "off by default (--extend-select LT103)" in doors.run("explain", "LT103").out


def test_rules_are_listed(doors: Doors) -> None:
    lines = doors.run("rules").out.splitlines()
    assert [line.split()[0] for line in lines] == [registered.code for registered in load_catalogue().rules]
    assert lines[0].split()[:3] == ["LT101", "returned-temporary", "on"]
    assert lines[0].endswith(load_catalogue().rules[0].page.sentence)


def test_rules_as_json(doors: Doors) -> None:
    rules = {rule["code"]: rule for rule in json.loads(doors.run("rules", "--format", "json").out)}
    assert rules["LT101"].keys() == {"code", "name", "default", "fixable", "scope", "needs", "summary"}
    assert (rules["LT101"]["default"], rules["LT102"]["default"], rules["LT101"]["fixable"]) == (True, False, True)


def test_what_is_no_rule_of_a_pack_is_explained_too(doors: Doors) -> None:
    assert doors.run("explain", "lt001").out == doors.run("explain", "unused-ignore").out
    assert doors.run("explain", "LT001").out.startswith("# LT001 unused-ignore\n\noff by default (--unused-ignores")
