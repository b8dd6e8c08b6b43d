"""The methods a forward reaches through self."""

from __future__ import annotations

import ast
from typing import NamedTuple

from lintorch.project.bases import Ancestry, Bases
from lintorch.project.module import ClassEntry, FunctionEntry, Module
from lintorch.project.receiver import constant_name, is_super, receiver_nodes
from lintorch.project.stores import attribute_stores


class References(NamedTuple):
    """The names a method looks up on its receiver, on `super()`, and on classes it names (`Base.forward`), called or not."""

    own: frozenset[str]
    above: frozenset[str]
    named: frozenset[str]


def judged_methods(module: Module, bases: Bases) -> tuple[FunctionEntry, ...]:
    """The methods written in `module` that are the forward of a torch module or are reached from one through self, in file order."""
    judged: set[FunctionEntry] = set()
    for cls in module.classes.values():
        if bases.evidence(cls) is not None:
            judged |= {method for method in reached_methods(cls, bases) if method.module is module}
    return tuple(sorted(judged, key=lambda method: method.node.lineno))


def reached_methods(cls: ClassEntry, bases: Bases) -> set[FunctionEntry]:
    """The methods that calling an instance of `cls` may run, wherever they are written: forward and, closed, what it looks up on self."""
    ancestry = bases.ancestry(cls)
    waiting = _forwards(cls, ancestry, bases)
    reached: set[FunctionEntry] = set()
    while waiting:
        method = waiting.pop()
        if method not in reached:
            reached.add(method)
            waiting += _looked_up(method, ancestry, bases)
    return reached


def _forwards(cls: ClassEntry, ancestry: Ancestry, bases: Bases) -> list[FunctionEntry]:
    """The forward of a class, the methods stored under that name (`self.forward = self._fast`) and class-level aliases included."""
    forward = ancestry.method("forward")
    stores = attribute_stores(cls, bases).get("forward", ()) if _stores_forward(ancestry) else ()
    values = [store.value for store in stores]
    values += [base.attributes["forward"] for base in ancestry.classes if "forward" in base.attributes]
    names = (value.attr if isinstance(value, ast.Attribute) else value.id for value in values if isinstance(value, (ast.Attribute, ast.Name)))
    return [method for method in (forward, *map(ancestry.method, names)) if method is not None]


def _stores_forward(ancestry: Ancestry) -> bool:
    return any("self.forward" in base.module.source.text for base in ancestry.classes)


def _looked_up(method: FunctionEntry, ancestry: Ancestry, bases: Bases) -> list[FunctionEntry]:
    names = references(method)
    found = [ancestry.method(name) for name in names.own]
    found += [ancestry.method(name, after=method.owner) for name in names.above]
    found += [bases.method_named(dotted) for dotted in names.named]
    return [entry for entry in found if entry is not None and (entry.owner is None or entry.owner in ancestry.classes)]


def references(method: FunctionEntry) -> References:
    """What a method looks up on its receiver and its bases; remembered with the method."""
    if "references" not in method.memo:
        method.memo["references"] = _references(method)
    remembered: References = method.memo["references"]
    return remembered


def _references(method: FunctionEntry) -> References:
    own: set[str] = set()
    above: set[str] = set()
    named: set[str] = set()
    if method.receiver is None:
        return References(frozenset(), frozenset(), frozenset())
    for node in receiver_nodes(method):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            if _is_receiver(node.value, method.receiver):
                own.add(node.attr)
            elif is_super(node.value):
                above.add(node.attr)
            elif isinstance(node.value, (ast.Name, ast.Attribute)):
                dotted = method.module.qualify(node, method.qualname)
                named |= {dotted} if dotted else set()
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            name = constant_name(node, 1)
            own |= {name} if name and _is_receiver(node.args[0], method.receiver) else set()
    return References(frozenset(own), frozenset(above), frozenset(named))


def _is_receiver(node: ast.expr, receiver: str) -> bool:
    """Is it the receiver itself, or its class (`type(self)`, `self.__class__`), where a lookup finds the same methods?"""
    if isinstance(node, ast.Name):
        return node.id == receiver
    if isinstance(node, ast.Attribute):
        return node.attr == "__class__" and _is_receiver(node.value, receiver)
    is_type = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1
    return is_type and isinstance(node, ast.Call) and _is_receiver(node.args[0], receiver)
