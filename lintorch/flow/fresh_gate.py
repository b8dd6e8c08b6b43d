"""By syntax: may a name that is bound only to be returned have had no value before? A parameter has one, and so has what an earlier statement bound."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from lintorch.project.module import FunctionNode

_JUMPS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_WITHS = (ast.With, ast.AsyncWith)


def returns_fresh_name(function: FunctionNode) -> bool:
    """Is there a `name = value` before a `return name` that not every way to it has bound `name` before?"""
    given = function.args
    every = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
    pending: list[tuple[Sequence[ast.stmt], frozenset[str]]] = [(function.body, frozenset(one.arg for one in every if one is not None))]
    while pending:
        suite, bound = pending.pop()
        for statement, following in zip(suite, [*suite[1:], None], strict=True):
            # A name may lose its value there, and behind a jump nothing has one as flow sees it.
            if isinstance(statement, ast.Delete) or (following is not None and _may_end(statement)):
                return True
            if isinstance(following, ast.Return) and isinstance(following.value, ast.Name) and _is_fresh(last_of(statement), following.value.id, bound):
                return True
            if isinstance(statement, ast.Assign):
                bound |= {target.id for target in statement.targets if isinstance(target, ast.Name)}
            elif not isinstance(statement, _SCOPES):
                if any(handler.name for handler in getattr(statement, "handlers", ())):
                    return True
                pending += [(inner, bound) for inner in _suites(statement)]
    return False


def _is_fresh(statement: ast.stmt, name: str, bound: frozenset[str]) -> bool:
    """Does the statement bind `name`, which had no value, or to another name, which may itself be bound only to be returned?"""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    target = statement.targets[0]
    return isinstance(target, ast.Name) and target.id == name and (name not in bound or isinstance(statement.value, ast.Name))


def last_of(statement: ast.stmt) -> ast.stmt:
    """The statement that runs last: a with suite's last one, else the statement itself."""
    while isinstance(statement, _WITHS):
        statement = statement.body[-1]
    return statement


def _may_end(statement: ast.stmt) -> bool:
    """May nothing behind the statement be reached? Yes where in doubt."""
    if isinstance(statement, ast.If):
        return bool(statement.orelse) and _may_end(statement.body[-1]) and _may_end(statement.orelse[-1])
    if isinstance(statement, (*_SCOPES, ast.For, ast.AsyncFor)):
        return False
    if isinstance(statement, ast.While):
        return isinstance(statement.test, ast.Constant)
    return isinstance(statement, _JUMPS) or any(_may_end(suite[-1]) for suite in _suites(statement))


def _suites(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    parts = (statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ()))
    suites = (getattr(part, name, None) for part in parts for name in ("body", "orelse", "finalbody"))
    return (suite for suite in suites if suite)
