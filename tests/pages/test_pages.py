"""Every example on every rule's page is true: what speaks speaks there, what is silent is silent, what is fixed is the fix.

One function per kind of statement that a page makes, hundreds of examples as data. What a retention rule's page says it measured is run
in tests/witness/test_retention_pages.py.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable
from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.engine.repair import repair
from lintorch.rule import Finding
from lintorch.settings import Settings
from lintorch.source.text import Source
from lintorch.verify.verdict import Status, Verdict
from tests.pages.examples import Example, cases, examples

BAD, GOOD = list(examples("bad")), list(examples("good"))
FIXED = [example for example in BAD if example.fixed]
EXECUTED = [example for example in FIXED if example.inputs]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of its own, so that nothing round the checkout is known to the examples."""
    root = tmp_path_factory.mktemp("page")
    (root / "pyproject.toml").write_text("")
    return root


def findings(folder: Path, text: str, codes: Iterable[str] = ()) -> tuple[Source, list[Finding]]:
    """What lintorch says about a text with these codes selected, or with the default rules."""
    source = Source.from_bytes(folder / "example.py", text.encode())
    checker, settings = Checker(load_catalogue()), Settings(select=tuple(codes), root=folder)
    # What waits for a measurement is what the page marks; whether a peak falls is another test's question.
    analyses = [checker.analyse(source, settings), checker.analyse(source, settings, measuring=True)]
    assert not any(analysis.failures for analysis in analyses)
    return source, [judged.finding for analysis in analyses for judged in analysis.judged]


def repaired(folder: Path, text: str, codes: Iterable[str]) -> str:
    """What `--fix` makes of a text where every verdict allows it."""
    source = Source.from_bytes(folder / "example.py", text.encode())
    result = repair(
        Checker(load_catalogue()), Settings(select=tuple(codes), root=folder), lambda change: Verdict(Status.TESTED, peak_bytes=(2, 1)), source, in_place=True
    )
    assert not result.failures
    return text if result.text is None else result.text


@pytest.mark.parametrize("example", cases(iter(BAD)))
def test_bad_blocks_are_reported_where_they_are_marked(example: Example, folder: Path) -> None:
    source, found = findings(folder, example.block.text, example.codes)
    seen = sorted((source.position(finding.span.start).line, finding.code) for finding in found)
    assert seen == sorted((mark.line, code) for mark in example.block.marks for code in mark.codes)
    for mark in example.block.marks:
        messages = [finding.message for finding in found if source.position(finding.span.start).line == mark.line]
        assert mark.message is None or any(mark.message in message for message in messages), messages


@pytest.mark.parametrize("example", cases(iter(GOOD)))
def test_good_blocks_are_silent(example: Example, folder: Path) -> None:
    assert findings(folder, example.block.text, [example.registered.code])[1] == []
    assert findings(folder, example.block.text)[1] == []


@pytest.mark.parametrize("example", cases(iter(FIXED)))
def test_fixed_block_is_the_fix(example: Example, folder: Path) -> None:
    assert example.fixed is not None
    assert repaired(folder, example.block.text, example.codes) == example.fixed.text


@pytest.mark.parametrize("example", cases(iter(FIXED)))
def test_fix_is_stable_on_a_second_pass(example: Example, folder: Path) -> None:
    once = repaired(folder, example.block.text, example.codes)
    assert findings(folder, once, example.codes)[1] == []


@pytest.mark.parametrize("example", cases(iter(EXECUTED)))
def test_fix_changes_no_output_and_no_gradient(example: Example) -> None:
    execute = pytest.importorskip("tests.pages.execute")
    assert example.fixed is not None
    for line in example.inputs:
        assert execute.differences(example.block.text, example.fixed.text, line) == []


@pytest.mark.parametrize("registered", load_catalogue().rules, ids=lambda registered: registered.code)
def test_pages_with_a_fix_execute_one(registered) -> None:
    """By an inputs block, or by the witness block of a retention rule's page."""
    mine = [example for example in FIXED if example.registered is registered]
    executed = any(example.inputs for example in mine) or any(block.kind == "witness" for block in registered.page.blocks)
    assert executed or not mine, "give at least one fixed example an inputs block"


@pytest.mark.parametrize("example", cases(iter([*BAD, *GOOD])))
def test_examples_are_whole_programs(example: Example) -> None:
    """A reader can paste an example: it parses and imports what it names."""
    tree = ast.parse(example.block.text)
    imported = {alias.asname or alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & {"torch", "nn", "F", "np"}
    assert used <= imported


@pytest.mark.parametrize("example", cases(iter(BAD)))
def test_messages_are_short_statements(example: Example, folder: Path) -> None:
    """As compilers put it: no capital at the start unless it is a name from the code, no full stop, one line."""
    for finding in findings(folder, example.block.text, example.codes)[1]:
        message = finding.message
        assert message, "says nothing"
        assert message[0].islower() or message[0] in "`'" or message.split()[0] in example.block.text, message
        assert not message.endswith((".", "!")) and "\n" not in message, message
        assert len(message) <= 200, message


def test_harness_sees_a_mark_that_is_not_true(folder: Path) -> None:
    """The comparison itself can fail: each marked block with its marks a line lower is refused."""
    example = BAD[0]
    moved = tuple(dataclasses.replace(mark, line=mark.line + 1) for mark in example.block.marks)
    wrong = dataclasses.replace(example, block=dataclasses.replace(example.block, marks=moved))
    with pytest.raises(AssertionError):
        test_bad_blocks_are_reported_where_they_are_marked(wrong, folder)
