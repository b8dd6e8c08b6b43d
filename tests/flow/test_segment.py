"""A function cut from its file maps back exactly, or is left alone."""

from __future__ import annotations

import ast
import textwrap

import libcst as cst
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintorch.flow.segment import Segment, Unmappable, cut
from lintorch.source.text import Source

# Pieces of a function's body, each a statement whose text is hard on cutting, dedenting or counting lines.
STATEMENTS = [
    "x = 1",
    "x = [1,\n  2]",
    's = """a\n b\n\tc"""',
    "s = 'a\\\n b'",
    "x = 1  # a comment",
    "s = '\u2028'",
    "s = 'ä€\U0001f600'; y = s",
    "\x0cx = 1",
    "def inner(a, b=(1,\n2)):\n    return a",
    "if x:\n\n    # col\n    y = 2\n\n    z = 3",
    "@decorate(\n  1)\ndef other(): pass",
    "x = (yield)",
    "pass",
    "lambda: (\n# in column 0\n1)",
]
INDENTS = ["", "    ", "\t", "  "]


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file with one function of interest, `target`, at some depth."""
    outer, inner = draw(st.sampled_from(INDENTS)), draw(st.sampled_from(["    ", "\t", " "]))
    body = draw(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=4))
    lines = [f"{outer}@first", f"{outer}@second(1)", f"{outer}def target(self, x='ü', *, k=2):  # head"]
    lines += [_indent(statement, outer + inner) for statement in body]
    before = ["class Net:" if outer else "import torch", f"{outer}a = '€'"]
    after = draw(st.sampled_from([[], [f"{outer}b = 2"], ["", f"{outer}# tail", f"{outer}b = 2"]]))
    newline = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    return newline.join([*before, *lines, *after]) + draw(st.sampled_from(["", newline]))


def _indent(statement: str, indent: str) -> str:
    """Every line of a statement indented, but for the insides of strings and what stands in column 0 on purpose."""
    if '"""' in statement or "\\\n" in statement or "column 0" in statement:
        return indent + statement
    return textwrap.indent(statement, indent)


def _target(source: Source) -> ast.FunctionDef:
    return next(node for node in ast.walk(ast.parse(source.text)) if isinstance(node, ast.FunctionDef) and node.name == "target")


@given(files())
def test_spans_are_those_of_the_ast(text: str) -> None:
    source = Source.from_bytes("net.py", text.encode())
    try:
        tree = _target(source)
    except SyntaxError:
        return
    try:
        segment = cut(source, tree)
        spans = {segment.text(node) for node in _names(segment)}
    except Unmappable:
        assert "\x0c" in text or "\r" in text, "only what libcst cannot reproduce is left alone"
        return
    assert segment.text(segment.function.name) == "target"
    assert spans == {"target", *(_text(source, node) for node in ast.walk(tree) if isinstance(node, ast.Name))} | _parameters(tree)
    assert segment.line(segment.function.body.body[0]) <= tree.body[0].lineno


def _names(segment: Segment) -> list[cst.CSTNode]:
    found: list[cst.CSTNode] = []
    pending: list[cst.CSTNode] = [segment.function]
    while pending:
        node = pending.pop()
        found += [node] if isinstance(node, cst.Name) else []
        pending.extend(node.children)
    return found


def _parameters(tree: ast.AST) -> set[str]:
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return functions | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def _text(source: Source, node: ast.expr) -> str:
    start = source.ast_offset(node.lineno, node.col_offset)
    end = source.ast_offset(node.end_lineno or 0, node.end_col_offset or 0)
    return source.text[start:end]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("def f():\n    x = 1\n\x0c    return x\n", id="a form feed, which libcst drops"),
        pytest.param("def f():\r    x = 1\r    return x\r", id="lone carriage returns"),
    ],
)
def test_what_libcst_cannot_reproduce_is_left_alone(text: str) -> None:
    source = Source.from_bytes("net.py", text.encode())
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    with pytest.raises(Unmappable):
        segment = cut(source, function)
        segment.span(segment.function)


def test_own_parentheses_belong_to_an_expression() -> None:
    text = "class Net:\n    def f(self, a):\n        return ( a + 1 )  # kept\n"
    source = Source.from_bytes("net.py", text.encode())
    segment = cut(source, ast.parse(text).body[0].body[0])  # type: ignore[attr-defined]
    line = segment.function.body.body[0]
    assert isinstance(line, cst.SimpleStatementLine)
    assert isinstance(line.body[0], cst.Return)
    assert line.body[0].value is not None
    assert segment.text(line.body[0].value) == "( a + 1 )"


def test_a_statement_begins_behind_the_blank_lines_and_comments_before_it() -> None:
    source = Source.from_bytes("a.py", b"def target(x):\n    for a in x:\n\n# why\n        # what\n        y = a\n\n        if y:\n            pass\n")
    segment = cut(source, _target(source))
    loop = segment.function.body.body[0]
    first, second = loop.body.body
    assert [segment.line(node) for node in (loop, first, second)] == [2, 6, 8]
    assert segment.text(first) == "y = a\n"
    assert segment.text(second).startswith("if y:")
