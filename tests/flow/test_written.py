"""What is written where gradients are turned off or tensors go to a context, in files of many habits; and where nothing is."""

from __future__ import annotations

import pytest

from lintorch.source.text import Source
from tests.fuzz.invariants import examine_fix, fix

EVALUATE = "def evaluate(model, loader):\n    model.eval()\n    total = 0.0\n    for x in loader:\n        total += model(x).sum().item()\n    return total\n"
NN = "from torch import nn\n"


def written(text: str, codes: str) -> str | None:
    source = Source.from_bytes("/nowhere/file.py", text.encode())
    result = fix(source, codes)
    if result.text is not None:
        examine_fix(source, result, codes)
    return result.text


def typed(text: str) -> str:
    return text.replace("model, loader", "model: nn.Module, loader")


SPELLED = {
    "import torch": ("import torch\n", "torch.no_grad"),
    "import torch as t": ("import torch as t\n", "t.no_grad"),
    "import torch.nn": ("import torch.nn\n", "torch.no_grad"),
    "from torch import no_grad": ("from torch import no_grad\n", "no_grad"),
    "from torch import no_grad as off": ("from torch import cuda, no_grad as off\n", "off"),
    "behind others": ("import os\nimport sys, torch\n", "torch.no_grad"),
}


@pytest.mark.parametrize(("imports", "spelled"), SPELLED.values(), ids=SPELLED)
def test_no_grad_is_written_as_the_file_can(imports: str, spelled: str) -> None:
    text = written(imports + NN + typed(EVALUATE), "LT203")
    assert text is not None
    assert f"{spelled}()" in text


@pytest.mark.parametrize(
    "imports", ["", "import torch.nn as tnn\n", "from .torch import no_grad\n", "def f():\n    import torch\n", "from torch import cuda\n"]
)
def test_nothing_is_written_where_the_file_cannot(imports: str) -> None:
    assert written(imports + NN + typed(EVALUATE), "LT203") is None


@pytest.mark.parametrize("habit", ["\r\n", "tabs", "two"])
def test_line_ends_and_indentation_are_the_files_own(habit: str) -> None:
    plain = written("import torch\n" + NN + typed(EVALUATE), "LT203")
    assert plain is not None
    change = {"\r\n": ("\n", "\r\n"), "tabs": ("    ", "\t"), "two": ("    ", "  ")}[habit]
    assert written(("import torch\n" + NN + typed(EVALUATE)).replace(*change), "LT203") == plain.replace(*change)


SAVED = (
    "import torch\n\n\nclass Exp(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        y = x.exp()\n        ctx.y = y\n"
    "        return y\n\n    @staticmethod\n    def backward(ctx, grad):\n        return grad * ctx.y\n"
)
ODD = {
    "two returns": ("        return y\n", "        if x.numel():\n            return y\n        return y\n"),
    "on one way only": ("        ctx.y = y\n", "        if x.numel():\n            ctx.y = y\n"),
    "stored twice": ("        ctx.y = y\n", "        ctx.y = y\n        ctx.y = y\n"),
    "two targets": ("ctx.y = y", "ctx.y = ctx.z = y"),
    "changed in place": ("return grad * ctx.y", "return grad.mul_(ctx.y)"),
    "saved already": ("        ctx.y = y\n", "        ctx.y = y\n        ctx.save_for_backward(x)\n"),
    "read elsewhere": ("    @staticmethod\n    def backward", "    def other(ctx):\n        return ctx.y\n\n    @staticmethod\n    def backward"),
}


def test_tensors_go_to_save_for_backward() -> None:
    text = written(SAVED, "LT209")
    assert text is not None
    assert "ctx.save_for_backward(y)" in text
    assert "ctx.saved_tensors" in text


@pytest.mark.parametrize(("old", "new"), ODD.values(), ids=ODD)
def test_where_it_is_more_than_a_change_of_place_nothing_is_written(old: str, new: str) -> None:
    assert old in SAVED
    assert written(SAVED.replace(old, new), "LT209") is None
