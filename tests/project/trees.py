"""Projects given as texts by relative path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from lintorch.project.module import ClassEntry, FunctionEntry, Module
from lintorch.project.project import Project
from lintorch.source.text import Source

Tree = Mapping[str, str]
HEAD = "import torch\nfrom torch import nn\n"


def grow(root: Path, tree: Tree) -> Path:
    """Write the files."""
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return root


def project(root: Path, tree: Tree, *search: Path) -> Project:
    """A project of these files."""
    return Project(grow(root, tree), search)


def load(known: Project, name: str) -> Module:
    """The module of a file of the project."""
    return known.load(Source.read(known.root / name))


def lone(text: str, path: str = "/nowhere/net.py") -> tuple[Project, Module]:
    """A project of one text that is on no disk."""
    known = Project(Path(path).parent, ())
    return known, known.load(Source.from_bytes(path, dedent(text).encode()))


def names(entries: tuple[FunctionEntry, ...] | tuple[ClassEntry, ...]) -> list[str]:
    """Their qualified names."""
    return [entry.qualname for entry in entries]
