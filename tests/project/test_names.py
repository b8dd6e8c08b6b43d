"""Dotted names lead to what they mean, through files, re-exports, aliases and star imports."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lintorch.project.module import ClassEntry, FunctionEntry, Module
from lintorch.project.project import Project
from lintorch.source.text import Source, SourceError
from tests.project.trees import Tree, grow, load, project

PACKAGE: Tree = {
    "pyproject.toml": "",
    "src/pkg/__init__.py": "from .layers import Block as Public\nfrom .ops import *\nfrom . import models\nfrom .pool import pool\n",
    "src/pkg/layers.py": """
        from torch import nn
        class Block(nn.Module):
            class Part: pass
            def forward(self, x): pass
        class Sub(Block): pass
        Base = Block
    """,
    "src/pkg/ops.py": "__all__ = ['f']\nfrom .deep import hidden\ndef f(): pass\ndef g(): pass\n",
    "src/pkg/deep.py": "from .layers import *\ndef hidden(): pass\n_private = 1\n",
    "src/pkg/models/__init__.py": "from .net import *\nfrom .cycle import *\n",
    "src/pkg/models/net.py": "import pkg.layers as layers\nfrom pkg import f as renamed\nclass Net(layers.Base): pass\nnet = Net\n_own = 2\n",
    "src/pkg/models/cycle.py": "from . import *\nfrom .cycle import *\nx = y\ny = x\nz = z\n",
    "src/pkg/pool.py": "def pool(): pass\n",
    "src/pkg/compat.py": """
        try:
            from fast import Linear
        except ImportError:
            from torch.nn import Linear
        from torch.nn import LayerNorm as Norm
        import torch.nn as nn
    """,
}

FOUND = [
    ("pkg", Module, "pkg"),
    ("pkg.layers", Module, "pkg.layers"),
    ("pkg.models", Module, "pkg.models"),
    ("pkg.layers.Block", ClassEntry, "pkg.layers.Block"),
    ("pkg.layers.Block.Part", ClassEntry, "pkg.layers.Block.Part"),
    ("pkg.layers.Block.forward", FunctionEntry, "pkg.layers.Block.forward"),
    ("pkg.layers.Sub.forward", FunctionEntry, "pkg.layers.Block.forward"),
    ("pkg.layers.Base", ClassEntry, "pkg.layers.Block"),
    ("pkg.layers.Base.forward", FunctionEntry, "pkg.layers.Block.forward"),
    ("pkg.Public", ClassEntry, "pkg.layers.Block"),
    ("pkg.Public.forward", FunctionEntry, "pkg.layers.Block.forward"),
    ("pkg.f", FunctionEntry, "pkg.ops.f"),
    ("pkg.models.Net", ClassEntry, "pkg.models.net.Net"),
    ("pkg.models.net.net", ClassEntry, "pkg.models.net.Net"),
    ("pkg.models.layers.Block", ClassEntry, "pkg.layers.Block"),
    ("pkg.models.renamed", FunctionEntry, "pkg.ops.f"),
    ("pkg.models.net.Net.forward", FunctionEntry, "pkg.layers.Block.forward"),
    ("pkg.pool", FunctionEntry, "pkg.pool.pool"),
    ("pkg.deep.Block", ClassEntry, "pkg.layers.Block"),
]


@pytest.mark.parametrize(("dotted", "kind", "name"), FOUND)
def test_found(tmp_path: Path, dotted: str, kind: type, name: str) -> None:
    entry = project(tmp_path, PACKAGE).find(dotted)
    assert isinstance(entry, kind)
    assert (entry.name if isinstance(entry, Module) else entry.dotted) == name


NOT_FOUND = [
    "nothing", "pkg.nothing", "pkg.g", "pkg.hidden", "pkg.models._own", "pkg.deep._private", "pkg.models.cycle.x", "pkg.models.cycle.z", "pkg.models.cycle.w",
    "pkg.layers.Block.nothing", "torch", "torch.nn.Module", "builtins.len", "os.path.join", "pkg..layers", "", ".",
]  # fmt: skip


@pytest.mark.parametrize("dotted", NOT_FOUND)
def test_not_found(tmp_path: Path, dotted: str) -> None:
    assert project(tmp_path, PACKAGE).find(dotted) is None


CANONICAL = [
    ("pkg.Public", "pkg.layers.Block"),
    ("pkg.compat.Linear", "fast.Linear"),
    ("pkg.compat.Norm", "torch.nn.LayerNorm"),
    ("pkg.compat.nn.functional.relu", "torch.nn.functional.relu"),
    ("torch.nn.Linear", "torch.nn.Linear"),
    ("nowhere.at.all", "nowhere.at.all"),
]


@pytest.mark.parametrize(("dotted", "name"), CANONICAL)
def test_canonical(tmp_path: Path, dotted: str, name: str) -> None:
    known = project(tmp_path, PACKAGE)
    assert known.canonical(dotted) == name
    assert known.canonical(dotted) == name  # remembered


MODULE_NAMES = [
    ("src/pkg/__init__.py", "pkg"),
    ("src/pkg/layers.py", "pkg.layers"),
    ("src/pkg/models/net.py", "pkg.models.net"),
    ("src/single.py", "single"),
    ("scripts/train.py", "scripts.train"),
    ("tool/lib/inner/a.py", "inner.a"),
    ("setup.py", "setup"),
    ("weird-name.py", "weird-name"),
    ("script", "script"),
    ("src/pkg/plain/a.py", "pkg.plain.a"),
    ("src/space/part/__init__.py", "space.part"),
    ("src/space/part/a.py", "space.part.a"),
    ("packages/one/src/other/__init__.py", "other"),
]


@pytest.mark.parametrize(("path", "name"), MODULE_NAMES)
def test_module_names(tmp_path: Path, path: str, name: str) -> None:
    tree = {**PACKAGE, "tool/lib/inner/__init__.py": "", **{path: "x = 1\n" for path, _ in MODULE_NAMES if path not in PACKAGE}}
    known = project(tmp_path, tree)
    module = load(known, path)
    assert module.name == name
    assert path == "script" or known.module(name) is module


def test_a_file_on_no_disk_has_the_name_it_would_have(tmp_path: Path) -> None:
    known = project(tmp_path, PACKAGE)
    module = known.load(Source.from_bytes(tmp_path / "src/pkg/new.py", b"from .layers import Block\n"))
    assert module.name == "pkg.new"
    assert known.find("pkg.new.Block") is known.find("pkg.layers.Block")


SCRIPTS: Tree = {
    "pyproject.toml": "",
    "a/train.py": "import utils\nfrom model import Net\nimport helpers.tools\n",
    "a/utils.py": "def f(): pass\n",
    "a/model.py": "class Net: pass\n",
    "a/helpers/__init__.py": "",
    "a/helpers/tools.py": "def t(): pass\n",
    "b/train.py": "import utils\n",
    "b/utils.py": "def g(): pass\n",
}


def test_scripts_import_their_neighbours(tmp_path: Path) -> None:
    known = project(tmp_path, SCRIPTS)
    module = load(known, "a/train.py")
    assert known.find(module.qualify("utils.f") or "") is known.find("a.utils.f")
    assert known.find(module.qualify("Net") or "") is known.find("a.model.Net")
    assert isinstance(known.find(module.qualify("helpers.tools.t") or ""), FunctionEntry)
    other = load(known, "b/train.py")
    assert known.find(other.qualify("utils.f") or "") is None
    assert known.find(other.qualify("utils.g") or "") is known.find("b.utils.g")


def test_packages_anywhere_are_found_once_seen(tmp_path: Path) -> None:
    known = project(tmp_path, {"a.py": "from inner import X\n", "deep/down/inner/__init__.py": "class X: pass\n"})
    assert known.find("inner.X") is None
    load(known, "deep/down/inner/__init__.py")
    assert known.find("inner.X") is not None
    assert known.find("a.X") is known.find("inner.X")


@pytest.mark.parametrize("place", ["src", "lib", "python", "one/src", "packages/one/src"])
def test_usual_layouts_are_searched(tmp_path: Path, place: str) -> None:
    assert project(tmp_path, {f"{place}/pkg/__init__.py": "class X: pass\n"}).find("pkg.X") is not None


def test_installed_namespace_packages_keep_their_full_name(tmp_path: Path) -> None:
    grow(tmp_path / "site", {"space/part/__init__.py": "class X: pass\n"})
    known = project(tmp_path / "own", {"a.py": ""}, tmp_path / "site")
    entry = known.find("space.part.X")
    assert isinstance(entry, ClassEntry)
    assert entry.module.name == "space.part"


def test_packages_of_one_name_are_told_apart(tmp_path: Path) -> None:
    tree = {f"{place}/pkg/{name}.py": text for place in "ab" for name, text in (("__init__", ""), ("x", f"class X{place}: pass"), ("y", "from .x import *"))}
    known = project(tmp_path, tree)
    first, second = load(known, "a/pkg/y.py"), load(known, "b/pkg/y.py")
    assert (first.name, second.name) == ("pkg.y", "b.pkg.y")
    assert isinstance(known.find("pkg.y.Xa"), ClassEntry)
    assert isinstance(known.find("b.pkg.y.Xb"), ClassEntry)
    assert known.find("pkg.y.Xb") is None


def test_installed_packages_are_read_as_text(tmp_path: Path) -> None:
    grow(tmp_path / "site", {"lib/__init__.py": "raise SystemExit\nfrom .core import Net\n", "lib/core.py": "class Net: pass\n"})
    known = project(tmp_path / "own", {"net.py": ""}, tmp_path / "site")
    assert isinstance(known.find("lib.Net"), ClassEntry)
    assert "lib" not in sys.modules


def test_the_project_comes_before_what_is_installed(tmp_path: Path) -> None:
    grow(tmp_path / "site", {"lib.py": "class Old: pass\n"})
    known = project(tmp_path / "own", {"lib.py": "class New: pass\n"}, tmp_path / "site")
    assert known.find("lib.New") is not None
    assert known.find("lib.Old") is None


def test_libraries_without_modules_are_not_read(tmp_path: Path) -> None:
    grow(tmp_path / "site", {"numpy/__init__.py": "def zeros(): pass\n"})
    assert project(tmp_path / "own", {"net.py": ""}, tmp_path / "site").find("numpy.zeros") is None
    assert project(tmp_path / "numpy_itself", {"numpy/__init__.py": "def zeros(): pass\n"}).find("numpy.zeros") is not None


@pytest.mark.parametrize("text", ["def f(:\n", "x = '\xff'\n"])
def test_a_file_that_cannot_be_read_is_not_there(tmp_path: Path, text: str) -> None:
    known = project(tmp_path, {"net.py": "import broken\n"})
    (tmp_path / "broken.py").write_text(text, encoding="latin-1")
    assert known.module("broken") is None
    assert known.module("broken") is None
    with pytest.raises(SourceError):
        load(known, "broken.py")


def test_an_unsaved_file_that_is_let_go_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintorch.project.names._KEPT_CHARACTERS", 10)
    known = project(tmp_path, {"a.py": "class A: pass\n"})
    known.load(Source.from_bytes(tmp_path / "new.py", b"class New: pass\n"))
    assert known.find("a.A") is not None
    assert known.find("new.New") is not None


def test_a_loaded_text_is_what_its_path_holds(tmp_path: Path) -> None:
    known = project(tmp_path, {"net.py": "class Old: pass\n", "other.py": "from net import *\n"})
    assert known.find("other.Old") is not None
    known.load(Source.from_bytes(tmp_path / "net.py", b"class New: pass\n"))
    assert known.find("other.Old") is None
    assert known.find("other.New") is known.find("net.New") is not None


def test_loading_the_same_text_again_changes_nothing(tmp_path: Path) -> None:
    known = project(tmp_path, {"net.py": "class Net: pass\n"})
    module = known.module("net")
    assert load(known, "net.py") is module
    assert known.load(Source.read(tmp_path / "." / "net.py")) is module


def test_a_broken_file_can_be_repaired_in_memory(tmp_path: Path) -> None:
    known = project(tmp_path, {"net.py": "class Net(:\n"})
    assert known.module("net") is None
    known.load(Source.from_bytes(tmp_path / "net.py", b"class Net: pass\n"))
    assert known.find("net.Net") is not None


def test_few_modules_stay_in_memory_and_unsaved_texts_are_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintorch.project.names._KEPT_CHARACTERS", 100)
    tree = {f"m{number}.py": f"class Net{number}: pass\n" + "#" * 50 for number in range(10)}
    known = project(tmp_path, tree)
    known.load(Source.from_bytes(tmp_path / "m0.py", b"class Unsaved: pass\n" + b"#" * 50))
    assert [known.find(f"m{number}.Net{number}") is not None for number in range(10)] == [False] + [True] * 9
    assert len(known._names._modules) < 3  # what is kept is the point
    assert known.find("m0.Unsaved") is not None


def test_import_by_function(tmp_path: Path) -> None:
    text = "import importlib\nlib = importlib.import_module('lib')\nother = importlib.import_module(lib)\n"
    known = project(tmp_path, {"lib.py": "class Net: pass\n", "a.py": text})
    assert known.find("a.lib.Net") is known.find("lib.Net") is not None
    assert known.find("a.other.Net") is None


def test_star_imports_of_torch_bring_its_modules(tmp_path: Path) -> None:
    known = project(tmp_path, {"a.py": "from torch.nn import *\n"})
    module = load(known, "a.py")
    assert module.qualify("Linear") == "torch.nn.Linear"
    assert module.qualify("functional.relu") == "torch.nn.functional.relu"
    assert module.qualify("Frobnicator") is None
    assert module.qualify("len") == "builtins.len"


def test_around_finds_root_and_installed_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, {"own/pyproject.toml": "", "own/src/pkg/__init__.py": "", "own/src/pkg/net.py": "import lib\n"})
    grow(tmp_path, {"env/lib/python3.11/site-packages/lib.py": "class Net: pass\n"})
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "env"))
    known = Project.around(tmp_path / "own/src/pkg/net.py")
    assert known.root == tmp_path / "own"
    assert load(known, "src/pkg/net.py").name == "pkg.net"
    assert known.find("lib.Net") is not None
    assert known.find("hypothesis.given") is not None  # of the running interpreter


def test_around_a_lone_file(tmp_path: Path) -> None:
    grow(tmp_path, {"x/net.py": ""})
    assert Project.around(tmp_path / "x" / "net.py").root == tmp_path / "x"


def test_a_package_without_init_that_imports_itself(tmp_path: Path) -> None:
    grow(tmp_path, {"pkg/net.py": "class Net: pass\n", "pkg/run.py": "from pkg import net\n"})
    assert Project.around(tmp_path / "pkg" / "run.py").find("pkg.net.Net") is not None


@pytest.mark.parametrize(("mark", "found"), [(None, True), ("pyproject.toml", False)])
def test_examples_know_the_package_unpacked_beside_them(tmp_path: Path, mark: str | None, found: bool) -> None:
    package, examples = tmp_path / "net", tmp_path / "examples" / "physics"
    for folder in (package, examples):
        folder.mkdir(parents=True)
    (package / "__init__.py").write_text("class Net: ...\n")
    (examples / "demo.py").write_text("from net import Net\n")
    if mark is not None:
        (examples / mark).write_text("")
    project = Project.around(examples / "demo.py")
    assert (project.find("net.Net") is not None) is found
