"""A file while it is edited: one function judged again says what a look at the whole file says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.engine.live import Judgment, judge, judge_edit
from lintorch.engine.result import Diagnostic
from lintorch.settings import Settings
from lintorch.source.text import Source

FIXTURES = Path(__file__).parents[2] / "fixtures"
_LINE = re.compile(r"lines? \d+")
EVERYTHING = Settings(select=("LT1", "LT2"), line_length=120)
PAIR = """\
import torch
from torch import nn


class Net(nn.Module):
    scale = 2

    def forward(self, x):
        y = x.relu()
        return y

    def extra(self, x):
        return x


def free(model, loader, criterion):
    total = 0
    for x, y in loader:
        loss = criterion(model(x), y)
        loss.backward()
        total += loss
    return total
"""


def source(text: str, path: Path = Path("net.py")) -> Source:
    return Source.of_text(path, text)


def told(judgment: Judgment) -> list[Diagnostic]:
    """The findings without the numbers of lines in what they say, which are put right when the whole is judged."""
    return [replace(one, message=_LINE.sub("", one.message), evidence=(), retains=None) for one in judgment.diagnostics]


def after(text: str, edited: str, settings: Settings = EVERYTHING) -> Judgment | None:
    checker = Checker(load_catalogue())
    return judge_edit(checker, judge(checker, source(text), settings), source(edited))


def edits(text: str) -> Iterator[str]:
    """The text with a comment, or a line, put into each function; neither says anything to other functions."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        found = re.match(r"( *)(?:async )?def .*:\n", line)
        if found and re.match(r" *[\w(]", lines[number + 1]):
            indent = re.match(" *", lines[number + 1])[0]
            yield "".join([*lines[: number + 1], f"{indent}fresh = len('é')\n", *lines[number + 1 :]])
            yield "".join([*lines[:number], line.replace(":\n", ":  # seen\n"), *lines[number + 1 :]])


@pytest.mark.parametrize("folder", ["models", "shapes", "retention"])
def test_one_function_says_what_the_whole_says(folder: str) -> None:
    checker, afresh = Checker(load_catalogue()), Checker(load_catalogue())
    count = 0
    for path in sorted((FIXTURES / folder).glob("*.py")):
        text = path.read_text()
        for edited in list(edits(text))[:1]:
            known = judge(checker, source(text, path), EVERYTHING)
            quick = judge_edit(checker, known, source(edited, path))
            assert quick is not None, edited
            assert not quick.whole
            whole = judge(afresh, source(edited, path), EVERYTHING)
            # What a fix would do within the edited function is known when the whole was judged.
            assert told(quick) == [replace(one, fix=one.fix and other.fix) for one, other in zip(told(whole), told(quick), strict=True)]
            count += 1
    assert count >= 3


SMALL = [
    pytest.param(lambda text: text.replace("        return y\n", "        return y + 1\n"), "LT201", id="a finding goes"),
    pytest.param(lambda text: text.replace("        return x\n", "        z = x\n        return z\n"), "LT101 LT201", id="a method nobody calls"),
    pytest.param(lambda text: text.replace("loss\n    return", "loss.item()\n    return"), "LT101", id="a function"),
    pytest.param(lambda text: text + "    # behind\n", "LT101 LT201", id="behind the last line"),
    pytest.param(lambda text: text.replace("\n    def extra", "        # more\n\n    def extra"), "LT101 LT201", id="at the end of a method"),
    pytest.param(lambda text: text.replace("(self, x):\n        y", "(self, x, *rest):\n        y"), "LT101 LT201", id="its parameters"),
]


@pytest.mark.parametrize(("edit", "codes"), SMALL)
def test_edits_inside_one_function(edit: Callable[[str], str], codes: str) -> None:
    text = edit(PAIR)
    quick = after(PAIR, text, Settings(line_length=88))
    assert quick is not None
    assert [one.code for one in told(quick)] == codes.split()
    assert told(quick) == told(judge(Checker(load_catalogue()), source(text), Settings(line_length=88)))


LARGE = [
    pytest.param(PAIR.replace("scale = 2", "scale = 3"), id="a class's own line"),
    pytest.param(PAIR.replace("import torch\n", "import torch\nimport math\n"), id="an import"),
    pytest.param(PAIR.replace("y = x.relu()", "y = x.tanh()").replace("total = 0", "total = 1"), id="two functions"),
    pytest.param(PAIR.replace("def extra", "def other"), id="another name"),
    pytest.param(PAIR.replace("        return y\n", "        return (y\n"), id="what does not parse"),
    pytest.param(PAIR.replace("        return y\n", "        return y\n\n    def more(self):\n        pass\n"), id="a second method"),
    pytest.param(
        PAIR.replace("        return y\n", "        return '''\n").replace("    total = 0\n", "    total = '''"), id="a string that swallows the next"
    ),
    pytest.param(PAIR.replace("        y = x.relu()\n        return y\n", ""), id="a body that goes"),
    pytest.param("# This file is automatically generated; do not edit.\n" + PAIR, id="a file that is not looked at"),
]


@pytest.mark.parametrize("edited", LARGE)
def test_edits_that_take_a_look_at_the_whole(edited: str) -> None:
    assert after(PAIR, edited) is None


def test_edits_follow_each_other() -> None:
    checker = Checker(load_catalogue())
    judgment = judge(checker, source(PAIR), EVERYTHING)
    text = PAIR
    for old, new in (("x.relu()", "x.tanh()"), ("        return x\n", "\n\n        return x\n"), ("total = 0", "total = 1"), ("x.tanh()", "x.tanh(\n)")):
        text = text.replace(old, new)
        edited = judge_edit(checker, judgment, source(text))
        assert edited is not None
        judgment = edited
    assert told(judgment) == told(judge(Checker(load_catalogue()), source(text), EVERYTHING))


@pytest.mark.parametrize(("file", "exclude", "silent"), [("build/net.py", (), True), ("net.py", ("net.py",), True), ("net.py", ("other.py",), False)])
def test_what_a_walk_passes_over_is_silent_while_it_is_open(tmp_path: Path, file: str, exclude: tuple[str, ...], silent: bool) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("build/\n")
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    settings = replace(EVERYTHING, root=tmp_path, exclude=exclude)
    checker = Checker(load_catalogue())
    known = judge(checker, source(PAIR, path), settings)
    assert (known.diagnostics == ()) is silent
    assert (judge_edit(checker, known, source(PAIR.replace("x.relu()", "x.relu() "), path)) is None) is silent


def test_a_checker_whose_looks_nobody_asks_for_keeps_none(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text("class Base:\n    pass\n")
    text = "from base import Base\n" + PAIR.replace("nn.Module)", "Base, nn.Module)")
    told, silent = Checker(load_catalogue(), tells_seen=True), Checker(load_catalogue())
    for checker in (told, silent):
        judge(checker, source(text, tmp_path / "net.py"), EVERYTHING)
    assert told.seen
    assert not silent.seen
