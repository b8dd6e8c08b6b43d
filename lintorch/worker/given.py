"""Plans from what people wrote: examples given by the user, and usages mined from the project's text."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .attempt import Plan
from .plans import path_name
from .protocol import Usage
from .tree import signature
from .values import Arguments, Code, Literal, Value, from_json


class BadExample(Exception):
    """An example that is not of the form `Net(10, 20), torch.randn(4, 10)`; str() says what is wrong."""


def example_plan(text: str, is_class: bool) -> Plan:
    """The plan an example stands for: `Net(10, 20), torch.randn(4, 10)`, or `function, torch.randn(4)` for a function; raises BadExample."""
    try:
        call = ast.parse(f"_({text})", mode="eval").body
    except SyntaxError as error:
        raise BadExample(f"the example {text!r} is not Python: {error.msg}") from None
    if not isinstance(call, ast.Call) or not call.args:
        raise BadExample(f"the example {text!r} names no class or function")
    head, rest = call.args[0], call.args[1:]
    given = _written(rest, call.keywords)
    if not is_class:
        return Plan(None, given)
    if not isinstance(head, ast.Call):
        raise BadExample(f"the example {text!r} should begin by building the class: Net(...), then the inputs")
    return Plan(_written(head.args, head.keywords), given)


def _written(args: Sequence[ast.expr], keywords: Sequence[ast.keyword]) -> Arguments:
    positional = tuple((f"{place}", _value(node)) for place, node in enumerate(args))
    return positional + tuple((f"={keyword.arg}", _value(keyword.value)) for keyword in keywords if keyword.arg)


def _value(node: ast.expr) -> Value:
    return Literal(node.value) if isinstance(node, ast.Constant) and not isinstance(node.value, (bytes, type(...))) else Code(ast.unparse(node))


def usage_plans(usages: Sequence[Usage], start: Plan, build: Any, call: Any) -> List[Plan]:
    """The plans of mined usages: `start` with the arguments known from each; `build` and `call` are the functions whose parameters the keys name."""
    found: List[Plan] = []
    for usage in usages:
        plan = _usage_plan(usage, start, build, call)
        if plan is not None and plan != start and plan not in found:
            found.append(plan)
    return found


def _usage_plan(usage: Usage, start: Plan, build: Any, call: Any) -> Optional[Plan]:
    built = None if start.build is None or build is None else _merged(usage["build"], start.build, build)
    if start.build is not None and built is None:
        return None
    called = _merged(usage["call"], start.call, call) if usage["call"] is not None else start.call
    return replace(start, build=built, call=called if called is not None else start.call)


def _merged(pairs: Sequence[Sequence[Any]], start: Arguments, function: Any) -> Optional[Arguments]:
    """The arguments of a usage, completed by those of `start`; None where they do not fit the parameters."""
    shape = signature(function)
    if shape is None:
        return None
    names = [
        parameter.name for parameter in list(shape.parameters.values())[1:] if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in shape.parameters.values())
    known: Dict[str, Value] = {}
    for key, data in pairs:
        name = key[1:] if key.startswith("=") else names[int(key)] if int(key) < len(names) else None
        if name is None or (name not in shape.parameters and not takes_any):
            return None
        if data is not None:
            known[name] = from_json(data)
    return _ordered(known, start)


def _ordered(known: Dict[str, Value], start: Arguments) -> Arguments:
    merged: List[Tuple[str, Value]] = [(key, known.pop(path_name((key,)), value)) for key, value in start]
    return tuple(merged) + tuple((f"={name}", value) for name, value in known.items())
