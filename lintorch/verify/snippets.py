"""Python code inside other text: doctests and indented or fenced examples of docstrings and README files."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator

_FENCE = re.compile(r"^[ \t]*```[ \t]*(?:python|py|pycon)?[^\n]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE | re.IGNORECASE)
_INDENTED = re.compile(r"(?:^|\n)[^\n]*(?:::|Examples?:?|Usage:?|Example usage:?|-{3,})[ \t]*\n((?:[ \t]+[^\n]*\n?|[ \t]*\n)+)", re.IGNORECASE)
_PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.) ?", re.MULTILINE)


def snippets(text: str) -> Iterator[ast.Module]:
    """The pieces of a text that parse as Python and call something."""
    for code in _pieces(text):
        tree = _parsed(code)
        if tree is not None and any(isinstance(node, ast.Call) for node in ast.walk(tree)):
            yield tree


def _pieces(text: str) -> Iterator[str]:
    if ">>>" in text:
        lines = [line for line in text.splitlines() if _PROMPT.match(line)]
        yield "\n".join(_PROMPT.sub("", line) for line in lines)
    for match in _FENCE.finditer(text):
        yield _unprompted(match.group(1))
    if "```" not in text and ">>>" not in text:
        for match in _INDENTED.finditer(text):
            yield match.group(1)


def _unprompted(code: str) -> str:
    if ">>>" not in code:
        return code
    return "\n".join(_PROMPT.sub("", line) for line in code.splitlines() if _PROMPT.match(line))


def _parsed(code: str) -> ast.Module | None:
    """The tree of a piece; of a piece with lines that are not Python, that of the lines before them."""
    lines = textwrap.dedent(code).strip("\n").splitlines()
    for _ in range(8):
        try:
            return ast.parse("\n".join(lines))
        except SyntaxError as error:
            lines = lines[: max((error.lineno or 1) - 1, 0)]
        except (ValueError, RecursionError):
            return None
    return None


def docstrings(tree: ast.Module, name: str) -> Iterator[str]:
    """The docstrings of a module that mention a name."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            text = ast.get_docstring(node, clean=True)
            if text is not None and (name in text or (isinstance(node, ast.ClassDef) and node.name == name)):
                yield text
