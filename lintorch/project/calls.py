"""The calls of a function within its own file."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lintorch.project.bases import Bases
from lintorch.project.module import ClassEntry, FunctionEntry, FunctionNode, Module
from lintorch.project.nodes import nodes_under, nodes_until
from lintorch.project.receiver import is_super

_FUNCTIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef})
_COUNTING = _FUNCTIONS | {ast.Call}


class Call(NamedTuple):
    """A call and the function it stands in (None at module or class level); `certain` is False where only the method's name speaks for it."""

    caller: FunctionEntry | None
    node: ast.Call
    certain: bool = True


def callers(function: FunctionEntry, bases: Bases) -> tuple[Call, ...]:
    """The calls in the same file that call `function`, or may, in file order."""
    calls = (_judged(function, call, bases) for call in calls_by_name(function.module).get(function.name, ()))
    return tuple(sorted((call for call in calls if call is not None), key=lambda call: (call.node.lineno, call.node.col_offset)))


def is_handed_on(function: FunctionEntry) -> bool:
    """Is the function mentioned in its file otherwise than to be called, so that anybody may run it?"""
    return function.name in _values(function.module)


def _values(module: Module) -> frozenset[str]:
    """The names, and the attributes of self, that are read but not called; one walk, remembered with the module."""
    if "values" not in module.memo:
        nodes = list(nodes_under(module.tree))
        called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        read = (node for node in nodes if id(node) not in called and isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load))
        module.memo["values"] = frozenset(name for node in read if (name := _own_name(node)) is not None)
    remembered: frozenset[str] = module.memo["values"]
    return remembered


def _own_name(node: ast.Name | ast.Attribute) -> str | None:
    """`step` of `step` and `self.step`."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls") else None


def _judged(function: FunctionEntry, call: Call, bases: Bases) -> Call | None:
    """The call with its certainty, None where it calls something else."""
    called = call.node.func
    within = call.caller.qualname if call.caller else ""
    if isinstance(called, ast.Name):
        return call if function.module.qualify(called, within) == function.dotted else None
    assert isinstance(called, ast.Attribute)
    owner = _owner(call.caller, function.module)
    if owner is not None and (is_super(called.value) or _is_receiver(called.value, call.caller, owner)):
        return call if function in _dispatched(called, owner, bases) else None
    dotted = function.module.qualify(called, within)
    if dotted is not None:
        return call if bases.method_named(dotted) is function else None
    return call._replace(certain=False) if function.owner is not None and fits(call.node, function) else None


def fits(call: ast.Call, function: FunctionEntry) -> bool:
    """Does a call give as many arguments as the method needs, and takes? `model.train()` is not that of a trainer that needs its data."""
    given, head = call.args, function.node.args
    if any(isinstance(arg, ast.Starred) for arg in given) or any(keyword.arg is None for keyword in call.keywords):
        return True
    positional = [*head.posonlyargs, *head.args][1 if function.receiver is not None else 0 :]
    needed = positional[: max(len(positional) - len(head.defaults), 0)]
    named = {keyword.arg for keyword in call.keywords}
    enough = all(parameter.arg in named for parameter in needed[len(given) :])
    return enough and (head.vararg is not None or len(given) <= len(positional))


def _dispatched(called: ast.Attribute, owner: ClassEntry, bases: Bases) -> list[FunctionEntry | None]:
    """The methods that `self.name(...)` or `super().name(...)` may run: as seen from the class, and from its subclasses in the file."""
    after = owner if is_super(called.value) else None
    family = [owner, *bases.subclasses(owner)]
    return [bases.ancestry(member).method(called.attr, after=after) for member in family]


def _owner(caller: FunctionEntry | None, module: Module) -> ClassEntry | None:
    """The class of the method a function is or is nested in."""
    while caller is not None and caller.owner is None:
        caller = module.functions.get(caller.qualname.rpartition(".")[0])
    return caller.owner if caller is not None else None


def _is_receiver(node: ast.expr, caller: FunctionEntry | None, owner: ClassEntry) -> bool:
    method = caller
    while method is not None and method.owner is not owner:
        method = owner.module.functions.get(method.qualname.rpartition(".")[0])
    return isinstance(node, ast.Name) and method is not None and node.id == method.receiver


def calls_by_name(module: Module) -> Mapping[str, list[Call]]:
    """Every call of a module by the last name of what it calls; one walk, remembered with the module."""
    if "calls" not in module.memo:
        module.memo["calls"] = _collect(module)
    remembered: Mapping[str, list[Call]] = module.memo["calls"]
    return remembered


def _collect(module: Module) -> Mapping[str, list[Call]]:
    entries: dict[FunctionNode, FunctionEntry] = {entry.node: entry for entry in module.functions.values()}
    calls: dict[str, list[Call]] = {}
    waiting: list[tuple[Iterable[ast.AST], FunctionEntry | None]] = [((module.tree,), None)]
    for roots, caller in waiting:  # which grows meanwhile
        for node in [node for node in nodes_until(roots, _FUNCTIONS) if node.__class__ in _COUNTING]:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                # Decorators and defaults run where the function is defined.
                waiting += ((node.body, entries[node]), ((*node.decorator_list, node.args), caller))
            elif isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                calls.setdefault(name, []).append(Call(caller, node))
    return calls
