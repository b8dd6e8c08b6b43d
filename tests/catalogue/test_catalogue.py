"""Packs: found through entry points, each fault told in one line; and which rules a selection switches on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintorch.catalogue import Catalogue, RegisteredRule, load_catalogue
from lintorch.rule import Rule, Scope
from lintorch.settings import Settings, UsageError
from tests.catalogue.packs import PAGE, RULE, installed


def test_a_second_pack_is_listed_beside_the_first(tmp_path: Path) -> None:
    files = {"shiny_thing.py": RULE.format(code="ACM001"), "shiny_thing.md": PAGE.format(code="ACM001", name="shiny-thing"), "_helper.py": "x = 1\n"}
    with installed(tmp_path, files):
        rules = load_catalogue().rules
        assert [rule.code for rule in rules] == sorted(rule.code for rule in rules)
        assert {"ACM001", "LT101"} <= {rule.code for rule in rules}
        assert load_catalogue().find("shiny-thing").page.sentence == "A sentence."
        assert not load_catalogue().find("acm001").fixable
        assert load_catalogue().find("LT101").fixable


FAULTS = [
    pytest.param({"one.py": "import no_such_module_anywhere\n"}, "cannot be imported (ModuleNotFoundError", id="import error"),
    pytest.param({"one.py": "rule = 1\n"}, "has no `rule = Rule(...)`", id="no rule"),
    pytest.param({"one.py": RULE.format(code="LT101")}, "two rules are called LT101", id="code taken"),
    pytest.param({"returned_temporary.py": RULE.format(code="ACM001")}, "two rules are called returned-temporary", id="name taken"),
]


@pytest.mark.parametrize(("files", "message"), FAULTS)
def test_a_broken_pack_is_one_line(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with installed(tmp_path, files), pytest.raises(UsageError) as caught:
        load_catalogue()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


PAGES = [
    pytest.param(None, "cannot be read", id="no page"),
    pytest.param("# nonsense\n", "one.md:1: a page begins", id="malformed"),
    pytest.param(PAGE.format(code="ACM002", name="one"), "the page is titled ACM002 one, its rule is ACM001 one", id="another code"),
]


@pytest.mark.parametrize(("text", "message"), PAGES)
def test_a_broken_page_is_one_line_when_it_is_read(tmp_path: Path, text: str | None, message: str) -> None:
    with installed(tmp_path, {"one.py": RULE.format(code="ACM001"), **({"one.md": text} if text else {})}), pytest.raises(UsageError) as caught:
        _ = load_catalogue().find("ACM001").page
    assert message in str(caught.value)


def test_a_checkout_without_a_pack_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    load_catalogue.cache_clear()
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [])
    with pytest.raises(UsageError, match=r"no rule pack is installed.*pip install -e"):
        load_catalogue()
    monkeypatch.undo()
    load_catalogue.cache_clear()


def rule(code: str, name: str, default: bool) -> RegisteredRule:
    return RegisteredRule(Rule(code, lambda function: iter(()), Scope.FORWARD, default=default), name, Path(f"{name}.md"))


SMALL = Catalogue((rule("LT101", "returned", True), rule("LT102", "rebound", False), rule("LT201", "live", True), rule("ACM001", "shiny", True)))
SELECTIONS = [
    pytest.param({}, "LT101 LT201 ACM001", id="defaults"),
    pytest.param({"select": ("LT1",)}, "LT101 LT102", id="a prefix brings its opt-in rules"),
    pytest.param({"select": ("lt102",)}, "LT102", id="any case"),
    pytest.param({"select": ("rebound", "ACM")}, "LT102 ACM001", id="a name"),
    pytest.param({"select": ("ALL",)}, "LT101 LT102 LT201 ACM001", id="all"),
    pytest.param({"extend_select": ("LT102",)}, "LT101 LT102 LT201 ACM001", id="extended"),
    pytest.param({"ignore": ("LT1",)}, "LT201 ACM001", id="ignored"),
    pytest.param({"ignore": ("live",)}, "LT101 ACM001", id="ignored by name"),
    pytest.param({"select": ("LT101",), "ignore": ("LT1",)}, "LT101", id="the longer one decides"),
    pytest.param({"select": ("LT1",), "ignore": ("LT101",)}, "LT102", id="the longer one decides, ignoring"),
    pytest.param({"select": ("LT1",), "ignore": ("LT1",)}, "", id="a draw ignores"),
    pytest.param({"select": ("ALL",), "ignore": ("ALL",)}, "", id="a draw of all"),
    pytest.param({"extend_select": ("LT102",), "ignore": ("ALL",)}, "LT102", id="all but"),
]


@pytest.mark.parametrize(("given", "codes"), SELECTIONS)
def test_selection(given: dict[str, tuple[str, ...]], codes: str) -> None:
    assert [registered.code for registered in SMALL.select(Settings(**given))] == codes.split()


UNKNOWN = [
    pytest.param({"select": ("LT1O1",)}, "'LT1O1'; did you mean LT101?", id="select"),
    pytest.param({"ignore": ("returnd",)}, "'returnd'; did you mean returned?", id="ignore a name"),
    pytest.param({"extend_select": ("XYZQ",)}, "'XYZQ' (`lintorch rules`", id="nothing near"),
    pytest.param({"per_file_ignores": {"a.py": ("LT9",)}}, "unknown rule code or name 'LT9'", id="per file"),
    pytest.param({"select": ("",)}, "unknown rule code or name ''", id="empty"),
]


@pytest.mark.parametrize(("given", "message"), UNKNOWN)
def test_an_unknown_code_names_the_nearest(given, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        SMALL.select(Settings(**given))
    assert message in str(caught.value)
