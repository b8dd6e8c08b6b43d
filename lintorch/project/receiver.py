"""What a method does with its receiver (`self`): the nodes where that name still means the receiver."""

from __future__ import annotations

import ast

from lintorch.project.module import FunctionEntry
from lintorch.project.nodes import children_of, nodes_until

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_APART = frozenset({*_FUNCTIONS, ast.ClassDef})


def receiver_nodes(function: FunctionEntry) -> list[ast.AST]:
    """Every node of a method's body, nearest first, nested functions included unless they rebind the receiver's name; nested classes are left out."""
    found = nodes_until(function.node.body, _APART)
    for node in found:  # which grows meanwhile
        if isinstance(node, _FUNCTIONS) and not _rebinds(node.args, function.receiver):
            found += nodes_until(children_of(node), _APART)
    return found


def is_super(node: ast.expr) -> bool:
    """Is it `super()` or `super(Class, self)`?"""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def constant_name(call: ast.Call, position: int) -> str | None:
    """The string constant given as positional argument or as `name=`, None where it is computed or missing."""
    given = call.args[position] if len(call.args) > position else next((keyword.value for keyword in call.keywords if keyword.arg == "name"), None)
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def _rebinds(arguments: ast.arguments, name: str | None) -> bool:
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    return any(argument is not None and argument.arg == name for argument in every)
