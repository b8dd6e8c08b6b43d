"""Repairs that give a value of another kind: a list for a tuple, a function for a tensor, a switch turned over, nothing for a text that names nothing."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Any, Iterator, List, Tuple

import torch

from . import vocabulary
from .attempt import Outcome, Plan, tensor_leaves
from .plans import Space, path_name
from .repair_parts import THROUGH, parts_of, put_in
from .repair_text import own_frames, statement_at
from .values import Built, Items, Literal, Named, Path, Record, Table, Tensor, Value, leaves


def kind_repairs(plan: Plan, outcome: Outcome, space: Space) -> Iterator[Plan]:
    """Plans that answer errors about what kind of thing a value is."""
    text = str(outcome.error)
    if "'tuple' object does not support item assignment" in text:
        yield from _listed(plan)
    if re.search(r"'(int|float|str|list)' object (does not support item assignment|has no attribute '(copy|keys|items|pop|get|update)')", text):
        yield from _of_tables(plan)
    if "'batch_sizes'" in text or "PackedSequence" in text or _asks_for_packed(outcome):
        yield from _packed(plan)
    if "ndarray" in text:
        yield from _arrays(plan)
    yield from _of_keys(plan, outcome)
    if re.search(r"must be tuple of Tensors", text):
        yield from _of_pairs(plan, outcome)
    if "non-empty" in text or "empty sequence" in text:
        yield from _counted(plan, space)
    if "'Tensor' object is not callable" in text:
        yield from _callable(plan)
    if "int64" in text or "arange()" in text or "Long" in text or "integer" in text:
        yield from _whole_lengths(plan)
    yield from _by_class(plan, outcome, space, text)


def _by_class(plan: Plan, outcome: Outcome, space: Space, text: str) -> Iterator[Plan]:
    if isinstance(outcome.error, NameError):
        yield from _classes_by_name(plan, outcome, text)
    if isinstance(outcome.error, (NameError, AttributeError, ImportError)):
        yield from _nothing(plan, text)
    if isinstance(outcome.error, AttributeError) and isinstance(getattr(outcome.error, "obj", None), torch.nn.ModuleDict):
        yield from _named_modules(plan, space, text)
    if isinstance(outcome.error, (AttributeError, UnboundLocalError)) and _is_of_module(outcome.error):
        yield from _turned_over(plan, space)


def _is_of_module(error: BaseException) -> bool:
    """Does a module lack an attribute, or a function a local, that some branch would have set?"""
    return isinstance(error, UnboundLocalError) or isinstance(getattr(error, "obj", None), torch.nn.Module)


def _items(plan: Plan) -> List[Tuple[bool, Path, Items]]:
    found: List[Tuple[bool, Path, Items]] = []
    for building, arguments in parts_of(plan):
        for name, value in arguments:
            found.extend((building, (name, *path), items) for path, items in _lists(value))
    return found


def _lists(value: Value, path: Path = ()) -> Iterator[Tuple[Path, Items]]:
    if isinstance(value, Items):
        yield path, value
    elif isinstance(value, (Record, Table)):
        for key, item in value.attributes if isinstance(value, Record) else value.items:
            yield from _lists(item, (*path, key))


def _listed(plan: Plan) -> Iterator[Plan]:
    """Lists for the tuples that are written into."""
    for building, path, items in _items(plan):
        if items.kind == "tuple":
            yield put_in(plan, building, path, replace(items, kind="list"))


def _of_tables(plan: Plan) -> Iterator[Plan]:
    """Lists of dicts for lists of numbers or texts."""
    for building, path, items in _items(plan):
        if items.items and all(isinstance(item, Literal) for item in items.items):
            yield put_in(plan, building, path, replace(items, items=(Table(()),) * len(items.items)))


def tables_with(plan: Plan, building: bool, more: Tuple[Tuple[str, Value], ...]) -> Iterator[Plan]:
    """The keys, with their values, in every dict of a list of dicts."""
    for is_building, path, items in _items(plan):
        if is_building is building and items.items and all(isinstance(item, Table) for item in items.items):
            fuller = tuple(replace(item, items=(*item.items, *more)) for item in items.items if isinstance(item, Table))
            yield put_in(plan, building, path, replace(items, items=fuller))


def _of_keys(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """Dicts for the tensors of which an item was asked for by a text: `features["embedding"]`, with what they came in."""
    function, args = (outcome.operation[0], outcome.operation[1]) if outcome.operation is not None else (None, ())
    if getattr(function, "__name__", "") != "__getitem__" or len(args) < 2 or not isinstance(args[1], str):
        return
    behind = {path[:1] for path in outcome.sources.get(id(args[0]), ())}
    changed = plan
    for path, leaf in tensor_leaves(plan.call):
        if path[:1] in behind and not any(isinstance(key, str) for key in path[1:]):
            changed = put_in(changed, False, path, Table(((args[1], leaf),)))
    yield changed


def _of_pairs(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """A list of two for the tensor that was handed to what puts several together."""
    given = outcome.operation[1][:1] if outcome.operation is not None else ()
    for path, leaf in tensor_leaves(plan.call):
        if not given or any(outcome.inputs.get(path) is tensor for tensor in given):  # what is refused by its kind alone was never an operation
            yield put_in(plan, False, path, Items("list", (leaf, leaf)))


def _arrays(plan: Plan) -> Iterator[Plan]:
    """An array of numpy for each tensor, and for each number that an object holds."""
    for path, leaf in tensor_leaves(plan.call):
        yield put_in(plan, False, path, _array(leaf))
    for path, value in [(path, value) for name, given in plan.build or () for path, value in leaves(given, (name,))]:
        if isinstance(value, Tensor):
            yield put_in(plan, True, path, _array(value))
        elif len(path) > 1 and isinstance(value, Literal) and type(value.value) in (int, float):
            yield put_in(plan, True, path, _array(Tensor((vocabulary.DIM,))))


def _array(leaf: Tensor) -> Built:
    return Built(Named("torch:Tensor.numpy"), (("self", leaf),))


def _asks_for_packed(outcome: Outcome) -> bool:
    """Does the line that raised speak of packed sequences?"""
    lines = [ast.dump(statement) for frame, line in own_frames(outcome)[:1] for statement in statement_at(frame.f_code.co_filename, line)[:1]]
    return any("PackedSequence" in line for line in lines)


def _packed(plan: Plan) -> Iterator[Plan]:
    """A packed sequence, two rows of unlike lengths, for a tensor of the call."""
    for path, leaf in tensor_leaves(plan.call):
        if leaf.fill == "normal" and ("argument", "input") not in path:
            rows = leaf if len(leaf.shape) == 3 else replace(leaf, shape=(2, 16, leaf.shape[-1] if leaf.shape else 32))
            lengths = Items("list", tuple(Literal(max(rows.shape[1] - number, 1)) for number in range(rows.shape[0])))
            given = (("input", rows), ("lengths", lengths), ("=batch_first", Literal(True)))
            yield put_in(plan, False, path, Built(Named("torch.nn.utils.rnn:pack_padded_sequence"), given))


def _counted(plan: Plan, space: Space) -> Iterator[Plan]:
    """A number for each option that counts something, where nothing was there to be put together."""
    given = {path_name((name,)) for name, _ in plan.build or ()}
    for name, values in space.open_build.items():
        if name not in given and values and isinstance(values[0], Literal) and type(values[0].value) is int and plan.build is not None:
            yield replace(plan, build=(*plan.build, (f"={name}", values[0])))


def _named_modules(plan: Plan, space: Space, text: str) -> Iterator[Plan]:
    """One more submodule in a dict that the constructor makes its own, or in an option that sounds like one."""
    name = re.search(r"has no attribute '(\w+)'", text)
    if name is None or plan.build is None:
        return
    for key, value in plan.build:
        if isinstance(value, Table):
            yield put_in(plan, True, (key,), replace(value, items=(*value.items, (name.group(1), THROUGH))))
    given = {path_name((key,)) for key, _ in plan.build}
    for option in space.open_build:
        if option not in given and vocabulary.says(r"modules?|layers|nets?$", option):
            yield replace(plan, build=(*plan.build, (f"={option}", Table(((name.group(1), THROUGH),)))))


def _callable(plan: Plan) -> Iterator[Plan]:
    """A function for one tensor of the call, since a tensor was called: the names on the line are those of the function called last, so each is tried."""
    for path, _ in reversed(tensor_leaves(plan.call)):
        yield put_in(plan, False, path, THROUGH)


def _whole_lengths(plan: Plan) -> Iterator[Plan]:
    """Lengths counted in elements, in place of shares of the longest."""
    for path, leaf in tensor_leaves(plan.call):
        if leaf.fill == "lengths" and leaf.dtype != "int64":
            yield put_in(plan, False, path, replace(leaf, dtype="int64", high=max(leaf.high, 16)))


def _classes_by_name(plan: Plan, outcome: Outcome, text: str) -> Iterator[Plan]:
    """The names of modules that the file knows, for a text of ours that was evaluated: `eval(config["select"])(...)`."""
    frames = [frame for frame, _ in own_frames(outcome)[:1]]
    known = [
        name for frame in frames for name, thing in list(frame.f_globals.items()) if _is_module_class(thing) and thing is not type(frame.f_locals.get("self"))
    ]
    for building, arguments in parts_of(plan):
        for path, leaf in [(path, leaf) for name, value in arguments for path, leaf in leaves(value, (name,))]:
            if isinstance(leaf, Literal) and isinstance(leaf.value, str) and f"'{leaf.value}'" in text:
                yield from (put_in(plan, building, path, Literal(name)) for name in known[:8])


def _is_module_class(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, torch.nn.Module)


def _nothing(plan: Plan, text: str) -> Iterator[Plan]:
    """None for a text of ours that was looked up and not found."""
    for building, arguments in parts_of(plan):
        for path, leaf in [(path, leaf) for name, value in arguments for path, leaf in leaves(value, (name,))]:
            if isinstance(leaf, Literal) and isinstance(leaf.value, str) and f"'{leaf.value}'" in text:
                yield put_in(plan, building, path, Literal(None))


def _turned_over(plan: Plan, space: Space) -> Iterator[Plan]:
    """Each switch of the constructor the other way: what is missing is often set in one branch alone."""
    if plan.build is None:
        return
    for name, value in plan.build:
        if isinstance(value, Literal) and isinstance(value.value, bool):
            yield put_in(plan, True, (name,), Literal(not value.value))
    given = {path_name((name,)) for name, _ in plan.build}
    for name, values in space.open_build.items():
        if name not in given and values and isinstance(values[0], Literal) and isinstance(values[0].value, bool):
            yield from (replace(plan, build=(*plan.build, (f"={name}", Literal(way)))) for way in (True, False))
