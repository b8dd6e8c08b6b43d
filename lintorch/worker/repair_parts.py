"""Repairs of what is handed over where code wants a submodule or a function, and how any value of a plan is replaced."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Iterator, Tuple

from . import vocabulary
from .attempt import Outcome, Plan
from .classes import ANSWER
from .plans import get, path_name, set_at
from .values import Arguments, Built, Items, Literal, Named, Path, Record, Value, leaves

_STUBS = "lintorch.worker.stubs:"
THROUGH = Built(Named(f"{_STUBS}Through"))
SEVERAL, POSITIVE, POSITIVE_PAIR = Named(f"{_STUBS}Several"), Named(f"{_STUBS}Positive"), Named(f"{_STUBS}PositivePair")


def parts_of(plan: Plan) -> Iterator[Tuple[bool, Arguments]]:
    """The arguments of the constructor (true) and of the call (false)."""
    if plan.build is not None:
        yield True, plan.build
    yield False, plan.call


def put_in(plan: Plan, building: bool, path: Path, value: Value) -> Plan:
    """The plan with the value at a path of the constructor's or the call's arguments replaced."""
    if building and plan.build is not None:
        return replace(plan, build=set_at(plan.build, path, value))
    return replace(plan, call=set_at(plan.call, path, value))


def of_modules(plan: Plan) -> Iterator[Plan]:
    """Submodules for the numbers and texts in each dict and list that the constructor gets."""
    for name, value in plan.build or ():
        changed = plan
        for path, leaf in leaves(value, (name,)):
            changed = put_in(changed, True, path, THROUGH) if isinstance(leaf, Literal) and len(path) > 1 else changed
        yield changed


def answering(plan: Plan, text: str) -> Iterator[Plan]:
    """Functions that give what an error asks of their results, for the factories among attributes: `nn.Embedding(dataset.num("item"), dim)`."""
    for building, arguments in parts_of(plan):
        changed = plan
        for path, leaf in [(path, leaf) for name, value in arguments for path, leaf in leaves(value, (name,)) if len(path) > 1]:
            if leaf == THROUGH.maker:
                answer = Built(ANSWER, (), (("value", _answer(path_name(path), text)),))
                changed = put_in(changed, building, path, answer)
                yield put_in(plan, building, path, answer)
        yield changed


def _answer(name: str, text: str) -> Value:
    number = Literal(vocabulary.whole_number(name))
    if "has no attribute" in text:
        return Record()
    return Items("list", (number, number)) if re.search(r"not (iterable|subscriptable)|unpack|no len", text) else number


def positive(plan: Plan) -> Iterator[Plan]:
    """Submodules whose outputs are positive, where a distribution refused its parameters."""
    changed = plan
    for path in [path for name, value in plan.build or () for path, inner in _built_inside(value, (name,)) if inner.maker.name.startswith(_STUBS)]:
        inner = get(plan.build or (), path)
        pair = isinstance(inner, Built) and inner.maker == SEVERAL
        changed = put_in(changed, True, path, Built(POSITIVE_PAIR, inner.arguments) if pair and isinstance(inner, Built) else Built(POSITIVE))
    yield changed


def several(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """Submodules that give a tuple, where what they give is taken apart: `x, weights = self.layer(x)`."""
    asked = re.search(r"to unpack \(expected (\d)", str(outcome.error))
    if asked is None or outcome.phase != "forward":
        return
    several = Built(SEVERAL, (("count", Literal(int(asked.group(1)))),))
    found = [path for name, value in plan.build or () for path, inner in _built_inside(value, (name,)) if inner.maker == THROUGH.maker]
    changed = plan
    for path in found:
        changed = put_in(changed, True, path, several)
        yield put_in(plan, True, path, several)
    yield changed


def _built_inside(value: Value, path: Path) -> Iterator[Tuple[Path, Built]]:
    if isinstance(value, Built):
        yield path, value
    elif isinstance(value, Items):
        for number, item in enumerate(value.items):
            yield from _built_inside(item, (*path, number))
