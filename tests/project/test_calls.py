"""The callers of a function within its file."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.project.trees import HEAD, lone


def callers(text: str, name: str) -> list[tuple[str | None, int, bool]]:
    """Caller, line (1-based within the text) and certainty."""
    known, module = lone(HEAD + dedent(text))
    calls = known.callers(module.functions[name])
    assert known.callers(module.functions[name]) == calls
    return [(call.caller.qualname if call.caller else None, call.node.lineno - HEAD.count("\n"), call.certain) for call in calls]


NO_CALLS = [
    ("def f(): pass\nf", "f"),
    ("def f(): pass\ng = f", "f"),
    ("def f(): pass\ntorch.f()", "f"),
    ("def f(): pass\nx.f()", "f"),
    ("class A:\n    def f(self): pass\nf()", "A.f"),
    ("class A:\n    def f(self): pass\nclass B:\n    def f(self): pass\n    def g(self): self.f()", "A.f"),
    ("class B:\n    def f(self): pass\nclass A(B):\n    def f(self): pass\n    def g(self): self.f()", "B.f"),
    ("def g():\n    def f(): pass\nf()", "g.f"),
    ("def f(): pass\ndef g():\n    def f(): pass\n    f()", "f"),
    ("class A:\n    def f(self): pass\n    def g(self, x): torch.f(x)", "A.f"),
    ("class A:\n    def train(self, data): pass\ndef g(model): model.train()", "A.train"),
    ("class A:\n    def f(self): pass\ndef g(a): a.f(1)", "A.f"),
]


@pytest.mark.parametrize(("text", "name"), NO_CALLS)
def test_no_call(text: str, name: str) -> None:
    assert callers(text, name) == []


CALLS = [
    pytest.param("def f(): pass\nf()\nf()", "f", [(None, 2, True), (None, 3, True)], id="module level"),
    pytest.param("def f(): pass\ndef g(): f()\nasync def h(): await f()", "f", [("g", 2, True), ("h", 3, True)], id="functions"),
    pytest.param("def f(): f()", "f", [("f", 1, True)], id="itself"),
    pytest.param("def f(): pass\ndef g(a=f()): pass\n@f()\ndef h(): pass", "f", [(None, 2, True), (None, 3, True)], id="defaults and decorators run outside"),
    pytest.param("def f(): pass\nclass A:\n    x = f()\n    def g(self): f()", "f", [(None, 3, True), ("A.g", 4, True)], id="class body"),
    pytest.param("def f(): pass\ndef g():\n    def h(): f()", "f", [("g.h", 3, True)], id="nested function"),
    pytest.param("def g():\n    def f(): pass\n    f()\n    def h(): f()", "g.f", [("g", 3, True), ("g.h", 4, True)], id="of a nested function"),
    pytest.param("class A:\n    def f(self): pass\n    def g(self): self.f()", "A.f", [("A.g", 3, True)], id="self"),
    pytest.param("class A:\n    def f(self): pass\n    def g(self):\n        def h(): self.f()", "A.f", [("A.g.h", 4, True)], id="self in a nested function"),
    pytest.param("class A:\n    def f(self): pass\nclass B(A):\n    def g(self): self.f()", "A.f", [("B.g", 4, True)], id="inherited"),
    pytest.param("class A:\n    def f(self): pass\nclass B(A):\n    def f(self): super().f()", "A.f", [("B.f", 4, True)], id="super"),
    pytest.param("class A:\n    def g(self): self.f()\nclass B(A):\n    def f(self): pass", "B.f", [("A.g", 2, True)], id="overridden in a subclass"),
    pytest.param("class A:\n    @staticmethod\n    def f(): pass\nA.f()", "A.f", [(None, 4, True)], id="through the class"),
    pytest.param("class A:\n    def f(self): pass\nclass B(A): pass\nB.f(x)", "A.f", [(None, 4, True)], id="through a subclass"),
    pytest.param("class A:\n    def f(self): pass\ndef g(a): a.f()", "A.f", [("g", 3, False)], id="receiver unknown"),
    pytest.param("class A:\n    def f(self, x, *, y=0): pass\ndef g(a): a.f(x=1, y=2)", "A.f", [("g", 3, False)], id="receiver unknown, by keywords"),
    pytest.param("class A:\n    def f(self, x): pass\ndef g(a, xs): a.f(*xs)", "A.f", [("g", 3, False)], id="receiver unknown, starred"),
    pytest.param("class A:\n    def f(self): pass\nA().f()", "A.f", [(None, 3, False)], id="receiver an expression"),
    pytest.param("class A:\n    def f(self): pass\n    def g(self, a): a.f()", "A.f", [("A.g", 3, False)], id="receiver another argument"),
]


@pytest.mark.parametrize(("text", "name", "expected"), CALLS)
def test_call(text: str, name: str, expected: list[tuple[str | None, int, bool]]) -> None:
    assert callers(text, name) == expected
