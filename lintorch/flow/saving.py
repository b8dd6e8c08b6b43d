"""How the attributes of a context become one save_for_backward: what to replace in forward and in backward."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Kind, RegionKind
from lintorch.flow.segment import Unmappable
from lintorch.flow.statement import Statement
from lintorch.project.nodes import nodes_under
from lintorch.source.text import Span

if TYPE_CHECKING:
    from lintorch.flow.context_attribute import ContextTensor
    from lintorch.flow.function import FunctionFlow
    from lintorch.project.module import ClassEntry, FunctionEntry


@dataclass(frozen=True)
class Saving:
    """Put `save` in place of `first`, leave out `others`, put `unpack` in at the start of backward (`at`), and the names in place of the reads."""

    first: Span
    save: str
    others: tuple[Statement, ...]
    at: Span
    unpack: str
    reads: tuple[tuple[Span, str], ...]


def plan_saving(flow: FunctionFlow, kept: Sequence[ContextTensor]) -> Saving | None:
    """The plan for all of `kept`, the tensors of one forward; None where it would be more than a change of place."""
    owner = flow.entry.owner
    backward = owner.methods.get("backward") if owner is not None else None
    if owner is None or backward is None or not kept or not _is_plain(flow, owner, kept):
        return None
    statements = [flow.statement(tensor.statement) for tensor in kept]
    plain = [statement for statement in statements if statement is not None]
    try:
        found = _in_backward(flow.of(backward), [tensor.attribute for tensor in kept])
    except Unmappable:
        return None
    if len(plain) != len(kept) or found is None:
        return None
    at, unpack, reads = found
    save = f"{flow.text(kept[0].target.value)}.save_for_backward({', '.join(str(tensor.name) for tensor in kept)})"
    return Saving(plain[0].span, save, tuple(plain[1:]), at, unpack, reads)


def _is_plain(flow: FunctionFlow, owner: ClassEntry, kept: Sequence[ContextTensor]) -> bool:
    """Is every attribute stored once, on every path, by one kind of method that saves nothing yet and changes nothing in place?"""
    attributes = [tensor.attribute for tensor in kept]
    names = {node.attr for node in nodes_under(owner.node) if isinstance(node, ast.Attribute)}
    returns = [event for event in flow.graph.events if event.kind is Kind.RETURN]
    straight = all(flow.graph.placements[tensor.statement].region.kind is RegionKind.BODY for tensor in kept)
    single = all(len(tensor.statement.targets) == 1 and isinstance(tensor.statement.targets[0].target, cst.Attribute) for tensor in kept)
    named = all(tensor.statement.value is tensor.value and tensor.name is not None for tensor in kept)
    saves = names & {"save_for_backward", "saved_tensors", "mark_dirty", "save_for_forward"} or any(_is_in_place(name) for name in names)
    others = (entry for entry in owner.methods.values() if entry is not flow.entry and entry.name != "backward")
    read_elsewhere = any(_mentions(entry, attributes) for entry in others)
    return len(returns) <= 1 and straight and single and named and not saves and not read_elsewhere and len(set(attributes)) == len(attributes)


def _is_in_place(name: str) -> bool:
    return name.endswith("_") and not name.startswith("_")


def _mentions(entry: FunctionEntry, attributes: Sequence[str]) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr in attributes for node in nodes_under(entry.node))


def _in_backward(backward: FunctionFlow, attributes: Sequence[str]) -> tuple[Span, str, tuple[tuple[Span, str], ...]] | None:
    """Where backward begins, the line that unpacks, and the reads of the attributes; None where their names are taken there."""
    body = backward.entry.node.body
    statements = body[1:] if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and len(body) > 1 else body
    names = {node.id for node in nodes_under(backward.entry.node) if isinstance(node, ast.Name)} | backward.local_names
    context = next((node.arg for node in (*backward.entry.node.args.posonlyargs, *backward.entry.node.args.args)), None)
    source = backward.module.source
    start = source.ast_offset(statements[0].lineno, statements[0].col_offset)
    indent = source.text[source.line_span(statements[0].lineno).start : start]
    if context is None or names.intersection(attributes) or indent.strip() or not indent:
        return None
    targets = f"({attributes[0]},)" if len(attributes) == 1 else ", ".join(attributes)
    reads = tuple(_reads(backward, context, attributes))
    return Span(start, start), f"{targets} = {context}.saved_tensors{source.newline}{indent}", reads


def _reads(backward: FunctionFlow, context: str, attributes: Sequence[str]) -> list[tuple[Span, str]]:
    """Reads in nested functions included; from the ast, because flow does not look into those."""
    source = backward.module.source
    found = []
    for node in nodes_under(backward.entry.node):
        if isinstance(node, ast.Attribute) and node.attr in attributes and isinstance(node.value, ast.Name) and node.value.id == context:
            end = source.ast_offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
            found.append((Span(source.ast_offset(node.lineno, node.col_offset), end), node.attr))
    return found
