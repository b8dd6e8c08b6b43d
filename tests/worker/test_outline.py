"""The outline of a script: only definitions are left, every line where it was, whatever shares a line with what."""

from __future__ import annotations

import ast

import pytest

from lintorch.worker.outline import outline

TEXTS = [
    pytest.param("import torch\nx = torch.load('a'); y = x.run(1)\nz = 3\n", id="two statements of a line"),
    pytest.param("import torch\nmodel = torch.load('a')\ntick(2); output = model(images)\nassert output; assert x\n", id="a tick before one"),
    pytest.param("def f(x):\n    assert x; y = x\n    return y\nf(\n    2\n); f(3)\n", id="an assert, and a statement over lines"),
    pytest.param("if run():\n    assert x\nelse: assert y; z = 1\n", id="asserts in what goes"),
]


@pytest.mark.parametrize("text", TEXTS)
def test_statements_that_share_a_line_are_told_apart(text: str) -> None:
    made = outline(text)
    tree = ast.parse(made)
    assert made.count("\n") == text.count("\n")
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
