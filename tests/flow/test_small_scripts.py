"""Small scripts of many kinds, in pairs that leak and look-alikes that do not: every marked line is reported with its code, and no other.

In the second file models and criteria are mostly handed in; the third asks after modes, frozen models and handed-in optimizers too. Those of the
fourth were written before anybody saw what is said of them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.settings import Settings
from lintorch.source.text import Source

_TEXTS = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("small_scripts*.txt"))]
_SCRIPTS = [script for text in _TEXTS for script in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]]
_MARK = re.compile(r"#! (.*)")


def _named(script: str) -> tuple[str, str]:
    name, _, text = script.partition("\n")
    return name, text


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker(load_catalogue())


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in map(_named, _SCRIPTS)])
def test_what_is_reported(text: str, checker: Checker, tmp_path: Path) -> None:
    source = Source.from_bytes(str(tmp_path / "script.py"), text.encode())
    analysis = checker.analyse(source, Settings(select=("LT2",)))
    found = {(source.position(judged.finding.span.start).line, judged.finding.code) for judged in analysis.judged}
    marked = {(number, code) for number, line in enumerate(text.splitlines(), 1) if (mark := _MARK.search(line)) for code in mark[1].split()}
    assert not analysis.failures
    assert found == marked
