"""Values of another kind than first guessed: each module runs only when one of its arguments is no plain tensor or number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lintorch.worker.load import Loaded
from lintorch.worker.search import search

Load = Callable[..., Loaded]
BUDGET: Any = {"seconds": 20.0, "bytes": 1 << 30}
HEAD = "import torch\nfrom torch import nn\nfrom torch.nn.utils.rnn import PackedSequence, pad_packed_sequence\nimport torch.nn.functional as F\n\n"

MODULES = {
    "a function handed down as an argument": """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, dim)
    def inner(self, x, rule):
        return rule(x)
    def forward(self, x, allowed):
        return self.inner(self.fc(x), allowed)
""",
    "a packed sequence": """
class Net(nn.Module):
    def __init__(self, input_size, hidden):
        super().__init__()
        self.rnn = nn.LSTM(input_size, hidden, batch_first=True)
    def forward(self, x):
        assert isinstance(x, PackedSequence)
        return pad_packed_sequence(self.rnn(x)[0], batch_first=True)[0]
""",
    "a switch whose other branch sets what is read": """
class Net(nn.Module):
    def __init__(self, dim, use_prompt=False):
        super().__init__()
        if use_prompt:
            self.prompt = nn.Parameter(torch.ones(dim))
    def forward(self, x):
        return x * self.prompt
""",
    "options that are asked for by key": """
class Net(nn.Module):
    def __init__(self, dim, **options):
        super().__init__()
        self.norm = options.get("norm_layer")(dim)
        self.act = options.pop("act_layer", None)()
    def forward(self, x):
        return self.act(self.norm(x))
""",
    "a list of dicts": """
class Net(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        for block in blocks:
            block["stride"] = 1
        self.convs = nn.ModuleList([nn.Conv1d(block["width"], 8, 3, block["stride"]) for block in blocks])
    def forward(self, x):
        return sum(conv(x) for conv in self.convs)
""",
    "a negative dimension": """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, dim)
    def forward(self, x, dim):
        assert dim == -2
        return self.fc(x).sum(dim)
""",
    "branches counted by an option": """
class Net(nn.Module):
    def __init__(self, dim, num_branches=0):
        super().__init__()
        self.branches = nn.ModuleList(nn.Linear(dim, 4) for _ in range(num_branches))
    def forward(self, x):
        return torch.stack([branch(x) for branch in self.branches])
""",
    "frames whose sides are too small": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
    def forward(self, x):
        b, n, c, h, w = x.shape
        y = F.interpolate(x.view(-1, c, h, w), size=(h // 32, w // 32), mode="bilinear")
        return self.conv(y).view(b, n, 4, h // 32, w // 32)
""",
}


@pytest.mark.parametrize("name", MODULES)
def test_a_value_of_another_kind_is_found(name: str, project: Load) -> None:
    found: Any = search(project("Net", {"net.py": HEAD + MODULES[name]}), {"examples": [], "usages": [], "lines": [], "methods": []}, BUDGET)
    assert "failure" not in found, found


def test_nothing_stands_for_a_text_that_names_nothing(project: Load) -> None:
    text = HEAD + (
        "class Net(nn.Module):\n    def __init__(self, dim, act_config: str):\n        super().__init__()\n"
        "        self.act = eval(act_config)() if act_config is not None else nn.ReLU()\n        self.fc = nn.Linear(dim, dim)\n"
        "    def forward(self, x):\n        return self.act(self.fc(x))\n"
    )
    found: Any = search(project("Net", {"net.py": text}), {"examples": [], "usages": [], "lines": [], "methods": []}, BUDGET)
    assert "failure" not in found, found
    assert "None" in found["hint"]
