"""What a value is computed from: the backward slice of an expression, as far as a graph reaches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

import libcst as cst

from lintorch.flow.event import Binding, Definition
from lintorch.flow.torch_names import CUTTING_ATTRIBUTES, CUTTING_METHODS, SAME_ITERATORS
from lintorch.flow.tree import names_in

_LEAVES = frozenset({"Parameter", "Buffer"})  # torch.nn's, which keep the data and let go of the graph

Seen = Callable[[cst.BaseExpression], tuple[Definition, ...]]


def ingredients(value: cst.BaseExpression, seen_by: Seen, until: Collection[cst.CSTNode] = ()) -> Iterator[cst.BaseExpression]:
    """The expression and everything its value is computed from in this function, names followed to their definitions; not what stands behind a cut.

    What `until` is computed from is left out.
    """
    pending, known = [value], {value}
    while pending:
        node = pending.pop()
        yield node
        for part in _parts(node, seen_by) if node not in until else ():
            if part not in known:
                known.add(part)
                pending.append(part)


def _parts(node: cst.BaseExpression, seen_by: Seen) -> Iterable[cst.BaseExpression]:
    if isinstance(node, cst.Name):
        return [value for definition in seen_by(node) for value in bound_values(definition)]
    if isinstance(node, cst.Attribute):
        return () if node.attr.value in CUTTING_ATTRIBUTES else (node.value,)
    if isinstance(node, cst.Call):
        return _of_call(node)
    if isinstance(node, cst.Subscript):
        return (node.value,)
    if isinstance(node, cst.Comparison | cst.BaseString | cst.Lambda):
        return ()
    if isinstance(node, cst.BaseComp):
        return _of_comprehension(node)
    return [part for part in _unwrapped(node) if isinstance(part, cst.BaseExpression)]


def _of_comprehension(node: cst.BaseComp) -> list[cst.BaseExpression]:
    """The element, and what it is taken from unless the element cuts it: not so in `[state.detach() for state in states]`."""
    parts: list[cst.BaseExpression] = [node.value] if isinstance(node, cst.DictComp) else [node.elt] if isinstance(node, cst.BaseSimpleComp) else []
    used = {part.value for element in parts for part in ingredients(element, lambda _: ()) if isinstance(part, cst.Name)}
    loop: cst.CompFor | None = node.for_in
    while loop is not None:
        if any(name.value in used for name in names_in(loop.target)):
            parts.append(loop.iter)
        loop = loop.inner_for_in
    return parts


def _unwrapped(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for child in node.children:
        if isinstance(child, cst.BaseExpression):
            yield child
        else:
            yield from _unwrapped(child)


def _of_call(call: cst.Call) -> list[cst.BaseExpression]:
    arguments = [arg.value for arg in call.args]
    name = call.func.attr.value if isinstance(call.func, cst.Attribute) else call.func.value if isinstance(call.func, cst.Name) else ""
    if name in _LEAVES:
        return []
    if not isinstance(call.func, cst.Attribute):
        return arguments
    return [] if call.func.attr.value in CUTTING_METHODS else [call.func.value, *arguments]


def bound_values(definition: Definition) -> tuple[cst.BaseExpression, ...]:
    """The expressions that the value of a name comes from."""
    statement = definition.statement
    if definition.binding is Binding.AUGMENTED and isinstance(statement, cst.AugAssign):
        return (statement.target, statement.value)
    if definition.binding is Binding.UNPACKED and isinstance(statement, cst.Assign):
        return (statement.value,)
    return (definition.value,) if definition.value is not None else ()


def resolved(value: cst.BaseExpression | None, seen_by: Seen, qualify: Callable[[cst.BaseExpression], str | None]) -> cst.BaseExpression | None:
    """The expression behind names with one definition and behind list(), tqdm() and the like."""
    for _ in range(8):
        made = seen_by(value) if isinstance(value, cst.Name) else ()
        if len(made) == 1 and made[0].binding is Binding.ASSIGNED:
            value = made[0].value
        elif isinstance(value, cst.Call) and qualify(value.func) in SAME_ITERATORS and value.args:
            value = value.args[0].value
        else:
            break
    return value
