"""What a child may say in answer to each kind of job. A child has run code that nobody vouches for, so that nothing else it sends is looked at.

Shapes only: values that fit but are made up cannot be told from true ones (SECURITY.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lintorch.verify.compare import DECIDING, HEARD
from lintorch.worker.protocol import Frame

Shape = Callable[[Any], bool]

_MOST = 2**62  # of any number: beyond it arithmetic and formats need not be tried


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) < _MOST


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _anything(_: Any) -> bool:
    """What goes back to workers alone."""
    return True


def _or_none(shape: Shape) -> Shape:
    return lambda value: value is None or shape(value)


def _each(shape: Shape) -> Shape:
    return lambda value: isinstance(value, list) and all(map(shape, value))


def _row(*shapes: Shape) -> Shape:
    return lambda value: isinstance(value, list) and len(value) == len(shapes) and all(shape(part) for shape, part in zip(shapes, value, strict=True))


def _by_name(shape: Shape) -> Shape:
    return lambda value: isinstance(value, dict) and all(map(shape, value.values()))


@dataclass(frozen=True)
class _Record:
    """An object with these fields, perhaps those of `more`, and no others: what a child says is laid over what it is told next."""

    fields: Mapping[str, Shape]
    more: Mapping[str, Shape] = field(default_factory=dict)

    def __call__(self, value: Any) -> bool:
        if not isinstance(value, dict) or not self.fields.keys() <= value.keys() <= self.fields.keys() | self.more.keys():
            return False
        return all((self.fields.get(name) or self.more[name])(part) for name, part in value.items())


def _key(value: Any) -> bool:
    """`seed 0, train, call 1`."""
    return isinstance(value, str) and ", " in value


_RUN = _Record(
    {
        "key": _key,
        "mode": _text,
        "digests": _Record(dict.fromkeys((*DECIDING, *HEARD), _text)),
        "outlook": _text,
        "differentiable": _flag,
        "raised": _or_none(_text),
    }
)
_RECIPE = _Record(
    {"symbol": _text, "constructor": _anything, "calls": _anything, "hint": _or_none(_text), "notes": _each(_text)}, {"doubt": _or_none(_text), "fake": _flag}
)
_DIGESTS = {"operations": _count, "digests": _each(_text), "forms": _each(_text), "numbers": _each(_text)}
_FAILED = _Record({"failed": _text})
_POINTS = _each(_row(_count, _number))
_GRADIENT = _Record({"name": _text, "kind": _text, "largest": _or_none(_number), "digest": _or_none(_text)})
_WITNESS = _Record(
    {
        "steps": _count,
        "nodes_per_step": _number,
        "bytes_per_step": _number,
        "held_bytes": _number,
        "held_nodes": _number,
        "peak_bytes": _number,
        "levels": _each(_row(_number, _number)),
    },
    {"collectable": _flag},
)
_ENTRY = _row(_text, _text, _each(lambda value: isinstance(value, (int, float))))  # values of user code, infinite or not
_LOOP = {
    "raised": _or_none(_text),
    "hits": _by_name(_count),
    "most_in_call": _count,
    "lines": _each(_count),
    "entries": _each(_ENTRY),
    "trained": _flag,
    "unknowns": _each(_text),
    "replaced": _each(_text),
    "touched": _each(_text),
}
_AGAIN = _Record({"again": _Record({"runs": _each(_RUN), "lines": _each(_count)})})
_PROBES = _each(_count)

_FOUND = _Record({"recipe": _RECIPE, "state": _anything, "values": _anything, "inputs": _each(_text), "variants": _anything, "notes": _each(_text)})
_TOO_LARGE = _Record({"recipe": _RECIPE, "fake": _flag, "inputs": _each(_text), "notes": _each(_text)})
_PROBLEM = _Record({"problem": _text, "reason": _text}, {"hint": _or_none(_text)})
# The first frame of each kind of job; those that `measure` sends after it come in any order.
_FIRST: Mapping[str, Shape] = {
    "search": lambda value: _FOUND(value) or _TOO_LARGE(value),
    "measure": _Record({"runs": _each(_RUN), "initial": _by_name(_row(_text, _flag)), "renamed": _by_name(_text), "touched": _each(_text)}),
    "audit": _AGAIN,
    "explain": _Record({"listings": _by_name(_by_name(_each(_row(_text, _anything, _anything))))}),
    "canary": _Record(
        {"noticed": _by_name(_or_none(_text)), "control": _or_none(_text), "reached": _PROBES, "asked_gradient": _PROBES, "got_gradient": _PROBES}
    ),
    "fake": _Record({"trace": lambda value: _FAILED(value) or _Record(_DIGESTS)(value)}),
    "compare": _Record({"differences": _each(_Record(dict.fromkeys(("run", "section", "path", "kind", "what"), _text)))}),
    "module witness": _Record({"witness": _WITNESS}),
    "loop": _Record(_LOOP),
    "loop canary": _Record({**_LOOP, "reached": _flag}),
    "loop witness": _Record({"witness": _WITNESS}),
}
_LATER: Sequence[Shape] = (
    _AGAIN,
    _Record({"trace": lambda value: _FAILED(value) or _Record({**_DIGESTS, "calls": _each(_text)})(value)}),
    _Record({"peak": _Record(dict.fromkeys(("forward", "training"), _or_none(_count)))}),
    _Record({"figures": _Record({"forward": _POINTS, "training": _POINTS, "gradients": _each(_GRADIENT), "left_out": _count})}),
    _PROBLEM,
)


def is_answer(kind: str, frames: Sequence[Frame]) -> bool:
    """Are these frames what a child may answer to a job of that kind? No frames at all are: it may have been lost."""
    heads = [{name: value for name, value in frame.head.items() if name != "loaded"} for frame in frames]
    if not all(_each(_text)(frame.head.get("loaded", [])) for frame in frames):
        return False
    first, later = heads[:1], heads[1:]
    if later and kind != "measure":
        return False
    return all(_PROBLEM(head) or _FIRST[kind](head) for head in first) and all(any(shape(head) for shape in _LATER) for head in later)
