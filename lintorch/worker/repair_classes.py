"""Repairs that give an object of the class that a failed condition wants: `if not isinstance(model, GP): raise`."""

from __future__ import annotations

import ast
import inspect
import types
from typing import Any, Iterator, List, Tuple

import torch

from .attempt import Outcome, Plan
from .guess import built, named_tensor
from .plans import path_name
from .repair_parts import parts_of, put_in
from .repair_text import asked, evaluate, own_frames
from .values import Code, Items, Literal, Table, Value, leaves

_MOST = 4  # subclasses that are tried
_PLAIN = (int, float, str, bool)


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
