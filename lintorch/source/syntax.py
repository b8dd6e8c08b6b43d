"""Which Python a text needs. Imports libcst, which knows newer syntax than the running Python: load this module only for texts that Python rejects."""

from __future__ import annotations

import contextlib
import sys

import libcst


def python_needed(text: str) -> str | None:
    """The Python whose syntax `text` uses, where that is newer than the running one ("3.14"); None where that is not what is wrong with it.

    The caller must have made sure that brackets do not nest deeply: libcst would crash.
    """
    try:
        module = libcst.parse_module(text)
    except (libcst.ParserSyntaxError, libcst.CSTValidationError, RecursionError, TypeError):  # TypeError: a known fault of libcst on some valid programs
        return None
    features = _NewFeatures(module)
    with contextlib.suppress(RecursionError):
        module.visit(features)
    newest = max(features.found, default=(3, 0))
    return f"{newest[0]}.{newest[1]}" if newest > sys.version_info[:2] else None


class _NewFeatures(libcst.CSTVisitor):
    """Collects the Python versions that the constructs of a module came with."""

    def __init__(self, module: libcst.Module) -> None:
        super().__init__()
        self.module = module
        self.found: set[tuple[int, int]] = set()

    def visit_TemplatedString(self, node: libcst.TemplatedString) -> None:
        self.found.add((3, 14))

    def visit_ExceptHandler(self, node: libcst.ExceptHandler) -> None:
        self._bare_group(node.type)

    def visit_ExceptStarHandler(self, node: libcst.ExceptStarHandler) -> None:
        self.found.add((3, 11))
        self._bare_group(node.type)

    def _bare_group(self, types: libcst.BaseExpression | None) -> None:
        """`except A, B:`."""
        if isinstance(types, libcst.Tuple) and not types.lpar:
            self.found.add((3, 14))

    def visit_TypeParam(self, node: libcst.TypeParam) -> None:
        self.found.add((3, 13) if node.default is not None else (3, 12))

    def visit_TypeAlias(self, node: libcst.TypeAlias) -> None:
        self.found.add((3, 12))

    def visit_FormattedString(self, node: libcst.FormattedString) -> None:
        """Before 3.12 an f-string's expressions hold no backslash, no comment and none of its own quotes."""
        expressions = (self.module.code_for_node(part) for part in node.parts if isinstance(part, libcst.FormattedStringExpression))
        if any(sign in expression for expression in expressions for sign in ("\\", "#", node.end)):
            self.found.add((3, 12))

    def visit_Index(self, node: libcst.Index) -> None:
        if node.star:
            self.found.add((3, 11))
