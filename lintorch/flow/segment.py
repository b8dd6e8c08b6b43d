"""One function cut out of its file, parsed by libcst, with every node mapped back to offsets of the file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import libcst as cst
from libcst._nodes.internal import CodegenState

from lintorch.garbage import note_tangled
from lintorch.project.module import SCRIPT
from lintorch.source.text import Source, Span

# An indented function is parsed behind a block opener rather than dedented: dedenting would change multi-line strings,
# comments in column 0 and continuation lines.
_OPENER = "if 1:\n"


class Unmappable(Exception):
    """libcst cannot reproduce this function, so nothing in it can be mapped back exactly and it is left alone.

    libcst 1.9 drops form feeds and some comments and line ends, changes lone carriage returns, and rejects a little valid code.
    """


class _SpanRecorder(CodegenState):
    """Renders a tree as libcst does and notes where each node begins and ends, its own parentheses included.

    The blank lines, comments and indentation before a statement are rendered with it, but it begins behind them.
    """

    def __init__(self, module: cst.Module) -> None:
        super().__init__(default_indent=module.default_indent, default_newline=module.default_newline)
        self.length = 0
        self.starts: list[int] = []
        self.begun: dict[cst.CSTNode, int] = {}
        self.spans: dict[cst.CSTNode, Span] = {}

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.add_token(token)

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.length += len(value)

    def before_codegen(self, node: cst.CSTNode) -> None:
        self.starts.append(self.length)

    @contextmanager
    def record_syntactic_position(self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None) -> Iterator[None]:
        if hasattr(node, "leading_lines"):
            self.begun[node] = self.length
        yield

    def after_codegen(self, node: cst.CSTNode) -> None:
        start = self.starts.pop()
        self.spans[node] = Span(self.begun.pop(node, start), self.length)


@dataclass(frozen=True, eq=False)
class Segment:
    """A function's own lines (decorators included): the libcst tree and its place in the file."""

    source: Source
    parsed: str
    tree: cst.Module
    function: cst.FunctionDef | cst.Module
    shift: int  # add to an offset in `parsed` to get the offset in the file

    @cached_property
    def _spans(self) -> dict[cst.CSTNode, Span]:
        # Rendering costs as much as parsing, and only functions with something to report need it.
        recorder = _SpanRecorder(self.tree)
        try:
            self.tree._codegen(recorder)
        except RecursionError:
            raise Unmappable from None
        if "".join(recorder.tokens) != self.parsed:
            raise Unmappable
        return recorder.spans

    def span(self, node: cst.CSTNode) -> Span:
        """Where a node stands in the file, its own parentheses included; raises Unmappable."""
        start, end = self._spans[node]
        return Span(start + self.shift, end + self.shift)

    def text(self, node: cst.CSTNode) -> str:
        """The file's text of a node."""
        start, end = self.span(node)
        return self.source.text[start:end]

    def line(self, node: cst.CSTNode) -> int:
        """The 1-based line a node begins on."""
        return self.source.position(self.span(node).start).line


def _lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, int]:
    first = min((decorator.lineno for decorator in node.decorator_list), default=node.lineno)
    return first, node.end_lineno or node.lineno


def cut(source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Segment:
    """The segment of a function, or of a whole module for `Module.script`; raises Unmappable where libcst rejects it.

    The file's nesting depth must have been checked (`source.parse`).
    """
    note_tangled()
    if node.name == SCRIPT:
        return _whole(source)
    first, last = _lines_of(node)
    start, end = source.line_span(first).start, source.line_span(last).end
    body = source.text[start:end]
    opener = _OPENER if body[:1] in " \t" else ""
    try:
        tree = cst.parse_module(opener + body)
        return Segment(source, opener + body, tree, _function_in(tree, opener), start - len(opener))
    except (cst.ParserSyntaxError, cst.CSTValidationError, RecursionError, TypeError):
        raise Unmappable from None


def _whole(source: Source) -> Segment:
    try:
        tree = cst.parse_module(source.text)
    except (cst.ParserSyntaxError, cst.CSTValidationError, RecursionError, TypeError):
        raise Unmappable from None
    return Segment(source, source.text, tree, tree, 0)


def _function_in(tree: cst.Module, opener: str) -> cst.FunctionDef:
    body = tree.body
    if opener and isinstance(tree.body[0], cst.If):
        body = tree.body[0].body.body  # type: ignore[assignment]
    if len(body) == 1 and isinstance(body[0], cst.FunctionDef):
        return body[0]
    raise Unmappable
