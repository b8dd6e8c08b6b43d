"""Parsing with Python's own parser, behind gates that turn every way it (or libcst after it) can fail into one clear line."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from lintorch.source.text import Source, SourceError

# libcst crashes the process at about 1,600 nested brackets and runs out of Python stack at about 150 (calls, lists) to 400 (operators, attributes, elif).
# The deepest statement in 4.5 million lines of real packages that is not a generated formula weighs under 200.
_DEEPEST = 250
_BRACKETS = 100
_BRACKET_WEIGHT = 3
# A bracket pair weighs 3 in two characters and suites nest at most 100 deep (`elif` apart), so shorter statements cannot reach the limit.
_HARMLESS = 100
_NO_BRACKETS = bytes(set(range(256)) - set(b"()[]{}"))
_STRING_OR_COMMENT = re.compile(r"""(?s)'''(?:[^\\]|\\.)*?'''|\"""(?:[^\\]|\\.)*?\"""|'(?:[^\\'\n]|\\.)*'|"(?:[^\\"\n]|\\.)*"|#[^\n]*""")
_SIMPLE = frozenset({
    ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Delete, ast.Raise, ast.Assert, ast.Import, ast.ImportFrom, ast.Global,
    ast.Nonlocal, ast.Pass, ast.Break, ast.Continue,
})
_NO_OPERATORS = bytes(set(range(256)) - set(b".+-*/%@|&^~<>=:"))
_BRACKETED = (ast.Call, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Subscript, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr)


def parse(source: Source) -> ast.Module:
    """The file's ast; raises SourceError on syntax errors, newer syntax than the running Python's, and nesting no tool survives."""
    if bracket_depth(source.text) > _BRACKETS:
        raise _too_deep(source, None)
    tree = _parse(source)
    line = _deep_statement(tree, source)
    if line is not None:
        raise _too_deep(source, line)
    return tree


def bracket_depth(text: str) -> int:
    """An upper bound on how deeply brackets nest in `text`, exact where it is above 100 and strings hold no brackets."""
    brackets = text.encode(errors="replace").translate(None, _NO_BRACKETS)
    depth = _peel(brackets)
    if depth <= _BRACKETS:
        return depth
    stripped = _STRING_OR_COMMENT.sub("", text)
    return _peel(stripped.encode(errors="replace").translate(None, _NO_BRACKETS))


def _peel(brackets: bytes) -> int:
    """Remove innermost pairs until nothing changes: the rounds taken plus the openers left over."""
    for depth in range(len(brackets) + 1):
        if depth > _BRACKETS:
            break
        peeled = brackets.replace(b"()", b"").replace(b"[]", b"").replace(b"{}", b"")
        if peeled == brackets:
            return depth + sum(map(brackets.count, (b"(", b"[", b"{")))
        brackets = peeled
    return _BRACKETS + 1


def _parse(source: Source) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the checked file are not ours to print
            return ast.parse(source.text)
    except SyntaxError as error:
        if "too many nested parentheses" in (error.msg or ""):
            raise _too_deep(source, error.lineno) from None
        raise _not_python(source, error) from None
    except (RecursionError, MemoryError):
        raise _too_deep(source, None) from None
    except ValueError as error:  # such as an integer of more digits than Python converts
        raise SourceError(source.path, f"cannot be parsed ({error})", "exclude it") from None


def _not_python(source: Source, error: SyntaxError) -> SourceError:
    from lintorch.source.syntax import python_needed  # loads libcst, which only rejected files need

    needed = python_needed(source.text)
    if needed:
        return SourceError(source.path, f"uses syntax of Python {needed}", f"run lintorch with Python {needed} or newer", error.lineno)
    return SourceError(source.path, f"is not valid Python ({error.msg})", "correct it or exclude it", error.lineno)


def _too_deep(source: Source, line: int | None) -> SourceError:
    return SourceError(source.path, "is nested too deeply to be parsed safely", "split the expression or exclude the file", line)


def _deep_statement(tree: ast.Module, source: Source) -> int | None:
    """The line of a statement nested beyond the limit; iterative, since `elif` chains nest as deep as they are long."""
    waiting: list[tuple[list[ast.stmt], int]] = [(tree.body, 0)]
    while waiting:
        suite, level = waiting.pop()
        for statement in suite:
            if type(statement) not in _SIMPLE:
                waiting += [(inner, level + 1) for inner in _suites(statement)]
            elif statement.end_lineno == statement.lineno and statement.end_col_offset < _HARMLESS and level < _HARMLESS:  # type: ignore[operator]
                continue  # nearly every statement: nothing below is worth its time
            if level > _DEEPEST or (_may_be_deep(statement, level, source) and level + _weight(statement) > _DEEPEST):
                return statement.lineno
    return None


def _suites(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        inner = getattr(statement, name, None)
        if inner:
            yield inner
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def _may_be_deep(statement: ast.stmt, level: int, source: Source) -> bool:
    """Can the expressions of a statement (of its header, where it has a body) reach the limit? Judged by characters alone."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return False
    starts = source.line_starts
    first, last = _header_lines(statement)
    begin, end = starts[first - 1], starts[last] if last < len(starts) else len(source.text)
    if end - begin < _HARMLESS and level < _HARMLESS:
        return False
    header = source.text[begin:end].encode(errors="replace")
    brackets, operators, words = sum(map(header.count, (b"(", b"[", b"{"))), len(header.translate(None, _NO_OPERATORS)), len(header.split())
    return level + _BRACKET_WEIGHT * brackets + operators + words > _DEEPEST


def _header_lines(statement: ast.stmt) -> tuple[int, int]:
    """The first and last line of what a statement holds beside its suites (decorators and the first line of the body included)."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    first = decorators[0].lineno if decorators else statement.lineno
    if isinstance(statement, ast.Match):
        return first, statement.cases[-1].body[0].lineno
    body: list[ast.stmt] = getattr(statement, "body", [])
    return first, body[0].lineno if body else statement.end_lineno or statement.lineno


def _weight(statement: ast.stmt) -> int:
    """The deepest nesting of expressions in a statement, sub-statements left out; brackets cost libcst three times the stack of an operator."""
    deepest = 0
    waiting: list[tuple[ast.AST, int]] = [(statement, 0)]
    while waiting:
        node, weight = waiting.pop()
        deepest = max(deepest, weight)
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.stmt):
                waiting.append((child, weight + (_BRACKET_WEIGHT if isinstance(child, _BRACKETED) else 1)))
    return deepest
