"""What a forward leaves on self, and whether anybody reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintorch.flow.function import FunctionFlow
from lintorch.project.project import Project
from lintorch.source.text import Source
from tests.flow.flows import flow_of

HEADER = "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.layer = nn.Linear(4, 4)\n\n"


def stored(body: str, rest: str = "") -> list[tuple[str, bool]]:
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    flow = flow_of(f"{HEADER}    def forward(self, x):\n{lines}        return self.layer(x)\n{rest}", "Net.forward")
    return [(activation.name, activation.grows) for activation in flow.training.stored_activations]


@pytest.mark.parametrize(
    ("body", "rest", "expected"),
    [
        pytest.param("self.kept = self.layer(x)", "", [("kept", False)], id="stored"),
        pytest.param("self.kept['a'] = self.layer(x)", "", [("kept", False)], id="under a key"),
        pytest.param("self.kept.append(self.layer(x))", "", [("kept", True)], id="appended"),
        pytest.param("self.kept.append(self.layer(x))", "\n    def reset(self):\n        self.kept.clear()\n", [("kept", False)], id="appended and emptied"),
        pytest.param("self.kept = x", "", [], id="the input as it came"),
        pytest.param("self.kept = self.layer(x).detach()", "", [], id="detached"),
        pytest.param("self.kept = self.kept + self.layer(x)", "", [], id="state"),
        pytest.param("self.kept = self.layer(x)", "\n    def show(self):\n        return self.kept.cpu().detach().numpy()\n", [("kept", False)], id="read cut"),
        pytest.param("self.kept = self.layer(x)", "\n    def loss(self):\n        return self.kept.mean()\n", [], id="read into a loss"),
        pytest.param("self.kept = self.layer(x)", "\n\ndef loss(net):\n    return net.kept.mean()\n", [], id="read by somebody"),
        pytest.param("self.kept = self.layer(x)", "\n\ndef loss(net):\n    return getattr(net, 'kept')\n", [], id="named in a string"),
        pytest.param(
            "self.kept = self.layer(x)",
            "\n\nclass Other:\n    def loss(self):\n        return self.kept.mean()\n",
            [("kept", False)],
            id="an attribute of another class",
        ),
        pytest.param("self.kept = self.layer(x)", "\n\nclass Sub(Net):\n    def loss(self):\n        return self.kept.mean()\n", [], id="read by a subclass"),
    ],
)
def test_what_forward_leaves_on_self(body: str, rest: str, expected: list[tuple[str, bool]]) -> None:
    assert stored(body, rest) == expected


@pytest.mark.parametrize(
    ("other", "reported"),
    [
        pytest.param("import torch\n\ndef f(net):\n    return net.kept.mean()\n", False, id="a read in another file"),
        pytest.param("import torch\n\nclass B:\n    def f(self):\n        return self.kept\n", True, id="an attribute of an unrelated class"),
        pytest.param("import torch\nfrom net import Net\n\nclass B(Net):\n    def f(self):\n        return self.kept\n", False, id="of a subclass"),
        pytest.param("def f(net):\n    return net.kept.mean()\n", True, id="a file without torch"),
    ],
)
def test_what_other_files_read(tmp_path: Path, other: str, reported: bool) -> None:
    (tmp_path / "other.py").write_text(other, encoding="utf-8")
    code = f"{HEADER}    def forward(self, x):\n        self.kept = self.layer(x)\n        return self.layer(x)\n"
    (tmp_path / "net.py").write_text(code, encoding="utf-8")
    project = Project(tmp_path, ())
    module = project.load(Source.from_bytes(str(tmp_path / "net.py"), code.encode()))
    flow = FunctionFlow(module.functions["Net.forward"], module, project)
    assert bool(flow.training.stored_activations) is reported
