"""What a function of the project does with a module that it is handed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Binding, Event, Kind, Region, RegionKind
from lintorch.flow.fact import Sort
from lintorch.flow.fate import Fate
from lintorch.flow.gradients import Gradients
from lintorch.flow.loop_source import source_of
from lintorch.flow.segment import Unmappable
from lintorch.flow.tree import dotted_name

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.project.module import ClassEntry, FunctionEntry

_KEPT = frozenset({Fate.BACKWARD, Fate.STORED, Fate.COLLECTED, Fate.SUMMED})


def parameters_of(call: cst.Call, entry: FunctionEntry) -> Iterator[tuple[cst.BaseExpression, str]]:
    """The arguments of a call with the parameters they go to, as far as they are written out."""
    names = [parameter.arg for parameter in (*entry.node.args.posonlyargs, *entry.node.args.args)]
    positional = names[1:] if entry.receiver is not None else names
    rest = entry.node.args.vararg
    for index, arg in enumerate(call.args):
        if arg.keyword is not None:
            yield arg.value, arg.keyword.value
        elif arg.star:
            return
        elif index < len(positional):
            yield arg.value, positional[index]
        elif rest is not None:
            yield arg.value, rest.arg


def runs_parameter(
    asking: FunctionFlow, entry: FunctionEntry, parameter: str, looped: bool = False, depth: int = 2, receiver: ClassEntry | None = None
) -> bool:
    """Does the function call what it gets as that parameter with gradients on, for results that it neither differentiates nor keeps?

    `looped`: in a loop of its own. `receiver` is the class that methods of self are looked up in, that of the function which asks unless it is given.
    """
    receiver = receiver or asking.entry.owner
    try:
        flow = asking.of(entry)
        runs = (event for event in flow.graph.events if _calls(flow, event, parameter) or (depth and _hands_on(flow, event, parameter, depth - 1, receiver)))
        return any(_is_plain_run(flow, event) and (not looped or _is_looped(event.region)) for event in runs)
    except Unmappable:
        return False


def runs_attribute(asking: FunctionFlow, entry: FunctionEntry, module: str) -> bool:
    """Does a method of the same object call that module of self with gradients on, for results that it neither differentiates nor keeps?"""
    try:
        flow = asking.of(entry)
        calls = (
            event for event in flow.graph.events if event.kind is Kind.CALL and isinstance(event.node, cst.Call) and dotted_name(event.node.func) == module
        )
        return entry.receiver == asking.entry.receiver and any(_is_plain_run(flow, event) for event in calls)
    except Unmappable:
        return False


def records(asking: FunctionFlow, entry: FunctionEntry) -> bool:
    """Does a method of a module call one of its submodules with gradients on, without cutting or differentiating anything?"""
    try:
        flow = asking.of(entry)
        plain = not flow.training.wanting.events and not flow.training.frozen.mentions_cut_itself
        return plain and any(_records(flow, event) for event in flow.graph.events if event.kind is Kind.CALL)
    except Unmappable:
        return False


def _records(flow: FunctionFlow, event: Event) -> bool:
    call = event.node
    live = isinstance(call, cst.Call) and (flow.training.inference.fact(call).is_live or _calls_each(flow, call))
    return live and flow.training.gradients(event.region) is Gradients.ON and not flow.training.grad_mode.is_unknown_within(event.region)


def _calls_each(flow: FunctionFlow, call: cst.Call) -> bool:
    """`layer(x)` in a loop over a list of modules."""
    training = flow.training
    makers = training.seen_by(call.func) if isinstance(call.func, cst.Name) else ()
    sources = [source_of(maker, training.parents, flow.qualify) if maker.binding is Binding.LOOP else None for maker in makers]
    return bool(sources) and all(training.inference.fact(source).sort is Sort.MODULE for source in sources)


def _hands_on(flow: FunctionFlow, event: Event, parameter: str, depth: int, receiver: ClassEntry | None) -> bool:
    """Is the parameter handed to another function that runs it?"""
    call = event.node
    if event.kind is not Kind.CALL or not isinstance(call, cst.Call):
        return False
    handed = [arg.value for arg in call.args if isinstance(arg.value, cst.Name) and arg.value.value == parameter]
    entry = _dispatched(flow, call, receiver) if handed else None
    pairs = parameters_of(call, entry) if entry is not None else ()
    return any(entry is not None and arg in handed and runs_parameter(flow, entry, other, depth=depth, receiver=receiver) for arg, other in pairs)


def _dispatched(flow: FunctionFlow, call: cst.Call, receiver: ClassEntry | None) -> FunctionEntry | None:
    """The function that a call runs; a method of self is that of the class which the object is of, not of the base that calls it."""
    entry = flow.training.wanting.called(call)
    if entry is None or entry.owner is None or receiver is None:
        return entry
    ancestry = flow.project.ancestry(receiver)
    inherits = any(cls.dotted == entry.owner.dotted for cls in ancestry.classes)
    return ancestry.method(entry.name) if inherits and (dotted_name(call.func) or "").startswith(f"{flow.entry.receiver}.") else entry


def _calls(flow: FunctionFlow, event: Event, parameter: str) -> bool:
    """Is the parameter called, or a method of it that certainly gives a graph?"""
    call = event.node
    if event.kind is not Kind.CALL or not isinstance(call, cst.Call):
        return False
    called = call.func.value if isinstance(call.func, cst.Attribute) else call.func
    if not isinstance(called, cst.Name) or called.value != parameter:
        return False
    makers = flow.training.seen_by(called)
    given = bool(makers) and all(maker.binding is Binding.PARAMETER for maker in makers)
    return given and (called is call.func or flow.training.inference.fact(call).is_live)


def _is_looped(region: Region | None) -> bool:
    return region is not None and (region.kind in (RegionKind.LOOP, RegionKind.COMPREHENSION) or _is_looped(region.parent))


def _is_plain_run(flow: FunctionFlow, event: Event) -> bool:
    wanted = bool(flow.training.wanting.events) or flow.training.grad_mode.is_unknown_within(event.region)
    return not wanted and flow.training.gradients(event.region) is Gradients.ON and not _KEPT & set(flow.training.fates.of_node(event.node))
