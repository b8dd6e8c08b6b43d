"""The text that moves the work of an except block behind it, under a flag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.tree import children
from lintorch.flow.without_gradients import Insertion

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow

_LEAVING = (cst.Return, cst.Raise, cst.Continue, cst.Break, cst.Yield)
_FLAG = "failed"


def leave_handler(flow: FunctionFlow, attempt: cst.Try, handler: cst.ExceptHandler) -> tuple[Insertion, ...]:
    """A flag set to False before the try and to True in the block, and a test of it round what the block did; empty where that would change more."""
    alone = len(attempt.handlers) == 1 and attempt.orelse is None and attempt.finalbody is None
    names = flow.local_names | {event.name for event in flow.graph.events}
    if not alone or _FLAG in names or not isinstance(handler.body, cst.IndentedBlock) or handler.name is not None or _leaves(handler.body):
        return ()
    source, first = flow.module.source, handler.body.body[0]
    start, inside = source.line_span(flow.line(attempt)).start, source.line_span(flow.line(first)).start
    indent, deeper = source.indent(flow.line(attempt)), source.indent(flow.line(first))
    if not deeper.startswith(indent) or flow.line(first) <= flow.line(attempt):
        return ()
    newline = source.newline
    moved = f"{deeper}{_FLAG} = True{newline}{indent}if {_FLAG}:{newline}"
    return Insertion(start, f"{indent}{_FLAG} = False{newline}"), Insertion(inside, moved)


def _leaves(node: cst.CSTNode) -> bool:
    """Does it end a turn or the function, or raise? An exception raised behind the block would no longer name the first as its context."""
    return isinstance(node, _LEAVING) or any(_leaves(child) for child in children(node))
