"""Bases across files, and the evidence that a class is a torch module."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintorch.project.known import TORCH_MODULES, is_module_base
from lintorch.project.project import Ancestry
from tests.project.trees import HEAD, Tree, load, lone, names, project

FORWARD = "    def forward(self, x): return x\n"
INIT = "    def __init__(self): super().__init__()\n"


def ancestry(text: str, name: str) -> Ancestry:
    known, module = lone(HEAD + text)
    return known.ancestry(module.classes[name])


ANCESTRIES = [
    ("class A: pass", ["A"], (), True),
    ("class A(object): pass", ["A"], (), True),
    ("class A(nn.Module): pass", ["A"], ("torch.nn.Module",), True),
    ("class B(nn.Module): pass\nclass A(B): pass", ["A", "B"], ("torch.nn.Module",), True),
    ("class C: pass\nclass B(C): pass\nclass D(C): pass\nclass A(B, D): pass", ["A", "B", "D", "C"], (), True),
    ("class M: pass\nclass A(M, nn.Module): pass", ["A", "M"], ("torch.nn.Module",), True),
    ("class A(lib.Base): pass", ["A"], (), False),
    ("import lib\nclass A(lib.Base): pass", ["A"], ("lib.Base",), False),
    ("import enum\nclass A(enum.Enum): pass", ["A"], ("enum.Enum",), True),
    ("class A(dict): pass", ["A"], ("builtins.dict",), True),
    ("class A(make()): pass", ["A"], (), False),
    ("from typing import Generic\nclass A(Generic[T], nn.Module): pass", ["A"], ("torch.nn.Module",), True),
    ("Base = nn.Module\nclass A(Base): pass", ["A"], ("torch.nn.Module",), True),
    ("class A(A): pass", ["A"], (), False),
    ("class A(B): pass\nclass B(A): pass", ["A", "B"], (), False),
    ("class X: pass\nclass Y: pass\nclass B(X, Y): pass\nclass C(Y, X): pass\nclass A(B, C): pass", ["A", "B", "C", "X", "Y"], (), True),
    ("class F(nn.Module): pass\nclass S: pass\nBase = F if x else S\nclass A(Base): pass", ["A", "F"], ("torch.nn.Module",), True),
]


@pytest.mark.parametrize(("text", "classes", "external", "complete"), ANCESTRIES)
def test_ancestry(text: str, classes: list[str], external: tuple[str, ...], complete: bool) -> None:
    found = ancestry(text, "A")
    assert (names(found.classes), found.external, found.complete) == (classes, external, complete)


@given(st.lists(st.lists(st.integers(0, 5), max_size=3, unique=True), min_size=1, max_size=6))
def test_the_order_is_pythons(graph: list[list[int]]) -> None:
    """Class number n inherits only classes of smaller numbers, as Python itself demands."""
    parents = [[parent for parent in bases if parent < number] for number, bases in enumerate(graph)]
    text = "".join(f"class C{number}({', '.join(f'C{parent}' for parent in bases)}): pass\n" for number, bases in enumerate(parents))
    last = f"C{len(graph) - 1}"
    made: dict[str, type] = {}
    try:
        exec(text, made)
    except TypeError:  # contradictory bases
        assert names(ancestry(text, last).classes)[0] == last
        return
    assert names(ancestry(text, last).classes) == [cls.__name__ for cls in made[last].__mro__[:-1]]


def test_methods_are_looked_up_in_order() -> None:
    found = ancestry("class B:\n    def f(self): pass\n    def g(self): pass\nclass A(B):\n    def f(self): pass\n", "A")
    cls = found.classes[0]
    assert [found.method("f"), found.method("g"), found.method("h")] == [cls.methods["f"], found.classes[1].methods["g"], None]
    assert found.method("f", after=cls) is found.classes[1].methods["f"]
    assert found.method("f", after=found.classes[1]) is None


def evidence(text: str, name: str = "A") -> str | None:
    known, module = lone(HEAD + text)
    found = known.module_evidence(module.classes[name])
    assert known.module_evidence(module.classes[name]) == found  # remembered
    return found


NO_MODULES = [
    pytest.param("class A: pass", id="nothing"),
    pytest.param(f"class A:\n{INIT}{FORWARD}", id="a forward alone"),
    pytest.param(f"class A(torch.autograd.Function):\n{INIT}{FORWARD}", id="autograd function"),
    pytest.param(f"class A(torch.utils.data.Dataset):\n{INIT}{FORWARD}", id="data set"),
    pytest.param("class A(nn.Parameter): pass", id="parameter"),
    pytest.param("class A(nn.parameter.UninitializedParameter): pass", id="parameter by its own module"),
    pytest.param("class A(nn.utils.rnn.PackedSequence): pass", id="utility"),
    pytest.param("class A(torch.Tensor): pass", id="tensor"),
    pytest.param("import torch.nn.functional as F\nclass A(F.Something): pass", id="functional"),
    pytest.param(f"import sklearn.base\nclass A(sklearn.base.BaseEstimator):\n{INIT}{FORWARD}", id="estimator"),
    pytest.param(f"import lib\nclass A(lib.Base):\n{FORWARD}", id="unknown base, no __init__"),
    pytest.param(f"import lib\nclass A(lib.Base):\n    def __init__(self): pass\n{FORWARD}", id="unknown base, not initialised"),
    pytest.param(f"import lib\nclass A(lib.Base):\n{INIT}", id="unknown base, no forward"),
    pytest.param(f"import lib\nclass A(lib.Base):\n{INIT}    @staticmethod\n    def forward(x): pass\n", id="unknown base, static forward"),
    pytest.param(f"import lib\nclass B(lib.Base):\n    def __init__(self): pass\nclass A(B):\n{INIT}{FORWARD}", id="a base between that is not initialised"),
    pytest.param("import transformers\nclass A(transformers.PretrainedConfig): pass", id="configuration of a known library"),
    pytest.param("from torchvision.models import ResNet50_Weights\nclass A(ResNet50_Weights): pass", id="weights of a known library"),
    pytest.param("class A(B): pass\nclass B(A): pass", id="cycle"),
]


@pytest.mark.parametrize("text", NO_MODULES)
def test_no_module(text: str) -> None:
    assert evidence(text) is None


MODULES = [
    ("class A(nn.Module): pass", "inherits torch.nn.Module"),
    ("class A(nn.Linear): pass", "inherits torch.nn.Linear"),
    ("class A(nn.modules.loss._Loss): pass", "inherits torch.nn.modules.loss._Loss"),
    ("class A(torch.jit.ScriptModule): pass", "inherits torch.jit.ScriptModule"),
    ("from torch.nn.parallel import DistributedDataParallel as D\nclass A(D): pass", "inherits torch.nn.parallel.DistributedDataParallel"),
    ("class M: pass\nclass A(M, nn.Module): pass", "inherits torch.nn.Module"),
    ("class B(nn.Module): pass\nclass A(B): pass", "inherits torch.nn.Module through net.B"),
    ("class C(nn.Module): pass\nclass B(C): pass\nclass A(B): pass", "inherits torch.nn.Module through net.B, net.C"),
    ("Base = nn.Module\nclass A(Base): pass", "inherits torch.nn.Module"),
    ("from torch.nn import *\nclass A(Module): pass", "inherits torch.nn.Module"),
    ("class B(nn.Module, Generic[T]): pass\nclass A(B[int]): pass", "inherits torch.nn.Module through net.B"),
    ("Base = nn.Module if x else object\nclass A(Base): pass", "inherits torch.nn.Module"),
    ("try:\n    from torch.nn import Module\nexcept ImportError:\n    Module = object\nclass A(Module): pass", "inherits torch.nn.Module"),
    ("import pytorch_lightning as pl\nclass A(pl.LightningModule): pass", "inherits pytorch_lightning.LightningModule"),
    ("from transformers import BertModel\nclass A(BertModel): pass", "inherits transformers.BertModel"),
    ("from torchvision.models import ResNet\nclass A(ResNet): pass", "inherits torchvision.models.ResNet"),
    (f"import lib\nclass A(lib.Base):\n{INIT}{FORWARD}", "has a forward method, calls super().__init__()"),
    (f"class A(make()):\n    def __init__(self): Base.__init__(self)\n{FORWARD}", "has a forward method, calls super().__init__()"),
]


@pytest.mark.parametrize(("text", "expected"), MODULES)
def test_module(text: str, expected: str) -> None:
    found = evidence(text)
    assert found is not None
    assert found == expected or (expected.startswith("has") and found.startswith(expected))


def test_the_last_resort_needs_torch() -> None:
    known, module = lone(f"import lib\nclass A(lib.Base):\n{INIT}{FORWARD}")
    assert known.module_evidence(module.classes["A"]) is None


FILES: Tree = {
    "pkg/__init__.py": "from .base import *\n",
    "pkg/base.py": "import torch.nn as nn\n__all__ = ['Base']\nclass Root(nn.Module): pass\nclass Base(Root): pass\n",
    "pkg/net.py": "from . import Base\nimport pkg.base as b\nclass A(Base): pass\nclass B(b.Root): pass\nclass C(b.Missing): pass\n",
    "pkg/one.py": "from .two import Two\nclass One(Two): pass\n",
    "pkg/two.py": "from .one import One\nclass Two(One): pass\n",
}


def test_bases_in_other_files(tmp_path: Path) -> None:
    known = project(tmp_path, FILES)
    module = load(known, "pkg/net.py")
    assert {name: known.module_evidence(cls) for name, cls in module.classes.items()} == {
        "A": "inherits torch.nn.Module through pkg.base.Base, pkg.base.Root", "B": "inherits torch.nn.Module through pkg.base.Root", "C": None,
    }  # fmt: skip
    assert not known.ancestry(module.classes["C"]).complete


def test_cycles_across_files_end(tmp_path: Path) -> None:
    known = project(tmp_path, FILES)
    cls = load(known, "pkg/one.py").classes["One"]
    assert names(known.ancestry(cls).classes) == ["One", "Two"]
    assert known.module_evidence(cls) is None


def test_a_base_that_cannot_be_read_is_told_by_its_name(tmp_path: Path) -> None:
    own = "from pytorch_lightning import LightningModule\nclass A(LightningModule): pass\n"
    tree = {"lib/pytorch_lightning/__init__.py": "class LightningModule(hidden()): pass\n", "net.py": own}
    known = project(tmp_path, tree, tmp_path / "lib")
    assert known.module_evidence(load(known, "net.py").classes["A"]) == "inherits pytorch_lightning.LightningModule"


def test_a_base_that_is_read_is_not_told_by_its_name(tmp_path: Path) -> None:
    tree = {"lib/transformers/__init__.py": "class FakeModel: pass\n", "net.py": "from transformers import FakeModel\nclass A(FakeModel): pass\n"}
    known = project(tmp_path, tree, tmp_path / "lib")
    assert known.module_evidence(load(known, "net.py").classes["A"]) is None


def test_answers_follow_the_text(tmp_path: Path) -> None:
    known = project(tmp_path, {"base.py": "class Base: pass\n", "net.py": "from base import Base\nclass A(Base): pass\n"})
    cls = load(known, "net.py").classes["A"]
    assert known.module_evidence(cls) is None
    (tmp_path / "base.py").write_text("import torch.nn as nn\nclass Base(nn.Module): pass\n")
    load(known, "base.py")
    assert known.module_evidence(cls) == "inherits torch.nn.Module through base.Base"


def test_torch_itself_agrees_on_names() -> None:
    torch = pytest.importorskip("torch")
    for name, value in vars(torch.nn).items():
        if isinstance(value, type):
            assert is_module_base(f"torch.nn.{name}") is issubclass(value, torch.nn.Module), name


def test_the_list_of_torch_modules_is_right() -> None:
    torch = pytest.importorskip("torch")
    known = {name for name in TORCH_MODULES if hasattr(torch.nn, name)}
    assert all(issubclass(getattr(torch.nn, name), torch.nn.Module) for name in known)
    assert len(known) > 140


def test_classes_within_functions_and_classes() -> None:
    known, module = lone(HEAD + f"def make():\n    class B(nn.Module): pass\n    class A(B):\n{indent(FORWARD, '    ')}")
    assert known.module_evidence(module.classes["make.A"]) == "inherits torch.nn.Module through net.make.B"
