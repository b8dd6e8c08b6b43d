"""The recipes for servers and hooks: each is YAML of the form its reader expects, and each command in it is one that lintorch takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from lintorch.cli.arguments import FORMATS, parse_arguments
from tests.project_rules.code import ROOT

yaml = pytest.importorskip("yaml")

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)
HOOKS = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}


def commands(value: Any) -> Iterator[str]:
    """Every command of a recipe that runs lintorch."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        yield from (command for item in value for command in commands(item))
    elif isinstance(value, str) and value.startswith("lintorch "):
        yield value


def test_every_block_of_yaml_is_a_recipe() -> None:
    assert len(BLOCKS) == PAGE.count("```yaml") >= 5
    assert {file.split("/")[0] for file, _ in BLOCKS} == {".github", ".gitlab-ci.yml", ".pre-commit-config.yaml"}


@pytest.mark.parametrize(("file", "text"), BLOCKS)
def test_a_recipe_is_what_its_reader_takes(file: str, text: str) -> None:
    recipe = yaml.safe_load(text)
    for command in commands(recipe):
        parse_arguments(shlex.split(command)[1:])
    if file == ".pre-commit-config.yaml":
        from cfgv import apply_defaults, validate
        from pre_commit.clientlib import CONFIG_SCHEMA

        assert {hook["id"] for repo in validate(apply_defaults(recipe, CONFIG_SCHEMA), CONFIG_SCHEMA)["repos"] for hook in repo["hooks"]} <= HOOKS
    else:
        assert list(commands(recipe))


def test_every_format_has_its_row() -> None:
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)))) - {"format"} == set(FORMATS)
