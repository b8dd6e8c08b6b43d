"""Modules whose inputs are told by a parent in the file, by a docstring, or by what a condition or an error asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from lintorch.worker.describe import Describer, described_tensor
from lintorch.worker.documented import documented_shape
from lintorch.worker.load import Loaded
from lintorch.worker.parents import parents
from lintorch.worker.search import materialise, search
from lintorch.worker.values import Built, Code, Items, Literal, Named, Table, Tensor

Load = Callable[..., Loaded]
BUDGET: Any = {"seconds": 10.0, "bytes": 1 << 30}
NO_HINTS: Any = {"examples": [], "usages": [], "lines": [], "methods": []}
HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n\n"

PARENT = """
class Inner(nn.Module):
    def __init__(self, plan, table):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(plan["sizes"][key], table[key][1]) for key in ("wide", "narrow"))
    def forward(self, parts):
        return sum(layer(parts[key]["value"]) for layer, key in zip(self.layers, ("wide", "narrow")))

def inner():
    return Inner({"sizes": {"wide": 12, "narrow": 6}}, {"wide": (1, 5), "narrow": (2, 5)})

class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = inner()
        self.stem = nn.Linear(8, 18)
    def forward(self, x):
        wide, narrow = self.stem(x).split([12, 6], -1)
        return self.part({"wide": {"value": wide}, "narrow": {"value": narrow}})
"""

MODULES = {
    "what a parent gives, through a function": (PARENT, "Inner"),
    "lists that a condition wants in step": (
        """
class Net(nn.Module):
    def __init__(self, encoders, decoders):
        assert len(encoders) == len(decoders) + 1
        super().__init__()
        self.encoders, self.decoders = nn.ModuleList(encoders), nn.ModuleList(decoders)
    def forward(self, x):
        for part in (*self.encoders, *self.decoders):
            x = part(x)
        return x
""",
        "Net",
    ),
    "a whole shape that a condition compares": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(7, 3)
    def forward(self, x, given):
        y = self.fc(x)
        assert given.shape == (y.shape[0], 4, 3)
        return y.mean() * given
""",
        "Net",
    ),
    "an object of the class that a condition wants": (
        """
class Rule:
    def __init__(self, scale=2.0):
        self.scale = scale
class Net(nn.Module):
    def __init__(self, rule):
        super().__init__()
        if not isinstance(rule, Rule):
            raise TypeError("no rule")
        self.rule, self.fc = rule, nn.Linear(4, 4)
    def forward(self, x):
        return self.fc(x) * self.rule.scale
""",
        "Net",
    ),
    "several inputs with one dimension too many": (
        """
class Net(nn.Module):
    def __init__(self, one, two):
        super().__init__()
        self.fc = nn.Linear(one + two, 3)
    def forward(self, a, b):
        return self.fc(torch.cat((a, b), dim=1))
""",
        "Net",
    ),
    "an input behind a function of autograd": (
        """
class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()
    @staticmethod
    def backward(ctx, grad):
        return grad
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(11, 3)
    def forward(self, x):
        return self.fc(Step.apply(x))
""",
        "Net",
    ),
    "an option that a call finds missing": (
        """
class Net(nn.Module):
    def __init__(self, dim, dilation=None):
        super().__init__()
        self.fc, self.dilation = nn.Linear(dim, dim), dilation
    def forward(self, x):
        return F.pad(self.fc(x), (2 * self.dilation, 0))
""",
        "Net",
    ),
    "an option of the constructor above": (
        """
class Base(nn.Module):
    def __init__(self, settings=None):
        super().__init__()
        self.dim = settings.get("dim", 4)
class Net(Base):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fc = nn.Linear(self.dim, 2)
    def forward(self, x):
        return self.fc(x)
""",
        "Net",
    ),
    "dicts in a list": (
        """
class Net(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model, self.scale = model, nn.Parameter(torch.ones(1))
    def forward(self, features):
        first, second = [self.model(part)["embedding"] for part in features]
        return (first * second).sum() * self.scale
""",
        "Net",
    ),
    "an array": (
        """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, 2)
    def forward(self, x, stats):
        return self.fc(x) * torch.from_numpy(stats).mean()
""",
        "Net",
    ),
    "an input whose gradient it asks for itself": (
        """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, 2)
    def forward(self, x):
        x.requires_grad = False
        return self.fc(x)
""",
        "Net",
    ),
    "a block that a method calls": (
        """
class Block(nn.Module):
    expansion = 2
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, dim * self.expansion)
    def forward(self, x):
        return self.fc(x)
class Net(nn.Module):
    def __init__(self, block, count):
        super().__init__()
        self.head = nn.Linear(8 * block.expansion, 3)
        self.stage = self._stage(block, count)
    def _stage(self, block, count):
        return block(8)
    def forward(self, x):
        return self.head(self.stage(x))
""",
        "Net",
    ),
    "a list of pairs of numbers": (
        """
class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Linear(dim, 2)
    def forward(self, x, sizes: list[tuple[int, int]]):
        return torch.cat(self.fc(x).split([h * w for h, w in sizes], 1), 1)
""",
        "Net",
    ),
    "submodules one after another": (
        """
class Net(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
    def forward(self, x):
        return torch.stack([layer(x) for layer in self.layers])
""",
        "Net",
    ),
    "the name of a class that is evaluated": (
        """
class Mean(nn.Module):
    def forward(self, x):
        return x.mean(1)
class Net(nn.Module):
    def __init__(self, pool: str):
        super().__init__()
        assert Mean is not None
        self.pool, self.fc = eval(pool)(), nn.Linear(32, 2)
    def forward(self, x):
        return self.fc(self.pool(x))
""",
        "Net",
    ),
    "submodules by name": (
        """
class Net(nn.Module):
    def __init__(self, modules=None):
        super().__init__()
        self.mods = nn.ModuleDict(modules or {})
    def forward(self, x):
        return self.mods.encoder(x)
""",
        "Net",
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_reached(project: Load, name: str) -> None:
    text, symbol = MODULES[name]
    loaded = project(symbol, {"net.py": HEAD + text})
    found: Any = search(loaded, NO_HINTS, BUDGET)
    assert "failure" not in found, found
    target, calls = materialise(found, loaded, 0)
    _, args, kwargs = calls[0]
    result = target(*args, **kwargs)
    assert isinstance(result, torch.Tensor) and result.requires_grad and bool(torch.isfinite(result).all())


def test_parents_are_found_through_functions_the_nearest_first(project: Load) -> None:
    text = PARENT + "\nclass Whole(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.outer = Outer()\n"
    assert [kind.__name__ for kind in parents(project("Inner", {"net.py": HEAD + text}))] == ["Outer", "Whole"]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("Args:\n    x (torch.Tensor, optional): features of shape (batch, 257, channels).", (2, 257, 32)),
        ("Args:\n    y: (batch, time)\n    x: an image, BxCxHxW", (2, 32, 16, 16)),
        (":param x: tensor [B, 3, H, W]", (2, 3, 16, 16)),
        ("Parameters\n----------\nx : torch.Tensor\n    Shape is (batch, time, features).\nother : int (a, b)", (2, 16, 32)),
        ("Args:\n    x (Tensor): the input.\n\nReturns:\n    Tensor of shape (B, T)", None),
        ("Args:\n    x (List[int], optional): sizes (default: None, none)", None),
    ],
)
def test_a_docstring_tells_a_shape(text: str, shape: Any) -> None:
    def forward(x: Any) -> Any:
        return x

    forward.__doc__ = text
    assert documented_shape(forward, None, "x") == shape


def test_objects_are_described_by_values_that_make_others_like_them() -> None:
    describe = Describer({}).describe
    assert describe([1, (2.0, None)]) == Items("list", (Literal(1), Items("tuple", (Literal(2.0), Literal(None)))))
    assert describe({"a": torch.float16}) == Table((("a", Code("torch.float16")),))
    assert describe(torch.nn.ReLU) == Named("torch.nn.modules.activation:ReLU")
    linear: Any = describe(torch.nn.Linear(3, 5))
    assert isinstance(linear, Built) and ("=in_features", Literal(3)) in linear.arguments and ("=bias", Literal(True)) in linear.arguments
    assert describe(lambda: None) is None and describe([object()]) is None


@pytest.mark.parametrize(
    ("tensor", "value"),
    [
        (torch.randn(2, 3), Tensor((2, 3), "normal", "float32")),
        (torch.rand(4), Tensor((4,), "unit", "float32")),
        (torch.tensor([0, 7]), Tensor((2,), "ids", "int64", 8)),
        (torch.tensor([True, True]), Tensor((2,), "ones", "bool")),
        (torch.full((2,), float("-inf")), Tensor((2,), "normal", "float32")),
    ],
)
def test_tensors_are_described_by_the_kind_of_their_values(tensor: torch.Tensor, value: Tensor) -> None:
    assert described_tensor(tensor) == value
