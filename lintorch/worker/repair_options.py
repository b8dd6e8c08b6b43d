"""Repairs by parameters: those left out given, those given left out, other candidates for them."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Dict, Iterator, List, Set, Tuple

from .attempt import Outcome, Plan
from .plans import Space, path_name
from .repair_parts import put_in
from .repair_text import own_frames, statement_at
from .values import Built, Literal, Named, Tensor, Value


def spoken(outcome: Outcome, count: int = 2) -> Set[str]:
    """Names and attribute names on the lines that raised, and words of the message."""
    names: Set[str] = set(re.findall(r"[A-Za-z_]\w+", str(outcome.error)))
    for frame, line in own_frames(outcome)[:count]:
        for statement in statement_at(frame.f_code.co_filename, line)[:1]:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name):
                    names.add(node.id)
                elif isinstance(node, ast.Attribute):
                    names.add(node.attr)
                elif isinstance(node, ast.keyword) and node.arg:
                    names.add(node.arg)
                elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                    names.add(node.slice.value)
    return names


def all_missing(plan: Plan, space: Space) -> Iterator[Plan]:
    """Every call parameter that was left out given, all together and one by one."""
    given = {path_name((name,)) for name, _ in plan.call}
    more = [(f"={name}", space.open_call[name][0]) for name in space.open_call if name not in given and space.open_call[name]]
    if len(more) > 1:
        tensors = [entry for entry in more if isinstance(entry[1], Tensor)]
        yield replace(plan, call=(*plan.call, *tensors))
    for entry in more:
        yield replace(plan, call=(*plan.call, entry))


def missing(plan: Plan, outcome: Outcome, space: Space) -> Iterator[Plan]:
    """Give parameters that were left out: first those the error's line speaks of."""
    text = str(outcome.error)
    if outcome.phase in ("make", "construct") and plan.build is not None:
        given = {path_name((name,)) for name, _ in plan.build}
        for name, values in _ordered(space.open_build, spoken(outcome), text):
            if name not in given:
                yield from (replace(plan, build=(*plan.build, (f"={name}", value))) for value in values[:2])
        return
    given = {path_name((name,)) for name, _ in plan.call}
    for name, values in _ordered(space.open_call, spoken(outcome), text):
        if name not in given:
            yield from (replace(plan, call=(*plan.call, (f"={name}", value))) for value in values[:2])
    yield from _kept_from_build(plan, outcome, space)


def _kept_from_build(plan: Plan, outcome: Outcome, space: Space) -> Iterator[Plan]:
    """Options of the constructor that a call found missing: `self.conv(x, self.dilation)` where that is None."""
    if "None" not in str(outcome.error) or plan.build is None:
        return
    given, names = {path_name((name,)) for name, _ in plan.build}, spoken(outcome)
    for name, values in space.open_build.items():
        if name not in given and name in names:
            yield from (replace(plan, build=(*plan.build, (f"={name}", value))) for value in values[:2] if value != Literal(None))


def callables(plan: Plan, outcome: Outcome, space: Space) -> Iterator[Plan]:
    """Where None was called: every option of the constructor that is a class, a function or a submodule, since one of them is handed on by another name."""
    if "not callable" not in str(outcome.error) or plan.build is None:
        return
    given = {path_name((name,)) for name, _ in plan.build}
    found = [(f"={name}", values[0]) for name, values in space.open_build.items() if name not in given and values and isinstance(values[0], (Named, Built))]
    if len(found) > 1:
        yield replace(plan, build=(*plan.build, *found))


def without(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """Leave out options that the error's line or text speaks of, from the last on: `exactly one of input_ids or inputs_embeds`."""
    names = spoken(outcome, 1)
    for name, _ in reversed(plan.call):
        if name.startswith("=") and name[1:] in names and len(plan.call) > 1:
            yield replace(plan, call=tuple(entry for entry in plan.call if entry[0] != name))


def _ordered(options: Dict[str, List[Value]], names: Set[str], text: str) -> List[Tuple[str, List[Value]]]:
    """The options whose names were spoken of; all of them where something was None that should not be."""
    near = [(name, values) for name, values in options.items() if name in names]
    return near + ([(name, values) for name, values in options.items() if name not in names] if "None" in text else [])


def other_choices(plan: Plan, outcome: Outcome, space: Space) -> Iterator[Plan]:
    """The next candidates for the parameters given."""
    building = outcome.phase in ("make", "construct")
    parts = [(True, plan.build or (), space.build)] if building else [(False, plan.call, space.call), (True, plan.build or (), space.build)]
    for is_build, arguments, options in parts:
        for name, value in arguments:
            for other in options.get(path_name((name,)), ()):
                if other != value:
                    yield put_in(plan, is_build, (name,), other)
