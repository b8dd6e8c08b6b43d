"""Every way to store to an attribute of self."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent, indent

import pytest

from lintorch.project.stores import COMPUTED
from tests.project.trees import HEAD, Tree, load, lone, project

Found = dict[str, list[tuple[str, str | None]]]


def stores(text: str, name: str = "A") -> Found:
    """Kind and value of the stores by attribute."""
    known, module = lone(HEAD + dedent(text))
    found = known.attribute_stores(module.classes[name])
    return {name: [(store.kind, store.value and ast.unparse(store.value)) for store in each] for name, each in found.items()}


def in_method(statement: str) -> Found:
    return stores(f"class A(nn.Module):\n    def f(self, x, other):\n{indent(dedent(statement), ' ' * 8)}")


NO_STORES = [
    "pass", "self.a", "other.a = x", "a = x", "self.layer.a = x", "self.a[0] = x", "x.register_buffer('a', x)", "x[0](self)",
    "setattr(other, 'a', x)", "self.a: int",
    "lambda self: setattr(self, 'a', x)", "def g(self):\n    self.a = x", "class B:\n    def g(this): self.a = x", "self.layer.__dict__['a'] = x",
    "del other.a",
]  # fmt: skip


@pytest.mark.parametrize("statement", NO_STORES)
def test_no_store(statement: str) -> None:
    assert in_method(statement) == {}


STORES = [
    ("self.a = x", {"a": [("assign", "x")]}),
    ("self.a: int = x", {"a": [("assign", "x")]}),
    ("self.a = self.b = x", {"a": [("assign", "x")], "b": [("assign", "x")]}),
    ("self.a += x", {"a": [("augment", "x")]}),
    ("self.a, self.b = x", {"a": [("unpack", None)], "b": [("unpack", None)]}),
    ("self.a, (self.b, c) = x, (1, 2)", {"a": [("assign", "x")], "b": [("assign", "1")]}),
    ("self.a, *self.b = x, 1, 2", {"a": [("unpack", None)], "b": [("unpack", None)]}),
    ("[self.a, self.b] = *x, 1", {"a": [("unpack", None)], "b": [("unpack", None)]}),
    ("for self.a in x: pass", {"a": [("bind", None)]}),
    ("for self.a, self.b in x: pass", {"a": [("bind", None)], "b": [("bind", None)]}),
    ("[0 for self.a in x]", {"a": [("bind", None)]}),
    ("with x as self.a: pass", {"a": [("bind", None)]}),
    ("del self.a", {"a": [("delete", None)]}),
    ("delattr(self, 'a')", {"a": [("delete", None)]}),
    ("self.register_buffer('a', x)", {"a": [("buffer", "x")]}),
    ("self.register_buffer(name='a', tensor=x, persistent=False)", {"a": [("buffer", "x")]}),
    ("self.register_parameter('a', None)", {"a": [("parameter", "None")]}),
    ("self.add_module('a', x)", {"a": [("module", "x")]}),
    ("super().register_module('a', module=x)", {"a": [("module", "x")]}),
    ("setattr(self, 'a', x)", {"a": [("setattr", "x")]}),
    ("self.__setattr__('a', x)", {"a": [("setattr", "x")]}),
    ("super().__setattr__('a', x)", {"a": [("setattr", "x")]}),
    ("object.__setattr__(self, 'a', x)", {"a": [("setattr", "x")]}),
    ("self.__dict__['a'] = x", {"a": [("setattr", "x")]}),
    ("vars(self)['a'] = x", {"a": [("setattr", "x")]}),
    ("setattr(self, x, other)", {COMPUTED: [("setattr", "other")]}),
    ("self.register_buffer(f'{x}', other)", {COMPUTED: [("buffer", "other")]}),
    ("self.__dict__.update(x)", {COMPUTED: [("setattr", None)]}),
    ("vars(self)[x] = other", {COMPUTED: [("setattr", "other")]}),
    ("def g():\n    self.a = x", {"a": [("assign", "x")]}),
    ("if x:\n    self.a = 1\nelse:\n    self.a = 2", {"a": [("assign", "1"), ("assign", "2")]}),
]


@pytest.mark.parametrize(("statement", "expected"), STORES)
def test_store(statement: str, expected: Found) -> None:
    assert in_method(statement) == expected


def test_the_whole_family_stores() -> None:
    found = stores("""
        class B(nn.Module):
            def f(self): self.a = 1
        class A(B):
            def g(this): this.a = 2
        class C(A):
            def h(self): self.a = 3
        class M:
            def i(self): self.a = 4
        class D(A, M):
            pass
        class E(B):
            def j(self): self.a = 5
        class F:
            def k(self): self.a = 6
    """)
    assert found == {"a": [("assign", value) for value in "2134"]}


def test_setters_and_class_methods_store() -> None:
    found = stores("""
        class A:
            @property
            def a(self): return self._a
            @a.setter
            def a(self, value): self._a = value
            @classmethod
            def f(cls): cls.b = 1
            @staticmethod
            def g(self): self.c = 1
    """)
    assert found == {"_a": [("assign", "value")], "b": [("assign", "1")]}


def test_a_store_names_its_method() -> None:
    known, module = lone("class A:\n    def f(self): self.a = 1\n    def g(self): self.a = 2\n")
    assert [store.method.qualname for store in known.attribute_stores(module.classes["A"])["a"]] == ["A.f", "A.g"]


FILES: Tree = {"base.py": "class Base:\n    def f(self): self.a = 1\n", "net.py": "from base import Base\nclass A(Base):\n    def g(self): self.b = 2\n"}


def test_answers_are_remembered() -> None:
    known, module = lone("class A:\n    def f(self): self.a = 1\n")
    assert known.attribute_stores(module.classes["A"]) == known.attribute_stores(module.classes["A"])


def test_bases_in_other_files_store(tmp_path: Path) -> None:
    known = project(tmp_path, FILES)
    assert sorted(known.attribute_stores(load(known, "net.py").classes["A"])) == ["a", "b"]
