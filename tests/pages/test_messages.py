"""What a page says that a rule says is what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lintorch.catalogue import RegisteredRule, load_catalogue
from lintorch.engine.check import Checker
from lintorch.settings import Settings
from lintorch.source.text import Source

TOLD = [rule for rule in load_catalogue().rules if "**Message**" in rule.page.text]
# A word in capitals stands for what the code holds there; three points for what another message on the page ends with.
_STANDS_FOR = re.compile(r"\b[A-Z]{3,}\b|\b[NX]\b|(?<!\()\.\.\.")


def quoted(page: str) -> list[str]:
    """The messages on a page, as patterns."""
    paragraph = page.partition("**Message**")[2].partition("\n\n")[0]
    return [_pattern(text) for text in re.findall(r"``(?!`) ?(.+?) ?``(?!`)", paragraph)]


def _pattern(text: str) -> str:
    parts = _STANDS_FOR.split(text)
    return ".+".join(re.escape(part) for part in parts)


def messages(rule: RegisteredRule, folder: Path) -> list[str]:
    checker, settings = Checker(load_catalogue()), Settings(select=(rule.code,), root=folder)
    bad = (block.text for block in rule.page.blocks if block.kind == "bad")
    analyses = (checker.analyse(Source.from_bytes(folder / "example.py", text.encode()), settings) for text in bad)
    return [judged.finding.message for analysis in analyses for judged in analysis.judged]


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.name) for rule in TOLD])
def test_a_message_on_a_page_is_one_of_the_rule(rule: RegisteredRule, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    given, patterns = messages(rule, tmp_path), quoted(rule.page.text)
    assert given and patterns
    assert any(re.fullmatch(patterns[0], message) for message in given), (patterns[0], given)
    unlike = [pattern for pattern in patterns if not any(re.search(pattern, message) for message in given)]
    assert not unlike, (unlike, given)
