"""Repairs of other kinds than shapes: missing attributes and arguments, numbers that should be lists, names that should be others, sizes too large."""

from __future__ import annotations

import ast
import re
import types
from dataclasses import replace
from typing import Any, Iterator, List, Optional, Set, Tuple, Union

import torch

from . import vocabulary
from .attempt import Outcome, Plan, TooLarge, TooSlow, Vacuous, tensor_leaves, tensors_in
from .guess import attribute_of_config, attribute_value, attribute_values, named_tensor
from .plans import Space, get, numbers, path_name
from .repair_below import absent, absent_below, demanded
from .repair_classes import of_wanted_class, with_wanted_attributes
from .repair_kinds import kind_repairs, tables_with
from .repair_lists import alike_in_length, longer
from .repair_options import all_missing, callables, missing, other_choices, spoken, without
from .repair_parts import THROUGH, answering, of_modules, parts_of, positive, put_in, several
from .repair_text import TOO_SMALL, evaluate, own_frames, statement_at
from .values import Arguments, Built, Items, Literal, Named, Path, Record, Table, Tensor, Value, leaves

_TRIES = (1, 2, 4, 8, 3, 16, 64, 5, 7)


def value_repairs(plan: Plan, outcome: Outcome, space: Space) -> Iterator[Optional[Plan]]:
    """Plans that answer the error, likeliest first."""
    error = outcome.error
    if error is None:
        yield from _livelier(plan, outcome, space)
        return
    if isinstance(error, (TooLarge, TooSlow)):
        yield from _smaller(plan, space)
        return
    if isinstance(error, Vacuous):
        yield from all_missing(plan, space)
    if isinstance(error, AttributeError):
        yield from _attribute(plan, outcome, error)
    if isinstance(error, KeyError):
        yield from _key(plan, outcome, error)
    yield from of_wanted_class(plan, outcome)
    yield from with_wanted_attributes(plan, outcome)
    yield from kind_repairs(plan, outcome, space)
    yield from _of_stubs(plan, outcome, str(error))
    if _WANTS_NUMBER.search(str(error)):
        yield from _numbered(plan, outcome)
    if isinstance(error, TypeError):
        yield from _type(plan, outcome, str(error), space)
    yield from several(plan, outcome)
    yield from alike_in_length(plan, outcome)
    if isinstance(error, IndexError) or "to unpack" in str(error) or re.search(r"has no attribute '[a-z_]+\d'", str(error)):
        yield from longer(plan, outcome)
    if "None" in str(error):
        yield from absent_below(plan, outcome)
        yield from callables(plan, outcome, space)
        yield from missing(plan, outcome, space)
        yield from absent(plan)
    if outcome.phase == "forward" and isinstance(error, (ValueError, AssertionError, TypeError, AttributeError)):
        yield from without(plan, outcome)
    yield from _other_texts(plan, outcome)
    yield from other_choices(plan, outcome, space)
    yield from missing(plan, outcome, space)
    yield from _uniform(plan, outcome)
    yield from _other_numbers(plan, outcome)


def _of_stubs(plan: Plan, outcome: Outcome, text: str) -> Iterator[Plan]:
    """Stand-ins for submodules and functions that give what was wanted of them."""
    if outcome.phase == "construct" and re.search(r"Through|as child module", text):
        yield from answering(plan, text)
    if "to satisfy the constraint" in text:
        yield from positive(plan)


_WANTS_NUMBER = re.compile(
    r"Boolean value of Tensor with more than one|only integer tensors of a single element|cannot be interpreted as an integer|element tensors can be converted|"
    r"failed to unpack the object|a Tensor with \d+ elements cannot be converted|must be \w+, not Tensor|but got Tensor|"
    r"found Tensor|found element of type Tensor"
)


def _numbered(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """A number for a tensor that code on the line uses as one: those the line reads, then those they were computed from."""
    read = {id(value) for frame, line in own_frames(outcome)[:2] for thing in _read(frame, line) for value in tensors_in(thing)}
    behind = {path for known in read for path in outcome.sources.get(known, ())}
    direct = {path for path, made in outcome.inputs.items() if id(made) in read}
    for paths in (direct, behind - direct):
        for number in (4, 1):
            for top in sorted({_together(path) for path in paths}, key=str):
                changed = plan
                for path, _ in tensor_leaves(plan.call):
                    changed = put_in(changed, False, path, Literal(number)) if path in paths and _together(path) == top else changed
                yield changed


def _together(path: Path) -> Path:
    """The path of the list that a value came in: the items of a list go together, those of a dict do not."""
    return path[: next((place for place, key in enumerate(path) if isinstance(key, int)), len(path))]


def _read(frame: types.FrameType, line: int) -> Iterator[Any]:
    for statement in statement_at(frame.f_code.co_filename, line)[:1]:
        head = statement.test if isinstance(statement, (ast.If, ast.While)) else statement.iter if isinstance(statement, ast.For) else statement
        yield from (evaluate(node, frame) for node in ast.walk(head) if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)))


def _livelier(plan: Plan, outcome: Outcome, space: Space) -> Iterator[Plan]:
    """After a pass without gradients or with values that are not finite: other fills, options given."""
    for path, leaf in tensor_leaves(plan.call):
        if leaf.fill == "normal":
            yield put_in(plan, False, path, replace(leaf, fill="unit"))
    yield from all_missing(plan, space)


def _attribute(plan: Plan, outcome: Outcome, error: AttributeError) -> Iterator[Plan]:
    """Give the object the attribute it lacks; make a config of a number that is read like one."""
    match = re.search(r"object has no attribute '(\w+)'", str(error))
    if match is None or "torch.load" in str(error):
        return
    name, owner = match.group(1), getattr(error, "obj", None)
    for building, arguments in parts_of(plan):
        made = outcome.parts if building else outcome.inputs
        for path, thing in list(made.items()):
            if thing is owner and not isinstance(owner, (int, str, float, bool, type(None), torch.Tensor)):
                yield from _with_attribute(plan, building, path, get(arguments, path), name, outcome)
        if isinstance(owner, (int, str, float, type(None), list, tuple)):
            yield from _as_config(plan, building, arguments, outcome, name)
    if isinstance(owner, types.SimpleNamespace):
        yield from _from_dict(plan, outcome, name)
    if type(owner) in (int, float) and name in dir(torch.Tensor):
        yield from _as_tensors(plan, owner)
    if isinstance(owner, torch.Tensor) and name not in dir(torch.Tensor):
        for path in sorted(outcome.sources.get(id(owner), frozenset()), key=str):
            if outcome.inputs.get(path) is owner:
                yield put_in(plan, False, path, Record(((name, get(plan.call, path)),)))
                yield put_in(plan, False, path, Literal(None))  # an object that is made where none was given


def _as_tensors(plan: Plan, number: Any) -> Iterator[Plan]:
    """Tensors for the numbers that code treats as such, those that come together all at once: `ids, lengths = data.history()`."""
    for building, arguments in parts_of(plan):
        found = [(path, leaf) for name, value in arguments for path, leaf in leaves(value, (name,)) if leaf == Literal(number)]
        for top in sorted({_together(path) for path, _ in found}, key=str):
            changed = plan
            for path, _ in found:
                changed = put_in(changed, building, path, named_tensor(path_name(path))) if _together(path) == top else changed
            yield changed


def _from_dict(plan: Plan, outcome: Outcome, name: str) -> Iterator[Plan]:
    """One more key in a dict of the constructor, of which a namespace was made."""
    for path, table in _tables(plan.build or ()):
        yield put_in(plan, True, path, replace(table, items=(*table.items, (name, _missing_value(True, name, outcome)))))


def _as_config(plan: Plan, building: bool, arguments: Arguments, outcome: Outcome, name: str) -> Iterator[Plan]:
    """A text, or a config with that attribute, for what was no object at all."""
    is_text = hasattr(str, name) and not isinstance(getattr(outcome.error, "obj", None), str)
    for path, _leaf in _named_leaves(arguments, spoken(outcome)):
        if is_text:
            yield put_in(plan, building, path, Literal(vocabulary.text(path_name(path)) or "relu"))
        yield put_in(plan, building, path, Record(((name, attribute_value(name)),)))


def _with_attribute(plan: Plan, building: bool, path: Path, value: Value, name: str, outcome: Outcome) -> Iterator[Plan]:
    for guess in attribute_values(name):
        if isinstance(value, (Record, Built)):
            yield put_in(plan, building, path, replace(value, attributes=(*value.attributes, (name, guess))))
        elif isinstance(value, Items):
            yield put_in(plan, building, path, Record(((name, guess),)))


def _named_leaves(arguments: Arguments, names: Set[str]) -> List[Tuple[Path, Value]]:
    """The leaves whose own name (the last text in their path) was spoken of."""
    found = [(path, leaf) for name, value in arguments for path, leaf in leaves(value, (name,))]
    return [(path, leaf) for path, leaf in found if path_name(path) in names]


def _key(plan: Plan, outcome: Outcome, error: KeyError) -> Iterator[Plan]:
    """Add the key to a dict of ours, or choose among the keys there are."""
    missing = error.args[0] if error.args else None
    for building, arguments in parts_of(plan):
        for path, table in _tables(arguments):
            if isinstance(missing, (str, int)):
                value = _missing_value(building, str(missing), outcome)
                yield put_in(plan, building, path, replace(table, items=(*table.items, (missing, value))))
        if isinstance(missing, str):
            yield from tables_with(plan, building, ((missing, _missing_value(building, missing, outcome)),))
        for path, spelled in [(path, leaf) for name, value in arguments for path, leaf in leaves(value, (name,))]:
            if isinstance(spelled, Literal) and spelled.value == missing:
                for key in _keys_there(outcome, missing):
                    yield put_in(plan, building, path, Literal(key))


def _missing_value(building: bool, key: str, outcome: Outcome) -> Value:
    """A first guess at what a dict holds under a key: by what the function that asked does with it."""
    if not building:
        return named_tensor(key)
    readers = own_frames(outcome)
    return attribute_of_config(key, readers[0][0]) if readers else attribute_value(key)


def _tables(arguments: Arguments) -> List[Tuple[Path, Table]]:
    found = [((name,), value) for name, value in arguments if isinstance(value, Table)]
    return [(path, value) for path, value in found if isinstance(value, Table)]


def _keys_there(outcome: Outcome, missing: Any) -> List[Any]:
    for frame, line in own_frames(outcome)[:1]:
        for statement in statement_at(frame.f_code.co_filename, line)[:1]:
            for node in ast.walk(statement):
                if isinstance(node, ast.Subscript):
                    table = evaluate(node.value, frame)
                    if isinstance(table, dict) and missing not in table:
                        return list(table)[:4]
    return []


def _type(plan: Plan, outcome: Outcome, text: str, space: Space) -> Iterator[Plan]:
    """Numbers that should be lists, lists that should be numbers, things that should be callable, instances that should be classes."""
    if "unexpected keyword" in text or "required positional" in text or "positional argument" in text:
        for building, arguments in parts_of(plan):
            for name, value in arguments:
                if isinstance(value, Built):
                    yield put_in(plan, building, (name,), value.maker)
    yield from demanded(plan, outcome, space)
    yield from _settled(plan, text)
    if "float" in text and "integer" in text or "type float" in text:
        yield from _whole(plan)
    if "is not a Module subclass" in text:
        yield from of_modules(plan)
    names = spoken(outcome)
    spoken_of = [(building, path, leaf) for building, arguments in parts_of(plan) for path, leaf in _values(arguments) if path_name(path) in names]
    for building, path, leaf in [*spoken_of, *_alike(plan, names)]:
        for value in _converted(leaf, path_name(path), text):
            yield put_in(plan, building, path, value)


def _settled(plan: Plan, text: str) -> Iterator[Plan]:
    """Plain values for configs of which nothing was read and that code uses as numbers, or calls."""
    if "Discovering" not in text and "Given" not in text:
        return
    for building, arguments in parts_of(plan):
        for path, leaf in [(path, leaf) for name, value in arguments for path, leaf in leaves(value, (name,))]:
            if isinstance(leaf, Record) and "not callable" not in text:
                yield put_in(plan, building, path, Literal(vocabulary.whole_number(path_name(path))))
        for name, value in arguments:
            if isinstance(value, Record) and "not callable" in text:
                yield put_in(plan, building, (name,), THROUGH.maker)


def _whole(plan: Plan) -> Iterator[Plan]:
    """Whole numbers for the real ones of the constructor: all of them, then each."""
    found = [(path, leaf) for name, value in plan.build or () for path, leaf in leaves(value, (name,))]
    real = [path for path, leaf in found if isinstance(leaf, Literal) and isinstance(leaf.value, float)]
    for path in real:
        yield put_in(plan, True, path, Literal(vocabulary.whole_number(path_name(path))))


def _alike(plan: Plan, names: Set[str]) -> Iterator[Tuple[bool, Path, Value]]:
    """What shares a word with a name spoken of: `dilation` further in is what came as `resblock_dilation_sizes`."""
    said = {word for name in names for word in vocabulary.words(name).split("_") if len(word) > 3} - {"self", "list", "tuple", "object", "size", "sizes"}
    for building, arguments in parts_of(plan):
        yield from ((building, path, leaf) for path, leaf in _values(arguments) if said & set(vocabulary.words(path_name(path)).split("_")))


def _values(arguments: Arguments) -> List[Tuple[Path, Value]]:
    found: List[Tuple[Path, Value]] = []
    for name, value in arguments:
        found.append(((name,), value))
        if isinstance(value, (Record, Built, Table)):
            # Whole lists first: what is wrong with one of their items is wrong with all.
            lists = [(("attribute", key) if isinstance(value, Built) else key, item) for key, item in _entries(value) if isinstance(item, Items)]
            found.extend(((name, key), item) for key, item in lists)
            found.extend(((name, *path), leaf) for path, leaf in leaves(value) if path)
    return found


def _entries(value: Union[Record, Built, Table]) -> Tuple[Tuple[Any, Value], ...]:
    return value.items if isinstance(value, Table) else value.attributes


_WANTS_LIST = (
    "not iterable",
    "not subscriptable",
    "has no len",
    "must be an iterable",
    "'int' object is not",
    "concatenate list",
    "non-iterable",
    '(not "int") to',
)


def _converted(leaf: Value, name: str, text: str) -> Iterator[Value]:
    if isinstance(leaf, Literal) and isinstance(leaf.value, (int, float)):
        if any(word in text for word in _WANTS_LIST) and "callable" not in text:
            number = leaf.value if not isinstance(leaf.value, bool) else vocabulary.whole_number(name)
            yield Items("list", (Literal(number),) * 2)
            yield Items("list", (Literal(number),) * 4)
            yield Record()
        if "must be a mapping" in text:
            yield Table(())
        if "not callable" in text or "is not a Module subclass" in text:
            yield THROUGH
            yield Named("lintorch.worker.stubs:Through")
        if "str" in text or "string" in text:
            yield Literal("relu")
        if isinstance(leaf.value, (bool, float)):
            yield Literal(vocabulary.whole_number(name))
    elif (
        isinstance(leaf, Items)
        and leaf.items
        and all(isinstance(item, Literal) for item in leaf.items)
        and ("not subscriptable" in text or "not iterable" in text or "has no len" in text)
    ):
        yield replace(leaf, items=(Items("list", leaf.items),) * len(leaf.items))
        yield from _singled(leaf, text)
    elif isinstance(leaf, Items) and leaf.items and ("list" in text or "tuple" in text):
        yield leaf.items[0]
    elif isinstance(leaf, Literal) and isinstance(leaf.value, str):
        yield Literal(vocabulary.whole_number(name))
    if "NoneType" in text and isinstance(leaf, Literal) and leaf.value is None:
        yield Literal(vocabulary.whole_number(name))


def _singled(leaf: Items, text: str) -> Iterator[Value]:
    if "list" in text or "tuple" in text:
        yield leaf.items[0]


_UNIFORM = ((2, 32), (2, 16, 32), (2, 32, 16, 16), (2,))


def _uniform(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """All floating tensors of one shape: losses and fusions want their inputs alike."""
    found = [(path, leaf) for path, leaf in tensor_leaves(plan.call) if leaf.fill in ("normal", "unit")]
    if len(found) < 2 or outcome.phase != "forward":
        return
    for shape in _UNIFORM:
        changed = plan
        for path, leaf in found:
            changed = put_in(changed, False, path, replace(leaf, shape=shape))
        yield changed


def _other_texts(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """Other strings for those given, out of what the functions that raised compare with or look up."""
    known = _texts_compared(outcome) if isinstance(outcome.error, (ValueError, NotImplementedError, KeyError, AssertionError, RuntimeError, TypeError)) else []
    for building, arguments in parts_of(plan):
        for path, leaf in [(path, leaf) for name, value in arguments for path, leaf in leaves(value, (name,))] if known else []:
            if isinstance(leaf, Literal) and isinstance(leaf.value, str):
                yield from (put_in(plan, building, path, Literal(text)) for text in known[:12] if text != leaf.value)


def _texts_compared(outcome: Outcome) -> List[str]:
    found: List[str] = []
    for frame, line in own_frames(outcome)[:2]:
        for statement in statement_at(frame.f_code.co_filename, line)[-2:]:
            for node in ast.walk(statement):
                sides = (
                    [node.left, *node.comparators] if isinstance(node, ast.Compare) else [key for key in node.keys if key] if isinstance(node, ast.Dict) else []
                )
                for side in sides:
                    known = evaluate(side, frame) if isinstance(side, (ast.Constant, ast.Name, ast.Attribute, ast.List, ast.Tuple, ast.Set, ast.Call)) else None
                    parts = [known] if isinstance(known, str) else list(known) if isinstance(known, (list, tuple, set, frozenset, dict)) else []
                    found.extend(sorted(part for part in parts if isinstance(part, str)))
    return list(dict.fromkeys(found))


def _other_numbers(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """Other whole numbers for what the error's line speaks of; for anything while building."""
    if outcome.phase == "construct" and any(word in str(outcome.error) for word in TOO_SMALL):
        yield from _larger(plan)
    names = spoken(outcome)
    found = [(True, path, number) for path, number in numbers(plan.build)] + [(False, path, number) for path, number in numbers(plan.call)]
    near = [entry for entry in found if path_name(entry[1]) in names]
    for building, path, number in near or (found if outcome.phase == "construct" else []):
        for other in _TRIES:
            if other != number:
                yield put_in(plan, building, path, Literal(other))


def _larger(plan: Plan) -> Iterator[Plan]:
    """Sizes doubled and more: those that sound like sides of an image, then all."""
    large = [(path, number) for path, number in numbers(plan.build) if number > 8]
    sides = [(path, number) for path, number in large if vocabulary.says(_SIDES, path_name(path))]
    for some in (sides, large):
        for factor in (2, 4):
            changed = plan
            for path, number in some:
                changed = put_in(changed, True, path, Literal(number * factor))
            yield changed


_SIDES = r"h|w|height|width|size|shape|res|resolution|side|len|length|in_?size"


def _smaller(plan: Plan, space: Space) -> Iterator[Plan]:
    """Everything smaller: all at once; large defaults given small values, all and one by one; then the numbers and tensors given."""
    small: List[Tuple[str, Value]] = []
    if plan.build is not None:
        given = {path_name((name,)) for name, _ in plan.build}
        small = [(f"={name}", value) for name, value in space.small_build.items() if name not in given]
    large = [(path, number) for path, number in numbers(plan.build) if number > 8]
    halved = replace(plan, build=(*plan.build, *small)) if small and plan.build is not None else plan
    if small:
        yield halved
    for path, number in large:
        halved = put_in(halved, True, path, Literal(max(number // 2, 1)))
    shrunk = halved
    for path, leaf in tensor_leaves(plan.call):
        shrunk = put_in(shrunk, False, path, _halved(leaf))
    yield shrunk
    if plan.build is not None:
        yield from (replace(plan, build=(*plan.build, entry)) for entry in small)
    for path, leaf in tensor_leaves(plan.call):
        yield from (put_in(plan, False, path, less) for less in _fewer(leaf))
    yield from (put_in(plan, True, path, Literal(max(number // 4, 1))) for path, number in large)
    yield halved


def _halved(leaf: Tensor) -> Tensor:
    return replace(leaf, shape=tuple(max(size // 2, 1) if size > 8 else size for size in leaf.shape))


def _fewer(leaf: Tensor) -> Iterator[Tensor]:
    """Smaller tensors: few frames of a sequence of images, which are run one after another; then all sizes halved; then each."""
    if len(leaf.shape) > 4 and leaf.shape[1] > 4:
        yield replace(leaf, shape=(leaf.shape[0], 4, *leaf.shape[2:]))
    if max(leaf.shape, default=0) > 8:
        yield _halved(leaf)
        yield from (replace(leaf, shape=(*leaf.shape[:dim], max(size // 4, 1), *leaf.shape[dim + 1 :])) for dim, size in enumerate(leaf.shape) if size > 8)
