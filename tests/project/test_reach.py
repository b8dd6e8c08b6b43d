"""The methods judged: forward of torch modules and what it reaches through self."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.project.trees import HEAD, Tree, load, lone, names, project


def judged(text: str) -> list[str]:
    known, module = lone(HEAD + dedent(text))
    return names(known.judged_methods(module))


NOT_JUDGED = [
    pytest.param("class A:\n    def forward(self): pass", id="no module"),
    pytest.param("def forward(self): pass", id="no method"),
    pytest.param("class A(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx): pass", id="autograd function"),
    pytest.param("class A(nn.Module):\n    def __init__(self): self.build()\n    def build(self): pass", id="reached from __init__ only"),
    pytest.param("class A(nn.Module):\n    def training_step(self): return self.loss()\n    def loss(self): pass", id="other entries"),
    pytest.param("class A(nn.Module):\n    def helper(self): return self.helper()", id="no forward"),
    pytest.param("class B:\n    def f(self): pass\nclass A(nn.Module):\n    pass", id="class beside a module"),
]


@pytest.mark.parametrize("text", NOT_JUDGED)
def test_not_judged(text: str) -> None:
    assert judged(text) == []


def reached(body: str, helpers: str = "f g") -> list[str]:
    """The helpers judged beside forward, which has this body."""
    methods = "".join(f"    def {name}(self, x): return x\n" for name in helpers.split())
    found = judged(f"class A(nn.Module):\n    def forward(self, x):\n        {body}\n{methods}")
    assert found[0] == "A.forward"
    return [name.partition(".")[2] for name in found[1:]]


BODIES = [
    ("pass", []),
    ("return self.f(x)", ["f"]),
    ("return checkpoint(self.f, x)", ["f"]),
    ("return [self.f, self.g]", ["f", "g"]),
    ("h = self.f", ["f"]),
    ("return getattr(self, 'f')(x)", ["f"]),
    ("return getattr(self, name)(x)", []),
    ("return type(self).f(x)", ["f"]),
    ("return self.__class__.f(self, x)", ["f"]),
    ("return A.f(self, x)", ["f"]),
    ("return (lambda y: self.f(y))(x)", ["f"]),
    ("return (lambda self: self.f(x))(x)", []),
    ("def inner(y): return self.f(y)", ["f"]),
    ("def inner(self): return self.f(x)", []),
    ("return x.f(self.g)", ["g"]),
    ("return other.f(x)", []),
    ("return self.layer.f(x)", []),
    ("self.f = x", []),
    ("return 'self.f'", []),
    ("return f(x)", []),
    ("return g(x).f", []),
    ("return self.unknown(x)", []),
    ("return self.   f(x)", ["f"]),
    ("return self. \\\n            f(x)", ["f"]),
]


@pytest.mark.parametrize(("body", "expected"), BODIES)
def test_reached(body: str, expected: list[str]) -> None:
    assert reached(body) == expected


JUDGED = [
    pytest.param(
        """
        class A(nn.Module):
            def forward(self, x): return self.f(x)
            def f(self, x): return self.g(x)
            def g(self, x): return self.forward(x)
            def h(self, x): return self.f(x)
        """,
        ["A.forward", "A.f", "A.g"],
        id="closed, cycles end",
    ),
    pytest.param(
        """
        class B(nn.Module):
            def forward(self, x): return self.f(x)
            def f(self, x): pass
        class A(B):
            def f(self, x): return super().f(x)
        """,
        ["B.forward", "B.f", "A.f"],
        id="overridden helper of an inherited forward",
    ),
    pytest.param(
        """
        class B(nn.Module):
            def forward(self, x): pass
            def f(self, x): pass
        class A(B):
            def forward(self, x): return super(A, self).f(super().forward(x))
        """,
        ["B.forward", "B.f", "A.forward"],
        id="super",
    ),
    pytest.param(
        """
        class M:
            def f(self, x): pass
            def g(self, x): pass
        class A(M, nn.Module):
            def forward(self, x): return self.f(x)
        """,
        ["M.f", "A.forward"],
        id="mixin",
    ),
    pytest.param(
        """
        class M:
            def forward(self, x): return self.f(x)
        class A(M, nn.Module):
            def f(self, x): pass
        """,
        ["M.forward", "A.f"],
        id="forward of a mixin",
    ),
    pytest.param(
        """
        class A(nn.Module):
            def forward(self, x): return x * self.scale
            @property
            def scale(self): pass
            @scale.setter
            def scale(self, value): pass
        """,
        ["A.forward", "A.scale"],
        id="property",
    ),
    pytest.param(
        """
        class A(nn.Module):
            def forward(self, x): return self.f(x) + self.g(x)
            @staticmethod
            def f(x): return A.h(x)
            @classmethod
            def g(cls, x): return cls.h(x)
            @staticmethod
            def h(x): pass
        """,
        ["A.forward", "A.f", "A.g", "A.h"],
        id="static and class methods",
    ),
    pytest.param(
        """
        class A(nn.Module):
            def __init__(self): self.forward = self.fast if x else self.slow if y else None
            def fast(self, x): pass
            def slow(self, x): pass
        """,
        ["A.fast", "A.slow"],
        id="forward stored by a condition",
    ),
    pytest.param(
        """
        class A(nn.Module):
            def __init__(self): self.forward = self.fast
            def fast(self, x): return self.f(x)
            def f(self, x): pass
        """,
        ["A.fast", "A.f"],
        id="forward stored",
    ),
    pytest.param(
        """
        class A(nn.Module):
            def f(self, x): pass
            forward = f
        """,
        ["A.f"],
        id="forward an alias",
    ),
    pytest.param(
        """
        def make():
            class A(nn.Module):
                def forward(self, x): return self.f(x)
                def f(self, x): pass
            return A
        """,
        ["make.A.forward", "make.A.f"],
        id="class within a function",
    ),
    pytest.param(
        """
        class A(nn.Module):
            async def forward(self, x): return await self.f(x)
            async def f(self, x): pass
        """,
        ["A.forward", "A.f"],
        id="async",
    ),
]


@pytest.mark.parametrize(("text", "expected"), JUDGED)
def test_judged(text: str, expected: list[str]) -> None:
    assert judged(text) == expected


FILES: Tree = {
    "pkg/__init__.py": "",
    "pkg/base.py": """
        from torch import nn
        class Base(nn.Module):
            def forward(self, x): return self.embed(x)
            def embed(self, x): return self._inner(x)
            def _inner(self, x): pass
    """,
    "pkg/net.py": "from .base import Base\nfrom . import ops\nclass Net(Base):\n    def _inner(self, x): return ops.helper(x)\n    def unused(self, x): pass\n",
    "pkg/ops.py": "def helper(x): pass\n",
}


def test_across_files_only_this_files_methods_are_judged(tmp_path: Path) -> None:
    known = project(tmp_path, FILES)
    assert names(known.judged_methods(load(known, "pkg/net.py"))) == ["Net._inner"]
    assert names(known.judged_methods(load(known, "pkg/base.py"))) == ["Base.forward", "Base.embed", "Base._inner"]


def test_functions_are_not_methods_of_the_same_name() -> None:
    assert judged("""
        import net
        def helper(x): pass
        class A(nn.Module):
            def forward(self, x): return net.helper(x) + helper(x)
            def helper(self): pass
    """) == ["A.forward"]
