"""What decorators and context managers set gradients to."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.project.trees import HEAD, load, lone, project

TORCH = [
    ("torch.no_grad", "off"), ("torch.inference_mode", "off"), ("torch.enable_grad", "on"), ("torch.autograd.no_grad", "off"), ("nothing", None),
    ("torch.autograd.grad_mode.inference_mode", "off"), ("torch.set_grad_enabled", None), ("torch.compile", None), ("builtins.property", None),
]  # fmt: skip


@pytest.mark.parametrize(("dotted", "mode"), TORCH)
def test_torchs_own(dotted: str, mode: str | None) -> None:
    known, _ = lone("")
    assert known.grad_mode(dotted) == mode


def mode(text: str) -> str | None:
    """The mode set by what the text calls `d`."""
    known, _ = lone(f"{HEAD}import functools, contextlib\n{dedent(text)}")
    return known.grad_mode("net.d")


NOTHING = [
    pytest.param("def d(fn): return fn", id="identity"),
    pytest.param("def d(fn):\n    def w(*a): return fn(*a)\n    return w", id="plain wrapper"),
    pytest.param("def d(fn):\n    with torch.no_grad(): x = 1\n    def w(*a): return fn(*a)\n    return w", id="something else without gradients"),
    pytest.param("def d(fn):\n    def w(*a):\n        with lock: return fn(*a)\n    return w", id="another with"),
    pytest.param("d = torch.compile", id="alias of something else"),
    pytest.param("d = functools.partial", id="partial itself"),
    pytest.param("d = functools.partial()", id="partial of nothing"),
    pytest.param("d = d", id="itself"),
    pytest.param("def d(fn): return e(fn)\ndef e(fn): return d(fn)", id="a cycle"),
    pytest.param("d = 3", id="no decorator"),
    pytest.param("class d: pass", id="a class"),
    pytest.param("@contextlib.contextmanager\ndef d():\n    yield", id="a context manager"),
    pytest.param("@contextlib.contextmanager\ndef d():\n    with torch.no_grad(): x = 1\n    yield", id="a context manager that is done with it"),
]


@pytest.mark.parametrize("text", NOTHING)
def test_nothing_known(text: str) -> None:
    assert mode(text) is None


OFF = [
    pytest.param("d = torch.no_grad", id="alias"),
    pytest.param("d = torch.no_grad()", id="instance"),
    pytest.param("e = torch.no_grad\nd = e", id="alias of an alias"),
    pytest.param("d = functools.partial(torch.inference_mode, mode=True)", id="partial"),
    pytest.param("d = functools.partial(torch.set_grad_enabled, False)", id="partial with the mode"),
    pytest.param("d = torch.inference_mode if torch.cuda else torch.no_grad", id="conditional choice"),
    pytest.param("d = getattr(torch, 'inference_mode', None) or torch.no_grad", id="second choice"),
    pytest.param("d = torch.set_grad_enabled(False)", id="switch"),
    pytest.param("d = lambda fn: torch.no_grad()(fn)", id="lambda"),
    pytest.param("def d(fn): return torch.no_grad()(fn)", id="wrapped by torch"),
    pytest.param("def d(): return torch.no_grad()", id="makes one"),
    pytest.param("def d(fn):\n    @functools.wraps(fn)\n    def w(*a):\n        with torch.no_grad(): return fn(*a)\n    return w", id="with in a wrapper"),
    pytest.param("def d(fn):\n    @torch.no_grad()\n    def w(*a): return fn(*a)\n    return w", id="decorated wrapper"),
    pytest.param(
        """
        def d(flag=True):
            def outer(fn):
                def w(*a):
                    with torch.no_grad(): return fn(*a)
                return w
            return outer
        """,
        id="factory",
    ),
    pytest.param("def d(fn): return functools.partial(run, fn)\ndef run(fn, *a):\n    with torch.no_grad(): return fn(*a)", id="through a runner"),
    pytest.param("@contextlib.contextmanager\ndef d():\n    with lock, torch.no_grad(): yield", id="context manager"),
    pytest.param(
        """
        @contextlib.contextmanager
        def d():
            torch.set_grad_enabled(False)
            try: yield
            finally: torch.set_grad_enabled(True)
        """,
        id="context manager that switches",
    ),
    pytest.param("class d(torch.no_grad): pass", id="subclass"),
    pytest.param("class d:\n    def __enter__(self): torch.set_grad_enabled(False)\n    def __exit__(self, *a): pass", id="class of a context manager"),
    pytest.param("class d:\n    def __call__(self, fn): return torch.no_grad()(fn)", id="class of a decorator"),
    pytest.param(
        """
        FAST = True
        def d(fast=FAST):
            def decorate(fn):
                if fast and torch.is_inference_mode_enabled():
                    return fn
                else:
                    return (torch.inference_mode if fast else torch.no_grad)()(fn)
            return decorate
        """,
        id="a pass-through or a conditional choice",
    ),
]


@pytest.mark.parametrize("text", OFF)
def test_off(text: str) -> None:
    assert mode(text) == "off"


ON = [
    pytest.param("d = torch.enable_grad", id="alias"),
    pytest.param("d = torch.set_grad_enabled(True)", id="switch"),
    pytest.param("d = torch.inference_mode(False)", id="inference mode off"),
    pytest.param("def d(fn):\n    def w(*a):\n        with torch.enable_grad(): return fn(*a)\n    return w", id="wrapper"),
]


@pytest.mark.parametrize("text", ON)
def test_on(text: str) -> None:
    assert mode(text) == "on"


FUNCTIONS = [
    ("def f(): pass", None),
    ("@torch.no_grad()\ndef f(): pass", "off"),
    ("@torch.no_grad\ndef f(): pass", "off"),
    ("@torch.set_grad_enabled(False)\ndef f(): pass", "off"),
    ("@torch.set_grad_enabled(mode=True)\ndef f(): pass", "on"),
    ("@torch.set_grad_enabled(flag)\ndef f(): pass", None),
    ("@torch.inference_mode(mode=False)\ndef f(): pass", "on"),
    ("@torch.compile\n@torch.no_grad()\ndef f(): pass", "off"),
    ("@torch.no_grad()\n@torch.enable_grad()\ndef f(): pass", "on"),
]


@pytest.mark.parametrize(("text", "expected"), FUNCTIONS)
def test_decorated(text: str, expected: str | None) -> None:
    known, module = lone(HEAD + text)
    assert known.decorated_grad_mode(module.functions["f"]) == expected


def test_wrappers_in_other_files(tmp_path: Path) -> None:
    known = project(tmp_path, {
        "pkg/__init__.py": "", "pkg/wrappers.py": "import torch\ndef quiet(fn): return torch.no_grad()(fn)\n",
        "pkg/net.py": "from .wrappers import quiet\nclass A:\n    @quiet\n    def f(self): pass\n",
    })  # fmt: skip
    method = load(known, "pkg/net.py").functions["A.f"]
    assert [known.grad_mode(name or "") for name in method.decorators] == ["off"]
    assert known.decorated_grad_mode(method) == "off"


def test_answers_follow_the_text(tmp_path: Path) -> None:
    known = project(tmp_path, {"a.py": "d = 1\n"})
    assert known.grad_mode("a.d") is None
    (tmp_path / "a.py").write_text("import torch\nd = torch.no_grad\n")
    load(known, "a.py")
    assert known.grad_mode("a.d") == "off"
