"""What one pass over a module's statements finds."""

from __future__ import annotations

import ast
import sys
from textwrap import dedent

import pytest

from lintorch.project.module import Module
from lintorch.source.parse import parse
from lintorch.source.text import Source


def module(text: str, name: str = "pkg.sub.net", is_package: bool = False) -> Module:
    source = Source.from_bytes("net.py", dedent(text).encode())
    return Module(source, parse(source), name, is_package)


IMPORTS = [
    ("", {}),
    ("import torch", {"torch": "torch"}),
    ("import torch.nn", {"torch": "torch"}),
    ("import torch.nn.functional as F", {"F": "torch.nn.functional"}),
    ("import a, b.c as d", {"a": "a", "d": "b.c"}),
    ("from torch import nn", {"nn": "torch.nn"}),
    ("from torch.nn import Linear as L, Module", {"L": "torch.nn.Linear", "Module": "torch.nn.Module"}),
    ("from . import layers", {"layers": "pkg.sub.layers"}),
    ("from .layers import Block", {"Block": "pkg.sub.layers.Block"}),
    ("from .. import ops", {"ops": "pkg.ops"}),
    ("from ..ops import f", {"f": "pkg.ops.f"}),
    ("from torch import *", {}),
    ("def f():\n    import math", {"math": "math"}),
    ("class A:\n    from torch import nn", {"nn": "torch.nn"}),
    ("if x:\n    import a as x\nelse:\n    import b as x", {"x": "a"}),
    ("try:\n    from fast import f\nexcept ImportError:\n    from slow import f\nfinally:\n    import c", {"f": "fast.f", "c": "c"}),
    ("with x:\n    import a\nfor y in z:\n    import b\nwhile x:\n    import c", {"a": "a", "b": "b", "c": "c"}),
    ("match x:\n    case 1:\n        import a", {"a": "a"}),
    ("import a as x\nimport b as x", {"x": "b"}),
    ("def f():\n    import a as x\nimport b as x", {"x": "b"}),
    ("import b as x\ndef f():\n    import a as x", {"x": "b"}),
]


@pytest.mark.parametrize(("text", "expected"), IMPORTS)
def test_imports(text: str, expected: dict[str, str]) -> None:
    assert module(text).imports == expected


@pytest.mark.parametrize(("text", "target"), [("from . import x", "pkg.sub.x"), ("from .. import x", "pkg.x"), ("from .x import x", "pkg.sub.x.x")])
def test_relative_imports_of_a_package(text: str, target: str) -> None:
    assert module(text, "pkg.sub", is_package=True).imports == {"x": target}


def test_relative_imports_beyond_the_top_end() -> None:
    assert module("from .... import x\nfrom ....y import z", "net").imports == {"x": ".x", "z": "y.z"}


NESTED = """
    class Net:
        class Inner:
            def f(self): pass
        def forward(self, x):
            def helper(y):
                class Local: pass
            return helper(x)
        async def later(self): pass
    def train():
        def step(): pass
    if True:
        def guarded(): pass
"""


def test_functions_and_classes_by_qualified_name() -> None:
    found = module(NESTED)
    assert list(found.classes) == ["Net", "Net.Inner", "Net.forward.helper.Local"]
    assert list(found.functions) == ["Net.Inner.f", "Net.forward", "Net.forward.helper", "Net.later", "train", "train.step", "guarded"]


def test_only_methods_have_an_owner() -> None:
    owners = {name: entry.owner.qualname if entry.owner else None for name, entry in module(NESTED).functions.items()}
    assert owners == {
        "Net.Inner.f": "Net.Inner", "Net.forward": "Net", "Net.forward.helper": None, "Net.later": "Net", "train": None, "train.step": None, "guarded": None,
    }  # fmt: skip


def test_methods_by_name() -> None:
    assert list(module(NESTED).classes["Net"].methods) == ["forward", "later"]


SECOND_ONES = [
    pytest.param("def f(a): pass\ndef f(b): pass", {"f": "b", "f#2": "a"}, id="the last definition counts"),
    pytest.param("if x:\n    def f(a): pass\nelse:\n    def f(b): pass", {"f": "a", "f#2": "b"}, id="the first branch counts"),
    pytest.param(
        "class A:\n    @property\n    def f(a): pass\n    @f.setter\n    def f(b): pass\n    @f.deleter\n    def f(c): pass",
        {"A.f": "a", "A.f#2": "b", "A.f#3": "c"},
        id="the getter counts",
    ),
    pytest.param("@g.register\ndef _(a): pass\n@g.register\ndef _(b): pass", {"_": "a", "_#2": "b"}, id="registered"),
]


@pytest.mark.parametrize(("text", "expected"), SECOND_ONES)
def test_no_second_definition_is_lost(text: str, expected: dict[str, str]) -> None:
    assert {name: entry.node.args.args[0].arg for name, entry in module(text).functions.items()} == expected


def test_a_method_is_the_entry_that_counts() -> None:
    found = module("class A:\n    @property\n    def f(a): pass\n    @f.setter\n    def f(b): pass")
    assert found.classes["A"].methods["f"] is found.functions["A.f"]


def test_names_assigned_at_module_level() -> None:
    found = module("""
        a = 1
        b: int = 2
        c: int
        d, (e, *f) = 3
        g = h = 4
        i += 1
        for j, k in x: pass
        with y as (l, m): pass
        if z: n = 5
        def local(): o = 6
        class A: p = 7
        q.r = s[0] = 8
    """)
    assert set(found.constants) == set("abcdefghijklmn")
    assert {name for name, value in found.constants.items() if value is not None} == set("abghn")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
def test_type_parameters_and_aliases() -> None:
    found = module("type Pair[T] = tuple[T, T]\nclass A[T](Base[T]):\n    def f[U](self, x: U) -> T: pass\nclass Base[T]: pass\n")
    assert found.qualify("Pair") == "pkg.sub.net.Pair"
    assert found.classes["A"].bases == ("pkg.sub.net.Base",)
    assert list(found.functions) == ["A.f"]


def test_names_assigned_in_a_class() -> None:
    found = module("class A:\n    a = 1\n    b: int\n    def f(self): c = 2\n    if x:\n        d = 3\n        a = 4")
    assert set(found.classes["A"].attributes) == {"a", "b", "d"}
    assert ast.unparse(found.classes["A"].attributes["a"] or ast.Pass()) == "1"


def test_names_of_entries() -> None:
    found = module(NESTED)
    assert (found.classes["Net.Inner"].name, found.classes["Net.Inner"].dotted) == ("Inner", "pkg.sub.net.Net.Inner")
    assert (found.functions["Net.forward"].name, found.functions["Net.forward"].dotted) == ("forward", "pkg.sub.net.Net.forward")


def test_the_modules_own_statements_as_a_function() -> None:
    found = module("x = 1\ndef f(): pass\n")
    assert (found.script.qualname, found.script.node.body, found.script.receiver) == ("<module>", found.tree.body, None)


QUALIFIED = [
    ("nn.Linear", "torch.nn.Linear"),
    ("F.relu", "torch.nn.functional.relu"),
    ("torch", "torch"),
    ("Net", "pkg.sub.net.Net"),
    ("Net.forward", "pkg.sub.net.Net.forward"),
    ("helper", "pkg.sub.net.helper"),
    ("LIMIT", "pkg.sub.net.LIMIT"),
    ("len", "builtins.len"),
    ("fallback", "fast.fallback"),
    ("replaced", "pkg.sub.net.replaced"),
    ("unknown", None),
    ("unknown.attribute", None),
    ("self.layer", None),
    ("f(x).y", None),
    ("a[0]", None),
    ("(lambda: 1)", None),
]


@pytest.mark.parametrize(("expr", "expected"), QUALIFIED)
def test_qualify(expr: str, expected: str | None) -> None:
    found = module("""
        import torch
        from torch import nn
        import torch.nn.functional as F
        from elsewhere import replaced
        try:
            from fast import fallback
        except ImportError:
            def fallback(): pass
        class Net(nn.Module):
            def forward(self, x): pass
        def helper(): pass
        def replaced(): pass
        LIMIT = 3
    """)
    given = module(expr).tree.body[0].value  # type: ignore[attr-defined]
    assert found.qualify(given) == expected
    if "(" not in expr and "[" not in expr:
        assert found.qualify(expr) == expected


SCOPES = [
    ("step", "", None),
    ("step", "train", "pkg.sub.net.train.step"),
    ("step", "train.step", "pkg.sub.net.train.step"),
    ("Inner", "Net", "pkg.sub.net.Net.Inner"),
    ("Inner", "Net.forward", None),
    ("forward", "Net.forward", None),
    ("train", "Net.forward", "pkg.sub.net.train"),
]


@pytest.mark.parametrize(("name", "within", "expected"), SCOPES)
def test_qualify_from_within_a_scope(name: str, within: str, expected: str | None) -> None:
    found = module("""
        class Net:
            class Inner: pass
            def forward(self): pass
        def train():
            def step(): pass
    """)
    assert found.qualify(name, within) == expected


BASES = [
    ("class A: pass", ()),
    ("class A(nn.Module): pass", ("torch.nn.Module",)),
    ("class A(Base[int], nn.Module, metaclass=M): pass", ("pkg.sub.net.Base", "torch.nn.Module")),
    ("class A(Base[int][str]): pass", ("pkg.sub.net.Base",)),
    ("class A(make()): pass", (None,)),
    ("class A(*bases): pass", (None,)),
    ("class A(object): pass", ("builtins.object",)),
    ("from other import A\nclass A(A): pass", ("other.A",)),
    ("class A(A): pass", (None,)),
]


@pytest.mark.parametrize(("text", "expected"), BASES)
def test_bases(text: str, expected: tuple[str | None, ...]) -> None:
    assert module(f"from torch import nn\nclass Base: pass\n{text}").classes["A"].bases == expected


def test_bases_see_the_scope_of_the_class() -> None:
    found = module("class A:\n    class B: pass\n    class C(B): pass\ndef f():\n    class B: pass\n    class C(B): pass")
    assert found.classes["A.C"].bases == ("pkg.sub.net.A.B",)
    assert found.classes["f.C"].bases == ("pkg.sub.net.f.B",)


def test_decorators() -> None:
    found = module("""
        import torch
        from functools import wraps
        class A:
            @property
            def f(self): pass
            @f.setter
            def f(self, value): pass
        @torch.no_grad()
        @wraps(len)
        @unknown
        @table["x"]
        def g(): pass
        @torch.jit.script
        class B: pass
    """)
    assert found.functions["A.f"].decorators == ("builtins.property",)
    assert found.functions["A.f#2"].decorators == ("pkg.sub.net.A.f.setter",)
    assert found.functions["g"].decorators == ("torch.no_grad", "functools.wraps", None, None)
    assert found.classes["B"].decorators == ("torch.jit.script",)


RECEIVERS = [
    ("class A:\n    def f(self, x): pass", "A.f", "self"),
    ("class A:\n    def f(this, /, x): pass", "A.f", "this"),
    ("class A:\n    @classmethod\n    def f(cls): pass", "A.f", "cls"),
    ("class A:\n    @staticmethod\n    def f(x): pass", "A.f", None),
    ("class A:\n    def f(*args): pass", "A.f", None),
    ("class A:\n    def f(self):\n        def g(x): pass", "A.f.g", None),
    ("def f(self): pass", "f", None),
]


@pytest.mark.parametrize(("text", "name", "receiver"), RECEIVERS)
def test_receiver(text: str, name: str, receiver: str | None) -> None:
    assert module(text).functions[name].receiver == receiver


EXPORTS = [
    ("x = 1", None),
    ("__all__ = []", ()),
    ("__all__ = ['a', 'b']", ("a", "b")),
    ("__all__ = ('a',) + ('b',)", ("a", "b")),
    ("__all__ = ['a']\n__all__ += ['b']", ("a", "b")),
    ("__all__ = ['a'] + other.__all__", None),
    ("__all__ = [name for name in x]", None),
]


@pytest.mark.parametrize(("text", "expected"), EXPORTS)
def test_exports(text: str, expected: tuple[str, ...] | None) -> None:
    assert module(text).exports == expected


def test_a_long_elif_chain_is_indexed() -> None:
    chain = "".join(f"elif x == {number}:\n    def f{number}(): pass\n" for number in range(200))
    assert len(module(f"if x:\n    pass\n{chain}").functions) == 200
