"""Judging one file: what is asked, what is left out, and what a fault costs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker, matches
from lintorch.engine.comments import BESIDE_FLAKE8
from lintorch.rule import Finding, Measurement, Scope, Severity, Span
from lintorch.settings import Settings, UsageError
from lintorch.source.text import SourceError
from tests.engine.small_rules import HEAD, catalogue, matching, module, registered, replacing, source

A, B = replacing("TST1", r"\ba\b"), replacing("TST2", r"\b[ab]\b")


def codes(text: str, *rules, settings: Settings | None = None, path: Path | str = "a.py", **how) -> list[tuple[str, int]]:
    analysis = Checker(catalogue(*rules)).analyse(source(text, path), settings or Settings(), **how)
    assert analysis.failures == ()
    return [(judged.finding.code, analysis.source.position(judged.finding.span.start).line) for judged in analysis.judged]


def test_findings_come_in_the_order_of_the_file_then_of_codes() -> None:
    text = HEAD + module("Net", "b = x", "a = x", "return a")
    assert codes(text, B, A) == [("TST2", 7), ("TST1", 8), ("TST2", 8), ("TST1", 9), ("TST2", 9)]


def test_a_function_judged_for_two_reasons_is_judged_once() -> None:
    twice = registered("TST3", matching("TST3", r"\ba\b"), Scope.FORWARD)
    doubled = registered("TST4", lambda function: (finding for _ in range(2) for finding in matching("TST4", r"\ba\b")(function)))
    assert codes(HEAD + module("Net", "return a"), twice, doubled) == [("TST3", 7), ("TST4", 7)]


SCOPES = [
    pytest.param(Scope.CLASS, [3, 7, 10], id="every method of a torch module"),
    pytest.param(Scope.FORWARD, [3, 7], id="forward and what it calls"),
    pytest.param(Scope.EVERYWHERE, [3, 7, 10, 15, 19], id="every function"),
    pytest.param(Scope.TRAINING, [15, 19], id="every function but what computes a module's forward"),
]
SCOPED = """\
from torch import nn
class Net(nn.Module):
    def helper(self): a

    def forward(self, x):
        self.helper()
        a

    def unreached(self):
        a


class Plain:
    def forward(self):
        a


def free():
    a
"""


@pytest.mark.parametrize(("scope", "lines"), SCOPES)
def test_scopes(scope: Scope, lines: list[int]) -> None:
    assert codes(SCOPED, replacing("TST1", r"\ba\b", scope=scope)) == [("TST1", line) for line in lines]


SUPPRESSED = [
    ("a  # noqa", [], ["TST1"]),
    ("a  # noqa: TST1", [], ["TST1"]),
    ("a  # noqa: TST", [], ["TST1"]),
    ("a  # noqa: TST2", ["TST1"], ["TST1"]),
    ("a  # lintorch: ignore[TST1]", [], []),
    ("a  # lintorch: ignore", [], []),
    ("a  # noqa: X100", [], []),
    ("x = (\n            a,  # noqa: TST1\n        )", [], ["TST1"]),
    ('a, """\n   # noqa: TST1"""', [], ["TST1"]),
]


@pytest.mark.parametrize(("line", "shown", "beside_flake8"), SUPPRESSED)
def test_suppressions(line: str, shown: list[str], beside_flake8: list[str]) -> None:
    rule = replacing("TST1", r"\ba\b(?=,|  #)", aliases=("X100",))
    text = HEAD + module("Net", line)
    assert [code for code, _ in codes(text, rule)] == shown
    assert [code for code, _ in codes(text, rule, comments=BESIDE_FLAKE8)] == beside_flake8


def test_a_rule_that_breaks_costs_its_own_findings_only() -> None:
    def breaking(function):
        yield from matching("TST9", r"\bb\b")(function)
        if function.entry.owner.qualname == "Bad":
            raise KeyError("oh\nno")

    text = HEAD + module("Bad", "a", "b") + module("Good", "a", "b")
    analysis = Checker(catalogue(A, registered("TST9", breaking))).analyse(source(text, "dir/a.py"), Settings())
    assert [(judged.finding.code, judged.group) for judged in analysis.judged] == [("TST1", "Bad"), ("TST1", "Good"), ("TST9", "Good")]
    (failure,) = analysis.failures
    assert failure == "dir/a.py:6: internal error: TST9 failed on Bad.forward (KeyError: 'oh\\nno'); please report it, everything else was checked"


def test_a_chain_of_values_longer_than_python_follows_makes_a_rule_silent() -> None:
    steps = "".join(f"    v{number + 1} = v{number}.relu()\n" for number in range(3000))
    loop = "    kept = []\n    for _ in range(3):\n        kept.append(v3000)\n    print(len(kept))\n"
    text = f"import torch\n\n\ndef f(model: torch.nn.Module, x):\n    v0 = model(x)\n{steps}{loop}"
    analysis = Checker(load_catalogue()).analyse(source(text, "dir/a.py"), Settings(select=("LT202",)))
    assert (analysis.judged, analysis.failures) == ((), ())


def test_what_needs_a_measurement_is_withheld_and_counted() -> None:
    analysis = Checker(catalogue(A, replacing("TST2", r"\bb\b", needs=Measurement.PEAK))).analyse(
        source(HEAD + module("Net", "a", "b", "b  # noqa")), Settings()
    )
    assert [judged.finding.code for judged in analysis.judged] == ["TST1"]
    assert analysis.withheld == {"TST2": 1}


def test_only_one_class_is_judged_when_asked() -> None:
    text = HEAD + module("Net", "a") + module("Other", "a") + "def free():\n    a\n"
    rule = replacing("TST1", r"\ba\b", scope=Scope.EVERYWHERE)
    assert codes(text, rule, only="Other") == [("TST1", 12)]
    assert codes(text, rule, only="free") == [("TST1", 16)]
    assert codes(text, rule, only="Absent") == []


GROUPS = """\
from torch import nn
class Net(nn.Module):
    class Inner(nn.Module):
        def forward(self):
            a

    def forward(self):
        def nested():
            a


def free():
    def nested():
        a
"""


def test_findings_belong_to_the_class_or_the_outermost_function() -> None:
    analysis = Checker(catalogue(replacing("TST1", r"\ba\b", scope=Scope.EVERYWHERE))).analyse(source(GROUPS), Settings())
    assert [judged.group for judged in analysis.judged] == ["Net.Inner", "Net", "free"]


def test_an_unparsable_text_is_an_error_with_its_line() -> None:
    with pytest.raises(SourceError, match=r"^a\.py:2: "):
        Checker(catalogue(A)).analyse(source("x = 1\ndef f(:\n"), Settings())


def test_a_tree_at_hand_is_used() -> None:
    text = HEAD + module("Net", "a")
    assert codes(text, A, tree=ast.parse(text.replace("a\n", "b\n"))) == [("TST1", 7)]


PATTERNS = [
    ("a.py", True), ("*.py", True), ("b.py", False), ("tests/*", True), ("tests/*.py", True), ("*/a.py", True), ("other/*", False), ("a", False),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS)
def test_patterns_of_files(pattern: str, expected: bool, tmp_path: Path) -> None:
    assert matches(pattern, tmp_path / "tests" / "a.py", tmp_path) is expected


def test_per_file_ignores(tmp_path: Path) -> None:
    settings = Settings(per_file_ignores={"tests/*": ("TST1",), "b.py": ("TST",)}, root=tmp_path)
    text = HEAD + module("Net", "a")
    assert codes(text, A, B, settings=settings, path=tmp_path / "a.py") == [("TST1", 7), ("TST2", 7)]
    assert codes(text, A, B, settings=settings, path=tmp_path / "tests" / "a.py") == [("TST2", 7)]
    assert codes(text, A, B, settings=settings, path=tmp_path / "b.py") == []


def test_an_unknown_code_is_refused_before_anything_is_judged() -> None:
    with pytest.raises(UsageError, match="TST7"):
        Checker(catalogue(A)).analyse(source("x = 1\n"), Settings(select=("TST7",)))


def test_a_file_that_says_nothing_about_classes_is_not_indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_):
        raise AssertionError("the project was asked")

    monkeypatch.setattr(Checker, "_project", refuse)
    assert codes("import torch\n\n\ndef f(x):\n    a = x\n    return a\n", A) == []


def test_severity_and_place_survive() -> None:
    def speak(function):
        yield Finding("TST1", "tst1", "m", Span(0, 6), function.entry.qualname, Severity.ERROR)

    analysis = Checker(catalogue(registered("TST1", speak))).analyse(source(HEAD + module("Net", "a")), Settings())
    assert [(judged.finding.severity, judged.finding.span, judged.group) for judged in analysis.judged] == [(Severity.ERROR, Span(0, 6), "Net")]
