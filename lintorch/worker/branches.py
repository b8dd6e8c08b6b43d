"""Which tests in a file stand before given lines, and which names they ask about."""

from __future__ import annotations

import ast
import inspect
import linecache
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set

from .infer import Place, parameter_uses
from .tree import function_tree, plain, signature


class Asked(NamedTuple):
    """What the tests before some lines ask: names (of locals and of attributes) and the constants they compare with."""

    names: Set[str]
    constants: List[Any]


def asked_before(path: str, lines: Set[int]) -> Asked:
    """The names and constants in the conditions of the `if`s, conditional expressions and loops around the lines."""
    names: Set[str] = set()
    constants: List[Any] = []
    for test in _tests(path, lines):
        for node in ast.walk(test):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Constant) and node.value is not None:
                constants.append(node.value)
    return Asked(names - {"self"}, list(dict.fromkeys(constants)))


def _tests(path: str, lines: Set[int]) -> Iterator[ast.expr]:
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.If, ast.While, ast.IfExp)) and any(_covers(part, lines) for part in _sides(node)):
            yield node.test
        elif isinstance(node, ast.For) and any(_covers(part, lines) for part in node.body):
            yield node.iter


def _sides(node: Any) -> List[ast.AST]:
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else [*node.body, *node.orelse]


def _covers(node: Any, lines: Set[int]) -> bool:
    return any(node.lineno <= line <= (node.end_lineno or node.lineno) for line in lines)


def parameters_behind(owner: type, names: Set[str]) -> List[str]:
    """The constructor's parameters that the names stand for: by name, or kept by self under one of them."""
    place = Place(owner.__init__, owner, building=True)  # type: ignore[misc]
    shape = signature(owner.__init__)  # type: ignore[misc]
    found = []
    for parameter in list(shape.parameters)[1:] if shape is not None else []:
        if parameter in names or names & set(parameter_uses(place, parameter).stored):
            found.append(parameter)
    return found


def method_lines(owner: type, path: str) -> Dict[str, Set[int]]:
    """The lines of each method of a class and of its bases that stand in the file, `__init__` left out."""
    found: Dict[str, Set[int]] = {}
    for kind in owner.__mro__:
        for name, member in vars(kind).items():
            function = plain(member)
            if function is not None and function.__code__.co_filename == path and name != "__init__" and name not in found:
                found[name] = _code_lines(function)
    return found


def _code_lines(function: Any) -> Set[int]:
    tree = function_tree(function)
    if tree is None or isinstance(tree, ast.Lambda):
        return set()
    return {node.lineno for statement in tree.body for node in ast.walk(statement) if isinstance(node, ast.stmt) and not _is_docstring(node)}


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def method_of_line(owner: type, path: str, line: int) -> Optional[str]:
    """The method that holds a line."""
    for name, function in inspect.getmembers(owner, callable):
        tree = function_tree(function)
        body = plain(function)
        if tree is not None and body is not None and body.__code__.co_filename == path and tree.lineno <= line <= (tree.end_lineno or tree.lineno):
            return name
    return None
