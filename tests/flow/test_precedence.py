"""Parentheses where the place needs them, and only there."""

from __future__ import annotations

import ast

import pytest

from lintorch.fix.compose import compose
from lintorch.rule import moves
from tests.flow.flows import flow_of

VALUES = ["a + b", "a * b", "-a", "a ** b", "a @ b", "f(a)", "not a", "a if b else c", "a < b", "a or b", "(a, b)", "a, b", "(a + b)", "a[0]", "1", "'s' 't'"]
PLACES = [
    "return t", "return f(t)", "return f(*t)", "return f(k=t)", "return t + 1", "return 1 + t", "return 1 - t", "return t * 2", "return 2 @ t", "return t ** 2",
    "return 2 ** t", "return -t", "return not t", "return t.real", "return t[0]", "return d[t]", "return t < 1", "return 1 < t", "return [t]", "return {1: t}",
    "return t()", "y = t", "f(t)", "return t and 1", "return f'{t}'",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", VALUES)
def test_a_moved_value_is_still_one_operand(value: str, place: str) -> None:
    flow = flow_of(f"def forward(a, b, c, d, f):\n    t = {value}\n    {place}\n")
    for move in flow.inlinings:
        text = compose(flow.module.source, moves(flow, move)).text
        assert ast.dump(ast.parse(text)) == ast.dump(_substituted(value, place)), text


def _substituted(value: str, place: str) -> ast.Module:
    """What the move must mean: the tree of the place with the value's tree where t stood."""
    inner = ast.parse(f"({value})", mode="eval").body

    class Substitute(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return inner if node.id == "t" else node

    return Substitute().visit(ast.parse(f"def forward(a, b, c, d, f):\n    {place}\n"))


@pytest.mark.parametrize(
    ("value", "place", "expected"),
    [
        ("a + b", "return t", "return a + b"),
        ("a + b", "return f(t)", "return f(a + b)"),
        ("a + b", "return t + 1", "return a + b + 1"),
        ("a + b", "return 1 + t", "return 1 + (a + b)"),
        ("a * b", "return 1 + t", "return 1 + a * b"),
        ("a + b", "return t.sum()", "return (a + b).sum()"),
        ("f(a)", "return t.sum()", "return f(a).sum()"),
        ("(a + b)", "return t", "return (a + b)"),
    ],
)
def test_no_needless_parentheses(value: str, place: str, expected: str) -> None:
    flow = flow_of(f"def forward(a, b, f):\n    t = {value}\n    {place}\n")
    (move,) = flow.inlinings
    text = compose(flow.module.source, moves(flow, move)).text
    assert text == f"def forward(a, b, f):\n    {expected}\n"
