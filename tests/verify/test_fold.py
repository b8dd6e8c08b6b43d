"""Folding computes what Python would, of constants and names of constants, and says nothing of anything else."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lintorch.verify.fold import Folder

KNOWN = {"width": "4", "twice": "2 * width", "self.depth": "3", "itself": "itself + 1", "layer": "nn.Linear(width, 2)", "shape": "(2, width)"}


def folded(text: str) -> Any:
    known = {name: ast.parse(value, mode="eval").body for name, value in KNOWN.items()}
    return Folder(known, qualify).fold(ast.parse(text, mode="eval").body)


def qualify(node: ast.expr) -> str | None:
    text = ast.unparse(node)
    first, _, rest = text.partition(".")
    full = {"nn": "torch.nn", "torch": "torch", "lib": "pkg.lib", "print": "builtins.print", "Net": "pkg.Net", "make": "pkg.make"}.get(first)
    return None if full is None else f"{full}.{rest}" if rest else full


def plain(value: Any) -> Any:
    """The Python value that a folded one stands for."""
    if value["is"] == "literal":
        return value["value"]
    if value["is"] == "table":
        return {key: plain(item) for key, item in value["items"]}
    return (list if value["kind"] == "list" else tuple)(map(plain, value["items"]))


NUMBERS = st.one_of(st.integers(0, 99).map(str), st.sampled_from(["width", "twice", "self.depth", "0.5"]))
ARITHMETIC = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        inner.map(lambda text: f"(-{text})"),
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]), inner).map(lambda parts: f"({' '.join(parts)})"),
    ),
    max_leaves=5,
)


@given(ARITHMETIC)
def test_arithmetic_is_that_of_python(text: str) -> None:
    value = folded(text)
    spelled = text.replace("self.depth", "3").replace("twice", "(2 * width)").replace("width", "4")
    if value is not None:
        assert plain(value) == eval(spelled)
    elif "**" not in text:
        assert refused(spelled), "what is small and defined is folded"


def refused(text: str) -> bool:
    """Does some part divide by zero or grow beyond what is folded?"""
    for node in ast.walk(ast.parse(text, mode="eval")):
        if isinstance(node, ast.expr):
            try:
                if abs(eval(ast.unparse(node))) > 1 << 20:
                    return True
            except ArithmeticError:
                return True
    return False


@pytest.mark.parametrize("text", ["True", "None", "'relu'", "1.5", "[1, 2, (3, 'x')]", "(1,)", "{'a': 1, 2: [width]}", "()"])
def test_constants_are_themselves(text: str) -> None:
    assert plain(folded(text)) == eval(text.replace("width", "4"))


@pytest.mark.parametrize(
    "text",
    ["b'x'", "1j", "missing", "f(1)", "x if y else z", "[1, missing]", "{missing: 1}", "{1: missing}", "{**{}}", "not 1", "~1", "-'x'", "1 @ 2",
     "1 / 0", "2 ** 21", "'a' * 3", "itself", "print", "make(1)", "Net(*x)", "Net(**x)", "Net(missing)", "torch.zeros(missing)", "torch.zeros(2).item()",
     "missing.float()", "[" * 14 + "]" * 14],
)  # fmt: skip
def test_of_anything_else_nothing_is_said(text: str) -> None:
    assert folded(text) is None


def test_deep_but_not_too_deep() -> None:
    assert folded("[" * 12 + "]" * 12) is not None


def test_objects_are_built_by_name() -> None:
    built = folded("Net(width, act=nn.ReLU)")
    assert built["maker"] == {"is": "named", "name": "pkg.Net"}
    assert built["arguments"] == [["0", {"is": "literal", "value": 4}], ["=act", {"is": "named", "name": "torch.nn.ReLU"}]]
    assert folded("layer")["maker"] == {"is": "named", "name": "torch.nn.Linear"}
    assert folded("lib.size") == {"is": "named", "name": "pkg.lib.size"}


@pytest.mark.parametrize(
    ("text", "shape", "dtype"),
    [
        ("torch.zeros(2, width)", (2, 4), torch.float32),
        ("torch.zeros(shape, dtype=torch.int64)", (2, 4), torch.int64),
        ("torch.zeros([width], device=missing)", (4,), torch.float32),
        ("torch.ones((3,)).float().unsqueeze(0)", (1, 3), torch.float32),
        ("torch.full((2, twice), -1)", (2, 8), torch.int64),
    ],
)
def test_tensors_are_code_that_makes_them_anywhere(text: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    value = folded(text)
    assert value["is"] == "code"
    made = eval(value["text"], {"torch": torch})
    assert (tuple(made.shape), made.dtype, made.device.type) == (shape, dtype, "cpu")
