"""What a parameter is known to be: by its annotation, by what callers in the file pass, by what functions beside it do with theirs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Kind
from lintorch.flow.fact import UNKNOWN, Fact, History, Sort, either
from lintorch.flow.owner import OwnerFacts, annotation_fact, constructed
from lintorch.flow.segment import Unmappable
from lintorch.flow.summary import returned

if TYPE_CHECKING:
    from lintorch.flow.event import Definition
    from lintorch.flow.function import FunctionFlow
    from lintorch.project.module import FunctionEntry
    from lintorch.project.project import Call


def parameter_fact(flow: FunctionFlow, name: str) -> Fact:
    """What is known of a parameter of the function; the strongest source that knows anything decides."""
    arguments = flow.entry.node.args
    parameter = next((node for node in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if node.arg == name), None)
    if parameter is None:
        return UNKNOWN
    for source in (_annotation, _passed, _beside):
        fact = source(flow, parameter)
        if fact.sort is not Sort.UNKNOWN or fact.of_class is not None:
            return fact
    return UNKNOWN


def _annotation(flow: FunctionFlow, parameter: ast.arg) -> Fact:
    return annotation_fact(parameter.annotation, flow.module, flow.project)


def _passed(flow: FunctionFlow, parameter: ast.arg) -> Fact:
    """What every caller in the file passes, where they agree."""
    calls = [call for call in flow.project.callers(flow.entry) if call.certain and call.caller is not flow.entry]
    facts = [_argument(flow, call, parameter.arg) for call in calls]
    return either(facts) if facts else UNKNOWN


def _argument(flow: FunctionFlow, call: Call, parameter: str) -> Fact:
    value = passed_expression(flow.entry, call.node, parameter)
    caller = call.caller or flow.module.script
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == caller.receiver:
        return OwnerFacts.of(caller, flow.project).attribute(value.attr)
    if isinstance(value, ast.Call):
        return constructed(value, flow.module, flow.project)
    return _named(flow, caller, value) if isinstance(value, ast.Name) else UNKNOWN


def passed_by_callers(flow: FunctionFlow, parameter: str) -> Iterator[ast.expr]:
    """What the callers in the file give for a parameter of the function, as far as it is written out."""
    for call in flow.project.callers(flow.entry):
        value = passed_expression(flow.entry, call.node, parameter)
        if value is not None:
            yield value


def gives_none(flow: FunctionFlow, callee: ast.expr) -> bool:
    """May what is handed over as a function give values without graphs? So may lambdas and those of other packages than torch."""
    from lintorch.project.module import FunctionEntry

    name = flow.module.qualify(callee)
    found = flow.project.find(name) if name is not None else None
    if isinstance(found, FunctionEntry):
        return not returned(found, flow).is_live
    made = flow.module.qualify(callee.func) if isinstance(callee, ast.Call) else name
    foreign = made is not None and made.split(".")[0] not in ("torch", flow.module.name.split(".")[0])
    return isinstance(callee, ast.Lambda) or (found is None and foreign)


def passed_expression(entry: FunctionEntry, call: ast.Call, parameter: str) -> ast.expr | None:
    """What a call of `entry` gives for one of its parameters; None where that cannot be told."""
    return next((keyword.value for keyword in call.keywords if keyword.arg == parameter), None) or _positional(entry, call, parameter)


def _positional(entry: FunctionEntry, call: ast.Call, parameter: str) -> ast.expr | None:
    names = [node.arg for node in (*entry.node.args.posonlyargs, *entry.node.args.args)]
    names = names[1:] if entry.receiver is not None else names
    index = names.index(parameter) if parameter in names else len(call.args)
    return call.args[index] if index < len(call.args) and not any(isinstance(arg, ast.Starred) for arg in call.args) else None


def _named(flow: FunctionFlow, caller: FunctionEntry, name: ast.Name) -> Fact:
    """What a name of the caller holds where it stands."""
    try:
        other = flow.of(caller)
        made = _in_force(other, name)
        if made:
            return either([other.training.inference.definition(definition) for definition in made])
    except Unmappable:
        return UNKNOWN
    value = flow.module.constants.get(name.id)
    return constructed(value, flow.module, flow.project) if value is not None else UNKNOWN


def _in_force(flow: FunctionFlow, name: ast.Name) -> list[Definition]:
    """The definitions of a name that its reader may see; all of them where the place is not found again."""
    start = flow.module.source.ast_offset(name.lineno, name.col_offset)
    for event in flow.graph.events:
        if event.kind is Kind.LOAD and event.name == name.id and flow.span(event.node).start == start:
            return list(flow.chains.reaching.get(event.at, ()))
    return [definition for definition in flow.graph.definitions.values() if definition.name == name.id]


def _beside(flow: FunctionFlow, parameter: ast.arg) -> Fact:
    """A parameter of the same name whose result another function of the file runs backward on is a loss."""
    for entry in flow.module.functions.values():
        if entry is not flow.entry and any(node.arg == parameter.arg for node in entry.node.args.args):
            line = next(_lines_run_backward_on(flow, entry, parameter.arg), None)
            if line is not None:
                return Fact(Sort.CRITERION, History.CUT, (f"backward() runs on the result of `{parameter.arg}` in {entry.name}() on line {line}",))
    return UNKNOWN


def _lines_run_backward_on(flow: FunctionFlow, entry: FunctionEntry, callee: str) -> Iterator[int]:
    if "backward" not in entry.mentions:
        return
    try:
        other = flow.of(entry)
        for definition in other.training.anchored:
            value = definition.value
            if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and value.func.value == callee:
                yield other.line(value)
    except Unmappable:
        return
