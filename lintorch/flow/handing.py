"""What a function of the project does with a module that it is handed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Binding, Event, Kind
from lintorch.flow.fate import Fate
from lintorch.flow.gradients import Gradients
from lintorch.flow.segment import Unmappable

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.project.module import FunctionEntry

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


def runs_parameter(asking: FunctionFlow, entry: FunctionEntry, parameter: str, depth: int = 2) -> bool:
    """Does the function call what it gets as that parameter with gradients on, for results that it neither differentiates nor keeps?"""
    try:
        flow = asking.of(entry)
        runs = (event for event in flow.graph.events if _calls(flow, event, parameter) or (depth and _hands_on(flow, event, parameter, depth - 1)))
        return any(_is_plain_run(flow, event) for event in runs)
    except Unmappable:
        return False


def _hands_on(flow: FunctionFlow, event: Event, parameter: str, depth: int) -> bool:
    """Is the parameter handed to another function that runs it?"""
    call = event.node
    if event.kind is not Kind.CALL or not isinstance(call, cst.Call):
        return False
    handed = [arg.value for arg in call.args if isinstance(arg.value, cst.Name) and arg.value.value == parameter]
    entry = flow.training.wanting.called(call) if handed else None
    pairs = parameters_of(call, entry) if entry is not None else ()
    return any(entry is not None and arg in handed and runs_parameter(flow, entry, other, depth) for arg, other in pairs)


def _calls(flow: FunctionFlow, event: Event, parameter: str) -> bool:
    call = event.node
    if event.kind is not Kind.CALL or not isinstance(call, cst.Call) or not isinstance(call.func, cst.Name) or call.func.value != parameter:
        return False
    makers = flow.training.seen_by(call.func)
    return bool(makers) and all(maker.binding is Binding.PARAMETER for maker in makers)


def _is_plain_run(flow: FunctionFlow, event: Event) -> bool:
    wanted = bool(flow.training.wanting.events) or flow.training.grad_mode.is_unknown_within(event.region)
    return not wanted and flow.training.gradients(event.region) is Gradients.ON and not _KEPT & set(flow.training.fates.of_node(event.node))
