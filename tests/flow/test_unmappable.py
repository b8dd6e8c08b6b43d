"""A function that libcst refuses, though Python takes it, is unknown wherever another asks for it: that ends nothing and makes nothing be reported."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.settings import Settings
from lintorch.source.text import Source
from tests.flow.test_small_scripts import _SCRIPTS, _named

_REFUSED = "return* 0"


def functions(text: str) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef) and "\n" in (ast.get_source_segment(text, node) or "")]


def refused(text: str) -> Iterator[tuple[ast.FunctionDef, str]]:
    """The text with one function in turn made to end as libcst does not like it."""
    for function in functions(text):
        lines = text.splitlines()
        lines.insert(function.end_lineno or 0, " " * function.body[0].col_offset + _REFUSED)
        yield function, "\n".join(lines) + "\n"


def reported(text: str, checker: Checker) -> tuple[set[tuple[str, str]], tuple[str, ...]]:
    source = Source.from_bytes("/nowhere/script.py", text.encode())
    analysis = checker.analyse(source, Settings(select=("LT2",)))
    lines = [source.position(judged.finding.span.start).line for judged in analysis.judged]
    return {(text.splitlines()[line - 1].strip(), judged.finding.code) for line, judged in zip(lines, analysis.judged, strict=True)}, analysis.failures


def several(script: str) -> bool:
    return len(functions(_named(script)[1])) > 1


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker(load_catalogue())


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in map(_named, filter(several, _SCRIPTS))])
def test_a_function_that_libcst_refuses_makes_others_silent_and_no_louder(text: str, checker: Checker) -> None:
    all_of_it, _ = reported(text, checker)
    for _, changed in refused(text):
        found, failures = reported(changed, checker)
        assert found <= all_of_it
        assert not any("Error" in failure for failure in failures), failures
