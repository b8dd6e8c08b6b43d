"""Repairs of lists that are too short, too long, or not as long as each other."""

from __future__ import annotations

import ast
import re
import types
from dataclasses import replace
from typing import Any, Iterator, List, Tuple

from .attempt import Outcome, Plan
from .repair_parts import parts_of, put_in
from .repair_text import asked, evaluate, own_frames
from .values import Items, Path, Record, Table, Value

_LONGEST = 64


def alike_in_length(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """Lists as long as a failed condition wants them: `assert len(encoders) == len(decoders) + 1`."""
    for frame, line in own_frames(outcome)[:1]:
        for got, want in _lengths_compared(frame, line):
            for building, path, items in _all_lists(plan):
                if len(items.items) == got:
                    yield put_in(plan, building, path, _of_length(items, want))


def _lengths_compared(frame: types.FrameType, line: int) -> Iterator[Tuple[int, int]]:
    for test in asked(frame, line):
        for node in ast.walk(test):
            if isinstance(node, ast.Compare) and any(_is_length(part) for part in ast.walk(node)):
                sides: List[Any] = [evaluate(side, frame) for side in (node.left, *node.comparators)]
                for one, other in zip(sides, sides[1:]):
                    if type(one) is type(other) is int and one != other:
                        yield from ((got, want) for got, want in ((one, other), (other, one)) if 0 < want <= _LONGEST)


def _is_length(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"


def _all_lists(plan: Plan) -> List[Tuple[bool, Path, Items]]:
    """The lists of the constructor and of the call that hold something."""
    found = [(building, entry) for building, arguments in parts_of(plan) for name, value in arguments for entry in _item_lists(value, (name,))]
    return [(building, path, items) for building, (path, items) in found if items.items]


def longer(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """Lists that were too short: all of them as long as the error asks (or 3, 4, 5), then one by one."""
    lists = _all_lists(plan)
    needed = re.search(r"to unpack \(expected (?:at least )?(\d)", str(outcome.error))
    for length in [int(needed.group(1))] if needed is not None else [4, 3, 5]:
        changed = plan
        for building, path, items in lists:
            changed = put_in(changed, building, path, _of_length(items, length))
        yield changed
        yield from (put_in(plan, building, path, _of_length(items, length)) for building, path, items in lists)
    for building, path, items in lists:
        yield put_in(plan, building, path, _of_length(items, len(items.items) + 1))


def _of_length(items: Items, length: int) -> Items:
    return replace(items, items=(items.items + (items.items[-1],) * length)[:length])


def _item_lists(value: Value, path: Path) -> Iterator[Tuple[Path, Items]]:
    if isinstance(value, Items):
        yield path, value
        if value.items and isinstance(value.items[0], Items):
            yield from ((((*path, number)), item) for number, item in enumerate(value.items) if isinstance(item, Items))
    elif isinstance(value, (Record, Table)):
        for key, item in value.items if isinstance(value, Table) else value.attributes:
            yield from _item_lists(item, (*path, key))
