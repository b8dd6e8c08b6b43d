"""The cheap look at the syntax tree that decides which functions are worth libcst loses no finding: with the gate open, the findings are the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine import check
from lintorch.engine.check import Checker
from lintorch.flow.keeping_gate import KeepingGate
from lintorch.rule import Seed
from lintorch.settings import Settings
from lintorch.source.text import Source
from tests.pages.examples import Example, cases, examples

# What flow asks of the syntax before it looks for what keeps graphs.
GATES = [name for name, value in vars(KeepingGate).items() if isinstance(value, property) and not name.startswith("_")]


def findings(source: Source) -> list[tuple[str, tuple[int, int]]]:
    analysis = Checker(load_catalogue()).analyse(source, Settings(select=("ALL",), root=source.path.parent))
    assert not analysis.failures
    return [(judged.finding.code, judged.finding.span) for judged in analysis.judged]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Opens the gate; holds how many functions would have been kept out."""
    kept_out = [0]
    closed = check.seeds

    def open_gate(*arguments: object) -> frozenset[Seed]:
        kept_out[0] += not closed(*arguments)
        return frozenset(Seed)

    monkeypatch.setattr(check, "seeds", open_gate)
    for name in GATES:
        monkeypatch.setattr(KeepingGate, name, True)
    return kept_out


@pytest.mark.parametrize("example", cases(iter([*examples("bad"), *examples("good")])))
def test_the_gate_loses_no_finding_on_pages(example: Example, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    source = Source.from_bytes(tmp_path / "example.py", example.block.text.encode())
    gated = findings(source)
    request.getfixturevalue("counted")
    assert findings(source) == gated


def test_the_gate_loses_no_finding_on_the_modules_of_torch(request: pytest.FixtureRequest) -> None:
    torch = importlib.util.find_spec("torch")
    assert torch is not None and torch.origin is not None
    sources = [Source.read(path) for path in sorted((Path(torch.origin).parent / "nn" / "modules").glob("*.py"))]
    gated = [findings(source) for source in sources]
    kept_out = request.getfixturevalue("counted")
    assert [findings(source) for source in sources] == gated
    assert sum(map(len, gated)) > 0
    assert kept_out[0] > 100


def test_the_gate_loses_no_finding_on_fixtures(request: pytest.FixtureRequest) -> None:
    sources = [Source.read(path) for path in sorted((Path(__file__).parents[2] / "fixtures").rglob("*.py"))]
    gated = [findings(source) for source in sources]
    request.getfixturevalue("counted")
    assert [findings(source) for source in sources] == gated
    assert sum(map(len, gated)) > 80


HEAD = "import torch\n\n\nclass Net(torch.nn.Module):\n    def forward(self, x, c):\n"
# Ways in which a name may have no value, or have one, where it is bound only to be returned; those marked True are reported.
BODIES = [
    ("x = self.f(x)\nreturn x", False),
    ("y = self.f(x)\nreturn y", True),
    ("y = self.f(x)\ny = self.g(y)\nreturn y", False),
    ("if c:\n    y = self.f(x)\ny = self.g(x)\nreturn y", False),
    ("if c:\n    y = self.f(x)\n    return y\nreturn x", True),
    ("del x\nx = self.f(c)\nreturn x", True),
    ("return c\nx = self.f(x)\nreturn x", True),
    ("if c:\n    return c\nelse:\n    return x\nx = self.f(x)\nreturn x", True),
    ("while True:\n    c = self.g(c)\nx = self.f(x)\nreturn x", True),
    ("try:\n    self.g(c)\nexcept ValueError as x:\n    pass\nx = self.f(c)\nreturn x", False),
    ("y = self.f(x)\nx = y\nreturn x", True),
    ("with torch.no_grad():\n    y = self.f(x)\nreturn y", True),
    ("with torch.no_grad():\n    x = self.f(x)\nreturn x", False),
]


@pytest.mark.parametrize(("body", "reported"), BODIES)
def test_a_name_that_may_be_fresh_is_looked_at(body: str, reported: bool, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = HEAD + "".join(f"        {line}\n" for line in body.split("\n"))
    source = Source.from_bytes(tmp_path / "net.py", text.encode())
    gated = findings(source)
    request.getfixturevalue("counted")
    assert findings(source) == gated
    assert ("LT101" in [code for code, _ in gated]) == reported
