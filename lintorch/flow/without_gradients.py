"""The text that puts a function, or one of its statements, under torch.no_grad()."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from lintorch.project.module import SCRIPT
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from pathlib import Path

    from lintorch.flow.function import FunctionFlow
    from lintorch.project.module import FunctionEntry, Module
    from lintorch.source.text import Source

_OFF = ("torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad", "torch.autograd.inference_mode")


class Insertion(NamedTuple):
    """Text to put in at an offset of the file."""

    offset: int
    text: str


def decorated(flow: FunctionFlow, apart: tuple[Insertion, ...]) -> tuple[Insertion, ...]:
    """The function under a decorator, or the statement `apart` where the function cannot have one or the file writes only with-blocks."""
    node = flow.entry.node
    yields = any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in nodes_under(node))
    if flow.entry.name == SCRIPT or yields or isinstance(node, ast.AsyncFunctionDef) or (apart and _writes_blocks_only(flow.module)):
        return apart
    return _decorator(flow, node) or apart


def _decorator(flow: FunctionFlow, node: ast.FunctionDef) -> tuple[Insertion, ...]:
    source, name = flow.module.source, spelled(flow.module)
    start = source.line_span(node.lineno).start
    indent = source.text[start : start + node.col_offset]
    return (Insertion(start, f"{indent}@{name}(){_newline(source)}"),) if name and not indent.strip() else ()


def wrapped(flow: FunctionFlow, statement: cst.CSTNode) -> tuple[Insertion, ...]:
    """The statement in a with-block of its own; empty where its lines cannot simply be moved to the right."""
    source, name, node = flow.module.source, spelled(flow.module), _written(flow, statement)
    if node is None or name is None or any(map(_spans_lines, nodes_under(node))):
        return ()
    lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
    start = source.line_span(node.lineno).start
    indent = source.text[start : source.ast_offset(node.lineno, node.col_offset)]
    if indent.strip():
        return ()
    step = _step(source, node, indent)
    header = Insertion(start, f"{indent}with {name}():{_newline(source)}{step}")
    return (header, *(Insertion(source.line_span(line).start, step) for line in lines[1:] if source.line(line).strip()))


def _written(flow: FunctionFlow, statement: cst.CSTNode) -> ast.stmt | None:
    """The statement in the file's ast, found by where its first part stands."""
    first: cst.CSTNode = statement
    if isinstance(statement, cst.For):
        first = statement.target
    elif isinstance(statement, cst.While):
        first = statement.test
    elif isinstance(statement, cst.SimpleStatementLine):
        first = statement.body[0]
    else:
        return None
    line = flow.line(first)
    body = [node for node in nodes_under(flow.entry.node) if isinstance(node, ast.stmt) and node.lineno == line]
    kinds = (ast.For, ast.AsyncFor, ast.While)
    loops = [node for node in body if isinstance(node, kinds)] if not isinstance(statement, cst.SimpleStatementLine) else body
    return loops[0] if len(loops) == 1 else None


def _spans_lines(node: ast.AST) -> bool:
    """Is it a string over several lines, whose text would change?"""
    text = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
    return text and getattr(node, "lineno", 0) != getattr(node, "end_lineno", 0)


def _step(source: Source, node: ast.stmt, indent: str) -> str:
    """One level of indentation, as the statement's own suite has it."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and body[0].lineno != node.lineno:
        return source.indent(body[0].lineno).removeprefix(indent) or "    "
    return "\t" if "\t" in indent else "    "


def _newline(source: Source) -> str:
    return "\r\n" if "\r\n" in source.text else "\n"


def spelled(module: Module) -> str | None:
    """How the file can write torch.no_grad with what it imports at its top."""
    for statement in module.tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.name == "torch" or (alias.name.startswith("torch.") and alias.asname is None):
                    return f"{alias.asname or 'torch'}.no_grad"
        elif isinstance(statement, ast.ImportFrom) and statement.module == "torch" and not statement.level:
            for alias in statement.names:
                if alias.name == "no_grad":
                    return alias.asname or alias.name
    return None


def _writes_blocks_only(module: Module) -> bool:
    """Does the file switch gradients off by with-blocks, and never by a decorator?"""
    if "writes blocks" not in module.memo:
        kinds = set(_kinds(module))
        module.memo["writes blocks"] = "block" in kinds and "decorator" not in kinds
    answer: bool = module.memo["writes blocks"]
    return answer


def _kinds(module: Module) -> Iterator[str]:
    for node in nodes_under(module.tree):
        if isinstance(node, ast.With) and any(_is_off(item.context_expr, module) for item in node.items):
            yield "block"
        elif isinstance(node, ast.FunctionDef) and any(_is_off(decorator, module) for decorator in node.decorator_list):
            yield "decorator"


def _is_off(expression: ast.expr, module: Module) -> bool:
    return module.qualify(expression.func if isinstance(expression, ast.Call) else expression) in _OFF


def is_test(entry: FunctionEntry, root: Path) -> bool:
    """Is it code that a test runner collects: its peak of memory is nobody's concern?"""
    path = entry.module.source.path
    folders = path.parent.relative_to(root).parts if path.is_relative_to(root) else ()
    return path.name.startswith("test_") or path.stem.endswith("_test") or "tests" in folders or "test" in folders
