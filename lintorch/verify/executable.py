"""Which lines of a text must run for an edit on a given line to have run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from types import CodeType


def never_ran(text: str, edited: Iterable[int], ran: frozenset[int]) -> tuple[int, ...]:
    """The edited lines (1-based) of which nothing ran; lines that hold nothing to run (comments, blanks, docstrings) are left out."""
    executable = _executable_lines(text)
    statements = dict(_statements(ast.parse(text)))
    missing = []
    for line in edited:
        place = statements.get(_innermost(statements, line), frozenset()) & executable
        if place and not place & ran:
            missing.append(line)
    return tuple(missing)


def _statements(tree: ast.AST) -> Iterator[tuple[frozenset[int], frozenset[int]]]:
    """The lines of each statement, of a compound one those of its header, with the lines of which one must run for the statement to have run.

    What stands in the head of a function (a decorator) has run when the function has, not when it was defined.
    """
    for node in ast.walk(tree):
        if isinstance(node, (ast.stmt, ast.excepthandler, ast.match_case)):
            own = frozenset(range(_first_line(node), _last_line(node) + 1))
            yield own, _body_lines(node) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else own


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[int]:
    return frozenset(range(_first_line(function.body[0]), (function.body[-1].end_lineno or function.lineno) + 1))


def _first_line(node: ast.stmt | ast.excepthandler | ast.match_case) -> int:
    if isinstance(node, ast.match_case):
        return node.pattern.lineno
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _last_line(node: ast.stmt | ast.excepthandler | ast.match_case) -> int:
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if isinstance(body, list) and body:
        return max(_first_line(node), _first_line(body[0]) - 1)
    end: int | None = getattr(node, "end_lineno", None)
    return end or _first_line(node)


def _innermost(statements: Iterable[frozenset[int]], line: int) -> frozenset[int]:
    around = [lines for lines in statements if line in lines]
    return min(around, key=len, default=frozenset())


def _executable_lines(text: str) -> frozenset[int]:
    """The lines that the compiler gave code to."""
    lines: set[int] = set()
    pending: list[CodeType] = [compile(text, "<text>", "exec", dont_inherit=True)]
    while pending:
        code = pending.pop()
        lines.update(line for _, _, line in code.co_lines() if line is not None)
        pending += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return frozenset(lines)
