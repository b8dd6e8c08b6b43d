"""Where two versions of a file differ: the statements to watch while they run, the functions that these stand in, and the texts with marks for a worker."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lintorch.source.text import Span
from lintorch.verify.canary import NAME

TICK = "__lintorch_tick__"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Watched:
    """One version: the lines that differ, and the offsets of the statements that begin a difference, in the order of the text."""

    text: str
    lines: tuple[int, ...]
    starts: tuple[int, ...]
    targets: tuple[str, ...]
    bodies: tuple[str, ...]
    in_loop: bool

    def marked(self, probes: Sequence[Span] = ()) -> str:
        """The text with a tick before each watched statement, and each probe wrapped; lines stay where they are."""
        insertions = [
            *((start, 0, 0, f"{TICK}({number}); ") for number, start in enumerate(self.starts)),
            *((probe.start, 2, -probe.end, f"{NAME}({number}, (") for number, probe in enumerate(probes)),
            *((probe.end, 1, -probe.start, "))") for number, probe in enumerate(probes)),
        ]
        parts: list[str] = []
        done = 0
        for offset, _, _, inserted in sorted(insertions):
            parts += self.text[done:offset], inserted
            done = offset
        return "".join((*parts, self.text[done:]))


def watched(old: str, new: str) -> tuple[Watched, Watched]:
    """The watched statements of both versions, one for each difference in both."""
    before, after = old.split("\n"), new.split("\n")
    changes = [code for code in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if code[0] != "equal"]
    first, second = _Version(old), _Version(new)
    pairs = dict.fromkeys((first.start_at(i + 1), second.start_at(k + 1)) for _, i, _, k, _ in changes)
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    old_lines = [line for _, i, j, _, _ in changes for line in range(i + 1, max(j, i + 1) + 1)]
    new_lines = [line for _, _, _, k, m in changes for line in range(k + 1, max(m, k + 1) + 1)]
    return first.watched(old_lines, [one for one, _ in known]), second.watched(new_lines, [other for _, other in known])


class _Version:
    """A text, its tree and the offsets of its lines."""

    def __init__(self, text: str) -> None:
        self.text, self.tree = text, ast.parse(text)
        self.lines = text.split("\n")
        self.offsets = [0]
        for line in self.lines:
            self.offsets.append(self.offsets[-1] + len(line) + 1)

    def start_at(self, line: int) -> int | None:
        """The offset of the first simple statement that what stands on the line runs."""
        around = [node for node in ast.walk(self.tree) if isinstance(node, ast.stmt) and _first(node) <= line <= _last(node)]
        if not around:
            return None
        node: ast.stmt = min(around, key=lambda found: _last(found) - _first(found))
        while isinstance(body := getattr(node, "body", None), list) and body:
            node = body[0]
        column = len(self.lines[node.lineno - 1].encode()[: node.col_offset].decode())
        return self.offsets[node.lineno - 1] + column

    def watched(self, lines: Iterable[int], starts: Iterable[int]) -> Watched:
        kept = tuple(lines)
        found = dict(_targets(self.tree, kept))
        bodies = tuple(self.text if node is self.tree else ast.get_source_segment(self.text, node) or "" for node in found.values())
        in_loop = any(_in_loop(node, kept) for node in found.values())
        return Watched(self.text, kept, tuple(starts), tuple(found), bodies, in_loop)


def _first(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _last(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _targets(tree: ast.Module, lines: Sequence[int]) -> Iterator[tuple[str, ast.AST]]:
    """The dotted name of the innermost function round each line, and the function; outside of functions the script."""
    for line in lines:
        names: list[str] = []
        inside: ast.AST = tree
        while (found := _definition_at(inside, line)) is not None:
            names.append(found.name)
            inside = found
        yield (".".join(names), inside) if isinstance(inside, _FUNCTIONS) else ("<module>", tree)


def _in_loop(inside: ast.AST, lines: Sequence[int]) -> bool:
    """Does one of the lines stand in a loop of the function itself?"""
    loops = [node for node in ast.walk(inside) if isinstance(node, ast.For | ast.AsyncFor | ast.While)]
    return any(_first(loop.body[0]) <= line <= _last(loop.body[-1]) for loop in loops for line in lines)


def _definition_at(inside: ast.AST, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | None:
    pending: list[ast.AST] = list(ast.iter_child_nodes(inside))
    while pending:
        node = pending.pop()
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            if _first(node) <= line <= _last(node):
                return node
        else:
            pending += ast.iter_child_nodes(node)
    return None
