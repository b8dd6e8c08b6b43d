"""The text that lets go of names: at the end of a loop's body, or before a generator is suspended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.tree import children
from lintorch.source.text import Edit, Span

if TYPE_CHECKING:
    from lintorch.flow.event import Region
    from lintorch.flow.function import FunctionFlow

_RESULT = "result"
_SCOPES = (cst.FunctionDef, cst.ClassDef, cst.Lambda)


def released_at_end(flow: FunctionFlow, loop: Region, names: Sequence[str]) -> tuple[Edit, ...]:
    """`del a, b` behind the last statement of the body; empty where a turn may end elsewhere."""
    body = loop.node.body if isinstance(loop.node, cst.For | cst.While) else None
    if not isinstance(body, cst.IndentedBlock) or _ends_early(body):
        return ()
    source, last = flow.module.source, len(flow.module.source.text[: flow.span(body.body[-1]).end].rstrip())
    indent = source.indent(flow.line(body.body[0]))
    line = source.line_span(source.position(last).line)
    ended = source.text[line.start : line.end].endswith(("\n", "\r"))
    text = f"{indent}del {', '.join(names)}{source.newline}"
    return (Edit(Span(line.end, line.end), text if ended else f"{source.newline}{text.rstrip()}"),)


def released_before(flow: FunctionFlow, suspended: cst.Yield, names: Sequence[str]) -> tuple[Edit, ...]:
    """The yielded value under a name of its own, then `del a, b`, then the yield; empty where that name is taken or the value stands on several lines."""
    value = suspended.value
    if not isinstance(value, cst.BaseExpression) or _RESULT in flow.local_names:
        return ()
    span, start, source = flow.span(value), flow.span(suspended).start, flow.module.source
    indent = source.text[source.line_span(flow.line(suspended)).start : start]
    if indent.strip() or source.position(span.end).line != source.position(start).line:
        return ()
    bound = f"{_RESULT} = {flow.text(value)}"
    released = f"{source.newline}{indent}del {', '.join(names)}{source.newline}{indent}yield {_RESULT}"
    return (Edit(Span(start, span.end), bound + released),)


def _ends_early(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Continue):
        return True
    return any(_ends_early(child) for child in children(node) if not isinstance(child, _SCOPES))
