"""Which containers some code draws from at random: by their last name, as `memory` of `random.sample(self.memory, size)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.project.module import Module

# Functions that are handed the container (or a range as long as it), and functions whose numbers can be its indices.
_DRAWING = frozenset({"random.sample", "random.choice", "random.choices", "numpy.random.choice"})
_NUMBERING = frozenset({"random.randint", "random.randrange", "numpy.random.randint", "numpy.random.permutation", "torch.randint", "torch.randperm"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def drawn_from(module: Module) -> frozenset[str]:
    """The containers that a file draws from at random; remembered with it."""
    if "drawn from" not in module.memo:
        asked = "random" in module.source.text or "torch.rand" in module.source.text
        module.memo["drawn from"] = frozenset(_drawn(module)) if asked else frozenset()
    names: frozenset[str] = module.memo["drawn from"]
    return names


def _drawn(module: Module) -> Iterator[str]:
    script = ast.Module([node for node in module.tree.body if not isinstance(node, (*_FUNCTIONS, ast.ClassDef))], [])
    for function in (script, *(node for node in nodes_under(module.tree) if isinstance(node, _FUNCTIONS))):
        calls = [(module.qualify(node.func), node) for node in nodes_under(function) if isinstance(node, ast.Call)]
        for name, call in calls:
            if name in _DRAWING and call.args:
                yield from _names_in(call.args[0])
        if any(name in _DRAWING or name in _NUMBERING for name, _ in calls):
            yield from _indexed(function)


def _names_in(node: ast.AST) -> Iterator[str]:
    """The last names of what stands in an expression, but for functions that are called."""
    if isinstance(node, ast.Call):
        for part in (*node.args, *node.keywords):
            yield from _names_in(part)
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id
    else:
        for part in ast.iter_child_nodes(node):
            yield from _names_in(part)


def _indexed(function: ast.AST) -> Iterator[str]:
    """What is indexed by a name, and so perhaps by a number drawn."""
    for node in nodes_under(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Name):
            yield from _names_in(node.value) if isinstance(node.value, ast.Name | ast.Attribute) else ()
