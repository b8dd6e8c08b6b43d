"""Calls that run backward: proof that what they are called on is a tensor with a graph, and, without retain_graph, that its graph is gone afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import libcst as cst

from lintorch.flow.dataflow import Chains
from lintorch.flow.event import Binding, Definition, Event, Graph, Kind, Region, RegionKind
from lintorch.flow.tree import children

# Methods that run backward on their first argument (Lightning, Accelerate, Fabric, DeepSpeed).
_ON_ARGUMENT = frozenset({"manual_backward", "backward"})
# Methods between a loss and its backward() that keep one loss one loss.
_PASSING = frozenset({"mean", "sum", "scale", "to", "squeeze", "float", "double", "view", "reshape", "loss_scale", "scale_loss", "div"})


@dataclass(frozen=True, eq=False)
class Backward:
    """One call that runs backward: the event, the names whose value it runs on, and whether graphs outlive it; `handed`: the function called does so."""

    event: Event
    roots: tuple[cst.Name | cst.Attribute, ...]
    retains: bool
    handed: bool = False


def backward_calls(graph: Graph) -> Iterator[Backward]:
    """The backward calls of a function, in order."""
    scaled = dict(_scaled_by_managers(graph))
    for event in graph.events:
        if event.kind is Kind.CALL and isinstance(event.node, cst.Call):
            values = _run_on(event.node, partial(_is_value, event, graph))
            if values:
                roots = tuple(root for value in values for root in roots_of(scaled.get(value.value, value) if isinstance(value, cst.Name) else value))
                yield Backward(event, roots, _retains(event.node))


def _scaled_by_managers(graph: Graph) -> Iterator[tuple[str, cst.BaseExpression]]:
    """The names of `with amp.scale_loss(loss, optimizer) as scaled_loss`, and what they stand for."""
    for item in (item for node in graph.placements if isinstance(node, cst.With) for item in node.items):
        name, call = item.asname.name if item.asname is not None else None, item.item
        manager = call.func if isinstance(call, cst.Call) else None
        if isinstance(name, cst.Name) and isinstance(manager, cst.Attribute) and manager.attr.value == "scale_loss":
            yield name.value, call


def returned_losses(graph: Graph) -> Iterator[Backward]:
    """What a training step returns, alone or as the "loss" of a dict, as if backward ran on it there."""
    for event in graph.events:
        if event.kind is Kind.RETURN and isinstance(event.node, cst.Return) and event.node.value is not None:
            value = event.node.value
            losses = [element.value for element in value.elements if _is_loss_entry(element)] if isinstance(value, cst.Dict) else [value]
            yield Backward(event, tuple(root for loss in losses for root in roots_of(loss)), False)


def _is_loss_entry(element: cst.BaseDictElement) -> bool:
    return isinstance(element, cst.DictElement) and isinstance(element.key, cst.SimpleString) and element.key.raw_value == "loss"


def _run_on(call: cst.Call, is_value: Callable[[cst.BaseExpression], bool]) -> tuple[cst.BaseExpression, ...]:
    """The expressions a call runs backward on; empty where it is no such call."""
    if not isinstance(call.func, cst.Attribute):
        return ()
    name, receiver = call.func.attr.value, call.func.value
    positional = [arg.value for arg in call.args if arg.keyword is None and not arg.star]
    if isinstance(receiver, cst.Attribute) and receiver.attr.value == "autograd" and name == "backward":
        return tuple(positional[:1])
    if name == "backward" and (not positional or is_value(receiver) or _is_gradient(positional[0])):
        return (receiver,)
    if name in _ON_ARGUMENT and positional:
        return (positional[0],)
    return ()


def _is_value(event: Event, graph: Graph, receiver: cst.BaseExpression) -> bool:
    """Is it `loss.backward(gradient)` rather than `accelerator.backward(loss)`: a receiver computed there, or bound in the turn of the loop?

    What runs backward on its argument is made before the steps.
    """
    if not isinstance(receiver, cst.Name):
        return isinstance(receiver, cst.Call | cst.BinaryOperation | cst.Subscript)
    loops = [loop for made in graph.definitions.values() if made.name == receiver.value and (loop := loop_of(made.event.region)) is not None]
    return any(encloses(loop, event.region) for loop in loops)


def _is_gradient(argument: cst.CSTNode) -> bool:
    """Is the argument made of the `.grad` of something? Then it is what flows back, and the receiver is what backward runs on."""
    return (isinstance(argument, cst.Attribute) and argument.attr.value == "grad") or any(_is_gradient(child) for child in children(argument))


def roots_of(value: cst.BaseExpression, known_factors: bool = False) -> Iterator[cst.Name | cst.Attribute]:
    """The names whose value an expression scales, shifts by nothing, or hands through: `(loss / 4).mean()` has the root `loss`.

    With `known_factors`, products with anything but a number have none: either factor may be what is trained.
    """
    if isinstance(value, cst.Name | cst.Attribute):
        yield value
    elif isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and value.func.attr.value in _PASSING:
        passed = value.args[0].value if value.func.attr.value in ("scale", "loss_scale", "scale_loss") and value.args else value.func.value
        yield from roots_of(passed, known_factors)
    elif isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Multiply | cst.Divide):
        numbers = [isinstance(side, cst.Integer | cst.Float) for side in (value.left, value.right)]
        if any(numbers) or isinstance(value.operator, cst.Divide) or not known_factors:
            yield from roots_of(value.right if numbers[0] else value.left, known_factors)
    elif isinstance(value, cst.UnaryOperation):
        yield from roots_of(value.expression, known_factors)


def _retains(call: cst.Call) -> bool:
    """May the graph be used again: retain_graph or create_graph given and not plainly False?"""
    flags = [arg.value for arg in call.args if arg.keyword is not None and arg.keyword.value in ("retain_graph", "create_graph")]
    return any(not (isinstance(flag, cst.Name) and flag.value in ("False", "None")) for flag in flags)


def loop_of(region: Region) -> Region | None:
    """The innermost loop around a region."""
    current: Region | None = region
    while current is not None and current.kind is not RegionKind.LOOP:
        current = current.parent
    return current


def encloses(outer: Region, inner: Region) -> bool:
    """Is `inner` the region `outer` or within it?"""
    current: Region | None = inner
    while current is not None:
        if current is outer:
            return True
        current = current.parent
    return False


def anchored(backwards: Iterable[Backward], chains: Chains, loads: Mapping[cst.CSTNode, Event]) -> dict[Definition, Backward]:
    """Definitions whose value backward is run on, by itself or rescaled, renamed or added to nothing but numbers; each with the first such call."""
    found: dict[Definition, Backward] = {}
    for backward in backwards:
        pending = list(backward.roots)
        while pending:
            event = loads.get(pending.pop())
            for definition in chains.reaching.get(event.at, ()) if event is not None else ():
                if definition not in found:
                    found[definition] = backward
                    pending.extend(_roots_of_definition(definition, chains.over.get(definition.event.at, ())))
    return found


def _roots_of_definition(definition: Definition, earlier: Iterable[Definition]) -> Iterator[cst.Name | cst.Attribute]:
    """The names whose value a definition rescales, renames, or adds to a sum of nothing else."""
    statement = definition.statement
    if definition.binding in (Binding.ASSIGNED, Binding.ANNOTATED) and definition.value is not None:
        yield from roots_of(definition.value, known_factors=True)
    elif isinstance(statement, cst.AugAssign) and isinstance(statement.operator, cst.AddAssign) and _adds_to_numbers(definition, earlier):
        yield from roots_of(statement.value, known_factors=True)


def _adds_to_numbers(total: Definition, earlier: Iterable[Definition]) -> bool:
    return all(other is total or isinstance(other.value, cst.Integer | cst.Float) for other in earlier)
