"""Parsing with Python's own parser, behind gates that turn every way it (or libcst after it) can fail into one clear line."""

from __future__ import annotations

import ast
import re
import sys
import warnings

from lintorch.source.text import Source, SourceError

# libcst crashes the process at about 1,600 nested brackets and runs out of Python stack at about 150 (calls, lists) to 400 (operators, attributes, elif).
# The deepest statement in 4.5 million lines of real packages that is not a generated formula weighs under 200.
_DEEPEST = 250
_BRACKETS = 100
_BRACKET_WEIGHT = 3
# libcst takes 2 to 6 times as long for every bracket that the pattern of a `case` nests: 0.1 seconds at 7, forever at 20.
_PATTERN_BRACKETS = 6
_CASE = re.compile(r"^[ \t\f]*case\b", re.MULTILINE)
# A bracket pair weighs 3 in two characters and suites nest at most 100 deep (`elif` apart), so shorter statements cannot reach the limit.
_HARMLESS = 100
_NO_BRACKETS = bytes(set(range(256)) - set(b"()[]{}"))
_STRING_OR_COMMENT = re.compile(r"""(?s)'''(?:[^\\]|\\.)*?'''|\"""(?:[^\\]|\\.)*?\"""|'(?:[^\\'\n]|\\.)*'|"(?:[^\\"\n]|\\.)*"|#[^\n]*""")
_PARTED = (ast.Try, ast.TryStar, ast.Match) if sys.version_info >= (3, 11) else (ast.Try, ast.Match)
_COMPOUND = frozenset((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, *_PARTED))
_NO_OPERATORS = bytes(set(range(256)) - set(b".+-*/%@|&^~<>=:"))
_UNWEIGHED = (ast.stmt, ast.Name, ast.Constant, ast.expr_context, ast.operator, ast.cmpop)
_BRACKETED = (ast.Call, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Subscript, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr)


def parse(source: Source) -> ast.Module:
    """The file's ast; raises SourceError on syntax errors, newer syntax than the running Python's, and nesting no tool survives."""
    if _nesting(source.text)[0] > _BRACKETS and _nesting(_STRING_OR_COMMENT.sub("", source.text))[0] > _BRACKETS:
        raise _too_deep(source, None)
    tree = _parse(source)
    line = _deep_statement(tree, source)
    if line is not None:
        raise _too_deep(source, line)
    return tree


def _nesting(text: str) -> tuple[int, int]:
    """How often innermost bracket pairs can be taken away, up to the limit and one more, and how many openers are then left over."""
    brackets = text.encode(errors="replace").translate(None, _NO_BRACKETS)
    for rounds in range(_BRACKETS + 1):
        peeled = brackets.replace(b"()", b"").replace(b"[]", b"").replace(b"{}", b"")
        if peeled == brackets:
            return rounds, sum(map(brackets.count, (b"(", b"[", b"{")))
        brackets = peeled
    return _BRACKETS + 1, 0


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
    except ValueError as error:  # pragma: no cover (numbers of too many digits are no SyntaxError to every Python)
        raise SourceError(source.path, f"cannot be parsed ({error})", "exclude it") from None


def _not_python(source: Source, error: SyntaxError) -> SourceError:
    from lintorch.source.syntax import python_needed  # loads libcst, which only rejected files need

    code = _STRING_OR_COMMENT.sub("", source.text)
    safe = sum(_nesting(code)) <= (_PATTERN_BRACKETS if _CASE.search(code) else _BRACKETS)
    needed = python_needed(source.text) if safe else None
    if needed:
        return SourceError(source.path, f"uses syntax of Python {needed}", f"run lintorch with Python {needed} or newer", error.lineno)
    return SourceError(source.path, f"is not valid Python ({error.msg})", "correct it or exclude it", error.lineno)


def _too_deep(source: Source, line: int | None) -> SourceError:
    return SourceError(source.path, "is nested too deeply to be parsed safely", "split the expression or exclude the file", line)


def _deep_statement(tree: ast.Module, source: Source) -> int | None:
    """The line of a statement nested beyond the limit; iterative, since `elif` chains nest as deep as they are long."""
    text, starts = source.text, (*source.line_starts, len(source.text))
    waiting: list[tuple[list[ast.stmt], int]] = [(tree.body, 0)]
    while waiting:
        suite, level = waiting.pop()
        harmless = _HARMLESS if level < _HARMLESS else 0
        for statement in suite:
            first, last = statement.lineno, statement.end_lineno or 0
            if type(statement) in _COMPOUND:
                suites = _suites(statement)
                waiting += [(inner, level + 1) for inner in suites]
                first, last = _header(statement, suites)
                if isinstance(statement, ast.Match) and _slow_patterns(statement, source):
                    return statement.lineno
            # True of nearly every statement; what follows would be too slow for all of them.
            if starts[last] - starts[first - 1] < harmless:
                continue
            if level + _most(statement, text[starts[first - 1] : starts[last]]) > _DEEPEST and level + _weight(statement) > _DEEPEST:
                return statement.lineno
    return None


def _slow_patterns(statement: ast.Match, source: Source) -> bool:
    """Does a `case` nest brackets (in its pattern or its guard) more than libcst can bear? What it runs is no pattern, on whatever line."""
    bodies = ((case.pattern.lineno, case.body[0]) for case in statement.cases)
    headers = ((source.line_span(line).start, source.ast_offset(first.lineno, first.col_offset)) for line, first in bodies)
    codes = (_STRING_OR_COMMENT.sub("", source.text[start:end]) for start, end in headers)
    return any(_nesting(code)[0] > _PATTERN_BRACKETS for code in codes)


def _suites(statement: ast.stmt) -> list[list[ast.stmt]]:
    parts: list[list[ast.stmt]] = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
    if isinstance(statement, _PARTED):
        parts += [part.body for part in (statement.cases if isinstance(statement, ast.Match) else statement.handlers)]
    return [suite for suite in parts if suite]


def _header(statement: ast.stmt, suites: list[list[ast.stmt]]) -> tuple[int, int]:
    """The first and last line of what a compound statement holds beside its suites: decorators, and the first line of the body, included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    first = decorators[0].lineno if decorators else statement.lineno
    return first, statement.end_lineno or first if isinstance(statement, _PARTED) else suites[0][0].lineno


def _most(statement: ast.stmt, text: str) -> int:
    """The most that the expressions of a statement can weigh, going by the brackets, operators and words in its text."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return 0
    code = text.encode(errors="replace")
    brackets, operators, words = sum(map(code.count, (b"(", b"[", b"{"))), len(code.translate(None, _NO_OPERATORS)), len(code.split())
    return _BRACKET_WEIGHT * brackets + operators + words


def _weight(statement: ast.stmt) -> int:
    """The deepest nesting of expressions in a statement, sub-statements left out; brackets cost libcst three times the stack of an operator."""
    deepest = 0
    waiting: list[tuple[ast.AST, int]] = [(statement, 0)]
    while waiting:
        node, weight = waiting.pop()
        deepest = max(deepest, weight)
        for field in node._fields:
            value = getattr(node, field, None)
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, ast.AST) and not isinstance(child, _UNWEIGHED):
                    waiting.append((child, weight + (_BRACKET_WEIGHT if isinstance(child, _BRACKETED) else 1)))
    return deepest
