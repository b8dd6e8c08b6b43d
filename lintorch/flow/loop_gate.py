"""By syntax: may a loop's names hold graphs at the end of a turn that are good for nothing but a number?"""

from __future__ import annotations

import ast

from lintorch.project.nodes import nodes_under

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
# What makes plain data of a tensor and says in passing that it is one.
REDUCING = frozenset({"item", "detach", "tolist", "numpy", "data"})


def has_surviving_name(function: ast.AST) -> bool:
    """Is there a loop without a backward pass that binds the result of a call to a name and reduces something?"""
    return any(isinstance(node, _LOOPS) and _binds_and_reduces(node) for node in nodes_under(function))


def _binds_and_reduces(loop: ast.AST) -> bool:
    binds = reduces = False
    for node in nodes_under(loop):
        if isinstance(node, ast.Attribute):
            if node.attr == "backward":
                return False
            reduces = reduces or node.attr in REDUCING
        elif isinstance(node, ast.Assign):
            binds = binds or isinstance(node.value, ast.Call)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            reduces = reduces or node.func.id == "float"
    return binds and reduces
