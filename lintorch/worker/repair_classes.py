"""Repairs that give an object of the class that a failed condition wants: `if not isinstance(model, GP): raise`."""

from __future__ import annotations

import ast
import inspect
import types
from dataclasses import replace
from typing import Any, Iterator, List, Tuple

import torch

from .attempt import Outcome, Plan
from .guess import attribute_of_config, built, named_tensor
from .plans import get, has, path_name
from .repair_parts import THROUGH, parts_of, put_in
from .repair_text import asked, evaluate, own_frames
from .values import Built, Code, Items, Literal, Record, Table, Value, leaves

_MOST = 4  # subclasses that are tried
_PLAIN = (int, float, str, bool)


def with_wanted_attributes(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """Plans in which objects of ours have what a failed condition asked for: `if not hasattr(model, "likelihood"): raise`."""
    for frame, line in own_frames(outcome)[:1]:
        for thing, name in _lacking(frame, line):
            for building, arguments in parts_of(plan):
                made = outcome.parts if building else outcome.inputs
                changed = plan
                for path in [path for path, other in made.items() if (other is thing or type(other) is type(thing)) and has(arguments, path)]:
                    value = get(arguments, path)
                    if isinstance(value, (Built, Record)) and name not in dict(value.attributes):
                        guess: Value = THROUGH if isinstance(thing, torch.nn.Module) else attribute_of_config(name, frame)
                        changed = put_in(changed, building, path, replace(value, attributes=(*value.attributes, (name, guess))))
                yield changed


def _lacking(frame: types.FrameType, line: int) -> Iterator[Tuple[Any, str]]:
    for test in asked(frame, line):
        for node in ast.walk(test):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "hasattr" and len(node.args) == 2:
                thing, name = evaluate(node.args[0], frame), evaluate(node.args[1], frame)
                if isinstance(name, str) and not hasattr(thing, name):
                    yield thing, name


def of_wanted_class(plan: Plan, outcome: Outcome) -> Iterator[Plan]:
    """Plans with an object of the wanted class in place of the one that a failed `isinstance` was asked about."""
    for frame, line in own_frames(outcome)[:1]:
        for thing, kinds in _refused(frame, line):
            for building, arguments in parts_of(plan):
                made = outcome.parts if building else outcome.inputs
                places = [path for path, other in made.items() if other is thing]
                if isinstance(thing, _PLAIN):  # equal numbers may be one object
                    places = [path for name, value in arguments for path, leaf in leaves(value, (name,)) if leaf == Literal(thing)]
                for path in places:
                    yield from (put_in(plan, building, path, value) for kind in kinds for value in _instances(kind, path_name(path)))


def _refused(frame: types.FrameType, line: int) -> Iterator[Tuple[Any, List[type]]]:
    """What the failed conditions asked about with `isinstance`, and the classes it is no instance of."""
    for test in asked(frame, line):
        for node in ast.walk(test):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance" and len(node.args) == 2:
                thing, wanted = evaluate(node.args[0], frame), evaluate(node.args[1], frame)
                kinds = [kind for kind in (wanted if isinstance(wanted, tuple) else (wanted,)) if isinstance(kind, type)]
                if kinds and not isinstance(thing, tuple(kinds)):
                    yield thing, kinds


def _instances(kind: type, name: str) -> Iterator[Value]:
    if issubclass(kind, torch.Tensor):
        yield named_tensor(name)
    elif kind in _PLAIN:
        yield Literal(kind())
    elif kind in (list, tuple):
        yield Items(kind.__name__, (Literal(1), Literal(1)))
    elif kind is dict:
        yield Table(())
    elif kind in (torch.dtype, torch.device):
        yield Code("torch.float32") if kind is torch.dtype else Code("torch.device('cpu')")
    elif kind.__module__ != "builtins":
        found = [built(concrete) for concrete in _concrete(kind)]
        yield from (value for value in found[:_MOST] if value is not None)


def _concrete(kind: type) -> Iterator[type]:
    """The class itself and its subclasses, those that can be built."""
    if not inspect.isabstract(kind):
        yield kind
    children: List[type] = kind.__subclasses__()
    for child in children:
        yield from _concrete(child)
