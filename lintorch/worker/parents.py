"""What a class is given by the classes of its file that build it: one of these is built and called, and what its part got is noted."""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
from dataclasses import replace
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import torch

from .attempt import Bench, Outcome, Plan, filled
from .describe import Describer
from .load import Loaded
from .plans import get, has
from .repair_text import module_tree
from .sliced import definitions
from .tree import signature
from .values import Arguments, Built, Record, Value

MOST = 3  # parents that are tried
_MOST_PLANS, _MOST_CALLS = 6, 40  # of what was heard
_MISSING = object()


def parents(loaded: Loaded) -> List[type]:
    """The modules of the file that build the target, directly or through functions, tables and other modules; the nearest first."""
    tree = module_tree(loaded.path)
    known = definitions(loaded.module)
    mentions = {name: _names(statement) for statement in (tree.body if tree is not None else ()) for name in _bound(statement)}
    found: List[type] = []
    ring, seen = {loaded.symbol}, {loaded.symbol}
    while ring:
        ring = {name for name, names in mentions.items() if names & ring and name not in seen}
        seen |= ring
        here = [known[name] for name in sorted(ring) if isinstance(known.get(name), type) and issubclass(known[name], torch.nn.Module)]
        found.extend(sorted((kind for kind in here if not inspect.isabstract(kind) and not issubclass(kind, loaded.object)), key=_asks))
    return found[:MOST]


def _bound(statement: ast.stmt) -> List[str]:
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
        return [statement.name]
    return [target.id for target in statement.targets if isinstance(target, ast.Name)] if isinstance(statement, ast.Assign) else []


def _names(statement: ast.stmt) -> Set[str]:
    """The names that a statement reads, those of base classes left out."""
    inside: List[Any] = list(statement.body) if isinstance(statement, ast.ClassDef) else [statement]
    return {node.id for part in inside for node in ast.walk(part) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _asks(kind: type) -> int:
    """How many arguments the constructor cannot do without."""
    shape = signature(kind)
    return sum(parameter.default is parameter.empty for parameter in shape.parameters.values()) if shape is not None else 99


class Call(NamedTuple):
    """A call of a method, as it was heard."""

    instance: Any
    args: Tuple[Any, ...]
    kwargs: Dict[str, Any]


def listen(target: type, parent: Bench, plan: Plan, start: Plan) -> List[Plan]:
    """Plans for the target, from what it got while a parent was built and called by its plan; `start` is called where no instance was."""
    built: List[Call] = []
    called: List[Call] = []
    with _noting(target, "__init__", built), _noting(target, "forward", called):
        outcome = parent.run(plan, fresh=True)
    describer = Describer(_known(filled(plan, outcome), outcome))
    shapes = signature(target.__init__), signature(target.forward)  # type: ignore[misc,attr-defined]
    builds = {id(heard.instance): _arguments(shapes[0], heard, describer) for heard in reversed(built)}  # the outermost call of an instance's constructor
    calls = [(builds.get(id(heard.instance)), _arguments(shapes[1], heard, describer)) for heard in called[:_MOST_CALLS]]
    plans = [Plan(build, call) for build, call in calls if build is not None and call is not None]
    bare = [replace(start, build=build) for build in builds.values() if build is not None]
    return list(dict.fromkeys([*plans, *bare]))[:_MOST_PLANS]


def _known(plan: Plan, outcome: Outcome) -> Dict[int, Value]:
    """The values of a plan by the objects that were made for them, of those that nothing else describes."""
    found: Dict[int, Value] = {}
    for arguments, made in ((plan.build or (), outcome.parts), (plan.call, outcome.inputs)):
        for path, thing in made.items():
            value = get(arguments, path) if has(arguments, path) else None
            if isinstance(value, (Built, Record)):
                found[id(thing)] = value
    return found


@contextlib.contextmanager
def _noting(target: type, name: str, heard: List[Call]) -> Iterator[None]:
    """Note the calls of a method of a class while the block runs."""
    own, original = vars(target).get(name, _MISSING), getattr(target, name)

    @functools.wraps(original)
    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        heard.append(Call(self, tuple(map(_copied, args)), {key: _copied(value) for key, value in kwargs.items()}))
        return original(self, *args, **kwargs)

    setattr(target, name, noted)
    try:
        yield
    finally:
        delattr(target, name) if own is _MISSING else setattr(target, name, own)


def _copied(value: Any) -> Any:
    """A list or dict as it is now: the call may change it."""
    return type(value)(value) if type(value) in (list, dict) else value


def _arguments(shape: Optional[inspect.Signature], heard: Call, describer: Describer) -> Optional[Arguments]:
    """What was heard as a plan has it; None where a part of it cannot be described."""
    if shape is None:
        return None
    given: List[Tuple[str, Any]] = []
    try:
        bound = shape.bind(heard.instance, *heard.args, **heard.kwargs).arguments
    except TypeError:
        return None
    for number, parameter in enumerate(shape.parameters.values()):
        if number and parameter.name in bound:
            given.extend(_given(parameter, bound[parameter.name], in_order=len(given) == number - 1))
    told = [(name, describer.describe(value)) for name, value in given]
    known = tuple((name, value) for name, value in told if value is not None)
    return known if len(known) == len(told) else None


def _given(parameter: inspect.Parameter, value: Any, in_order: bool) -> Iterator[Tuple[str, Any]]:
    if parameter.kind is parameter.VAR_KEYWORD:
        yield from ((f"={name}", item) for name, item in value.items())
    elif parameter.kind is parameter.VAR_POSITIONAL:
        yield f"*{parameter.name}", list(value)
    else:
        yield (parameter.name if in_order and parameter.kind is not parameter.KEYWORD_ONLY else f"={parameter.name}"), value
