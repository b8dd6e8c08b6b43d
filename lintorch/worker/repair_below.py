"""Repairs of calls that hand their arguments on: what the function below was not given, and what it was given that is None."""

from __future__ import annotations

import ast
import inspect
import re
import types
from dataclasses import replace
from typing import Dict, Iterator, List, Optional, Tuple

import torch

from .attempt import Outcome, Plan
from .guess import attribute_value, build_candidates, call_candidates, named_tensor
from .infer import Place
from .plans import Space, path_name
from .repair_kinds import tables_with
from .repair_parts import parts_of, put_in
from .repair_text import evaluate, own_frames, statement_at
from .tree import signature
from .values import Literal, Table, Value


def demanded(plan: Plan, outcome: Outcome, space: Space) -> Iterator[Plan]:
    """Arguments that reach a base class or a submodule through `*args, **kwargs` or a dict, given by name as its error asks."""
    asked = re.search(r"missing \d+ required (?:positional|keyword-only) arguments?: (.+)", str(outcome.error))
    names = re.findall(r"'(\w+)'", asked.group(1)) if asked is not None else []
    given = {path_name((name,)) for _, arguments in parts_of(plan) for name, _ in arguments}
    names = [name for name in names if name not in given]  # what somebody else lacks is not ours to give twice
    known = _values_below(outcome, names, building=outcome.phase == "construct")
    if names and outcome.phase == "construct" and plan.build is not None:
        known.update({name: space.open_build[name][0] for name in names if space.open_build.get(name)})  # guessed where a base uses them
        told = tuple((name, known.get(name) or attribute_value(name)) for name in names)
        yield from tables_with(plan, True, told)
        yield from _in_splatted(plan, outcome, told)
        yield replace(plan, build=(*plan.build, *((f"={name}", value) for name, value in told)))
    elif names and outcome.phase == "forward":
        yield replace(plan, call=(*plan.call, *((f"={name}", known.get(name) or named_tensor(name)) for name in names)))


def _values_below(outcome: Outcome, names: List[str], building: bool) -> Dict[str, Value]:
    """What the function that lacks them does with its parameters tells what they are."""
    place = _below(outcome, building)
    shape = signature(place.function) if place is not None and names else None
    found: Dict[str, Value] = {}
    for name in names if shape is not None and place is not None else ():
        parameter = shape.parameters.get(name) if shape is not None else None
        if parameter is not None and place is not None:
            found[name] = (build_candidates if building else call_candidates)(place, parameter)[0]
    return found


def _below(outcome: Outcome, building: bool) -> Optional[Place]:
    """The function that the innermost line of user code calls with what it was handed."""
    for frame, line in own_frames(outcome)[:1]:
        for node in _calls(frame, line):
            if any(isinstance(argument, ast.Starred) for argument in node.args) or any(keyword.arg is None for keyword in node.keywords):
                called = evaluate(node.func, frame)
                if isinstance(called, torch.nn.Module):
                    return Place(type(called).forward, type(called), called)
                if isinstance(called, type):
                    return Place(called.__init__, called, building=True)  # type: ignore[misc]
                if callable(called):
                    return Place(called, building=building)
    return None


def _calls(frame: types.FrameType, line: int) -> Iterator[ast.Call]:
    for statement in statement_at(frame.f_code.co_filename, line)[:1]:
        yield from (node for node in ast.walk(statement) if isinstance(node, ast.Call))


def _in_splatted(plan: Plan, outcome: Outcome, told: Tuple[Tuple[str, Value], ...]) -> Iterator[Plan]:
    """The keys in the dict of ours whose items the line hands on as keywords."""
    for frame, line in own_frames(outcome)[:1]:
        handed = [evaluate(keyword.value, frame) for node in _calls(frame, line) for keyword in node.keywords if keyword.arg is None]
        for name, value in plan.build or ():
            if isinstance(value, Table) and any(other is outcome.parts.get((name,)) for other in handed):
                yield put_in(plan, True, (name,), replace(value, items=(*value.items, *told)))


def absent_below(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """Where the call hands on `**kwargs`: the parameters of functions below that are None on the line that failed."""
    shape = signature(type(outcome.target).forward) if isinstance(outcome.target, torch.nn.Module) and outcome.phase == "forward" else None
    if shape is None or not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in shape.parameters.values()):
        return
    given = {path_name((name,)) for name, _ in plan.call}
    for frame, line in own_frames(outcome)[:3]:
        names = [name for name in _none_there(frame, line) if name not in given and name not in shape.parameters]
        if names:
            yield replace(plan, call=(*plan.call, *((f"={name}", named_tensor(name)) for name in names)))
            yield from (replace(plan, call=(*plan.call, (f"={name}", named_tensor(name)))) for name in names if len(names) > 1)


def _none_there(frame: types.FrameType, line: int) -> List[str]:
    """The parameters of a frame's function that are None and that its line reads."""
    code = frame.f_code
    own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    read = [node.id for statement in statement_at(code.co_filename, line)[:1] for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return [name for name in dict.fromkeys(read) if name in own and frame.f_locals.get(name, 0) is None]


def absent(plan: Plan) -> Iterator[Plan]:
    """None for what a dict of the call holds beside its first tensor, all and one by one: a batch has keys for what a model may not use."""
    for name, value in plan.call:
        if isinstance(value, Table):
            optional = [key for key, item in value.items[1:] if item != Literal(None)]
            for keys in dict.fromkeys([tuple(optional), *((key,) for key in optional)]) if optional else ():
                items = tuple((key, Literal(None) if key in keys else item) for key, item in value.items)
                yield put_in(plan, False, (name,), replace(value, items=items))
