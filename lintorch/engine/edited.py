"""An edit that stays inside one function: which one, and the file's ast with that function alone parsed anew."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from lintorch.source.parse import parse
from lintorch.source.text import Source, SourceError

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_OPENER = "if 1:\n"


class Lines(NamedTuple):
    """Lines of a text, 1-based, both included."""

    first: int
    last: int


class EditedFunction(NamedTuple):
    """The lines of a function before and after an edit inside it, and the tree of the new text."""

    before: Lines
    after: Lines
    tree: ast.Module


def edited_function(old: Source, tree: ast.Module, new: Source) -> EditedFunction | None:
    """The outermost function or method that all differences of two texts are inside of; None where there is no such, or it does not parse."""
    changed = _changed_lines(old, new)
    path = _around(tree.body, changed)
    if path is None:
        return None
    node = path[-1]
    assert isinstance(node, FunctionNode)
    growth = len(new.line_starts) - len(old.line_starts)
    before = Lines(_first_line(node), max(node.end_lineno or 0, changed.last))
    after = Lines(before.first, before.last + growth)
    parsed = _parsed(new, after)
    if parsed is None or parsed.name != node.name:
        return None
    # Python's own parser is faster at the whole file than ast.increment_lineno is at the rest of it.
    return EditedFunction(before, after, parse(new) if growth else _grafted(tree, path, parsed))


def _changed_lines(old: Source, new: Source) -> Lines:
    """The lines of the old text from the first that differs to the last; where lines were put in between two, the line before."""
    olds, news = _lines(old), _lines(new)
    head = _common(olds, news)
    tail = min(_common(olds[::-1], news[::-1]), min(len(olds), len(news)) - head)
    last = len(olds) - tail
    return Lines(head + 1, last) if last > head else Lines(max(head, 1), max(head, 1))


def _lines(source: Source) -> list[str]:
    starts = (*source.line_starts, len(source.text))
    return [source.text[start:end] for start, end in itertools.pairwise(starts)]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many leading items two lists share."""
    return next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _around(suite: Sequence[ast.stmt], changed: Lines) -> list[ast.stmt] | None:
    """The classes round the function that holds the changed lines, and that function."""
    for statement in suite:
        if not isinstance(statement, ast.ClassDef | FunctionNode) or not _first_line(statement) <= changed.first <= changed.last <= (statement.end_lineno or 0):
            continue
        if not isinstance(statement, ast.ClassDef):
            return [statement]
        inner = _around(statement.body, changed)
        return [statement, *inner] if inner else None
    return None


def _first_line(node: ast.ClassDef | FunctionNode) -> int:
    return min((decorator.lineno for decorator in node.decorator_list), default=node.lineno)


def _parsed(source: Source, lines: Lines) -> FunctionNode | None:
    """The one function that these lines are, with the places it has in the file."""
    text = source.text[source.line_span(lines.first).start : source.line_span(lines.last).end]
    opener = _OPENER if text[:1] in " \t" else ""
    try:
        body = parse(Source(source.path, (opener + text).encode(errors="surrogatepass"), opener + text, "utf-8")).body
    except SourceError:
        return None
    if opener and len(body) == 1 and isinstance(body[0], ast.If):
        body = body[0].body
    if len(body) != 1 or not isinstance(body[0], FunctionNode):
        return None
    ast.increment_lineno(body[0], lines.first - 1 - bool(opener))
    return body[0]


def _grafted(tree: ast.Module, path: list[ast.stmt], new: FunctionNode) -> ast.Module:
    """The tree with the last node of `path` replaced."""
    replacement: ast.stmt = new
    for old, parent in zip(reversed(path), [*reversed(path[:-1]), tree], strict=True):
        assert isinstance(parent, ast.ClassDef | ast.Module)
        changed = copy.copy(parent)
        changed.body = [replacement if statement is old else statement for statement in parent.body]
        if isinstance(changed, ast.Module):
            return changed
        changed.end_lineno = max(changed.end_lineno or 0, replacement.end_lineno or 0)
        replacement = changed
    raise AssertionError("a path begins below the module")
