"""Small scripts of many kinds, in pairs that leak and look-alikes that do not: every marked line is reported with its code, and no other.

What a file of them is about, by the end of its name: models and criteria that are handed in; modes, frozen models and optimizers handed in; what was
written before anybody saw what is said of it (blind); edges of what is kept; operations and modules without parameters; where graphs come from
(sources); gradients switched off elsewhere (switched); look-alikes alone (silent).
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
