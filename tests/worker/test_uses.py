"""What the text of a function says about a parameter, and what kind of value follows from it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest

from lintorch.worker.infer import Place, infer
from lintorch.worker.load import Loaded
from lintorch.worker.uses import Uses, optional_keys, uses_of

Load = Callable[..., Loaded]


def uses(body: str, name: str = "x") -> Uses:
    (tree,) = ast.parse(f"def forward(self, {name}, *rest):\n" + "".join(f"    {line}\n" for line in body.split("\n"))).body
    assert isinstance(tree, ast.FunctionDef)
    return uses_of(tree, name)


@pytest.mark.parametrize(
    ("body", "fact", "value"),
    [
        ("b, c, h, w = x.shape", "rank", 4),
        ("b, n = x.size()", "rank", 2),
        ("return rearrange(x, 'b (h w) c -> b c h w', h=4)", "rank", 3),
        ("first, second = x", "unpacked", 2),
        ("return x['image'] + x['mask']", "keys", ["image", "mask"]),
        ("if x == 'mean':\n    pass", "compared", ["mean"]),
        ("if x in ('sum', 'mean'):\n    pass", "compared", ["sum", "mean"]),
        ("self.kept = x", "stored", ["kept"]),
        ("for part in x:\n    part", "iterated", True),
        ("for layer in x:\n    y = layer(y)", "items_called", True),
        ("for depth, width in x:\n    depth", "item_names", ("depth", "width")),
        ("return x * 2", "arithmetic", True),
        ("return x.nodes.sum()", "attributes", ["nodes"]),
        ("return x.dim()", "methods", ["dim"]),
        ("if x is None:\n    pass", "none_test", True),
        ("return x[:, 1]", "sliced", True),
        ("return len(x)", "length", True),
    ],
)
def test_one_use_says_one_thing(body: str, fact: str, value: Any) -> None:
    assert getattr(uses(body), fact) == value


def test_uses_after_another_value_was_given_the_name_say_nothing() -> None:
    assert uses("x = x.rows\nreturn x.later").attributes == ["rows"]
    assert uses("x = x or self.default\nreturn x.later").attributes == ["later"]


def test_the_callee_and_the_place_are_noted_where_a_value_is_passed_on() -> None:
    found = uses("return self.layer(rest, x) + other(named=x)")
    assert [(ast.unparse(callee), key) for callee, key in found.passed] == [("self.layer", 1), ("other", "named")]


def test_keys_that_can_be_done_without() -> None:
    (tree,) = ast.parse("def f(self, **options):\n    options.get('norm')\n    options.pop('act', None)\n    options['width']\n    self.get('other')\n").body
    assert isinstance(tree, ast.FunctionDef)
    assert optional_keys(tree, "options") == ["norm", "act"]


NET = """import torch
from torch import nn

def helper(count, rate):
    return nn.Dropout(rate), [0 for _ in range(count)]

class Net(nn.Module):
    def __init__(self, width, depth, rate, kind, sizes, make, block, flag):
        super().__init__()
        self.fc = nn.Linear(width, 4)
        self.drop, self.many = helper(depth, rate)
        assert kind in ("sum", "mean")
        self.more = [nn.Linear(size, size) for size in sizes]
        self.act = make()
        self.block = block
        if flag:
            self.extra = 1

    def forward(self, x):
        return self.block(self.fc(x))
"""


@pytest.mark.parametrize(
    ("name", "kind"),
    [("width", "int"), ("depth", "number"), ("rate", "float"), ("kind", "choice"), ("sizes", "sequence"), ("make", "factory"), ("flag", "bool")],
)
def test_the_kind_of_a_value_follows_from_its_uses(name: str, kind: str, project: Load) -> None:
    target: Any = project("Net", {"net.py": NET}).object
    assert infer(Place(target.__init__, target, building=True), name).kind == kind


def test_the_input_of_a_layer_is_a_tensor(project: Load) -> None:
    target: Any = project("Net", {"net.py": NET}).object
    assert infer(Place(target.forward, target), "x").kind in ("tensor", "unknown")
    assert infer(Place(target.__init__, target, building=True), "block").kind in ("module", "function", "factory")
