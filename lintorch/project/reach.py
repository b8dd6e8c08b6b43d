"""The methods a forward reaches through self."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from lintorch.project.bases import Ancestry, Bases
from lintorch.project.module import ClassEntry, FunctionEntry, Module
from lintorch.project.receiver import constant_name, is_super, receiver_nodes
from lintorch.project.stores import attribute_stores

_MENTION = re.compile(r"(?:\.[\s\\]*|['\"])([^\W\d]\w*)")
_FORWARD_STORE = re.compile(r"\.forward\s*[=,]|['\"]forward['\"]")


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
    known = frozenset(name for base in ancestry.classes for name in base.methods)
    waiting = _forwards(cls, ancestry, bases)
    reached: set[FunctionEntry] = set()
    while waiting:
        method = waiting.pop()
        if method not in reached:
            reached.add(method)
            if not known.isdisjoint(_mentioned(method)):  # most forwards call submodules only and need no closer look
                waiting += _looked_up(method, ancestry, known, bases)
    return reached


def _forwards(cls: ClassEntry, ancestry: Ancestry, bases: Bases) -> list[FunctionEntry]:
    """The forward of a class, the methods stored under that name (`self.forward = self._fast`) and class-level aliases included."""
    forward = ancestry.method("forward")
    stores = attribute_stores(cls, bases).get("forward", ()) if any(_may_store_forward(base.module) for base in ancestry.classes) else ()
    values = [store.value for store in stores]
    values += [base.attributes["forward"] for base in ancestry.classes if "forward" in base.attributes]
    names = (name for value in values if value is not None for name in _choices(value))
    return [method for method in (forward, *map(ancestry.method, names)) if method is not None]


def _choices(value: ast.expr) -> list[str]:
    """The last names of what a value may be: `self.f if fast else self.g` is f or g."""
    if isinstance(value, ast.IfExp):
        return [*_choices(value.body), *_choices(value.orelse)]
    return [value.attr] if isinstance(value, ast.Attribute) else [value.id] if isinstance(value, ast.Name) else []


def _may_store_forward(module: Module) -> bool:
    if "may store forward" not in module.memo:
        module.memo["may store forward"] = _FORWARD_STORE.search(module.source.text) is not None
    remembered: bool = module.memo["may store forward"]
    return remembered


def _mentioned(method: FunctionEntry) -> frozenset[str]:
    """The attribute names and short strings in the text of a method: a superset of what it looks up, had without a walk."""
    if "mentioned" not in method.memo:
        source = method.module.source
        begin, end = source.line_starts[method.node.lineno - 1], source.line_span(method.node.end_lineno or method.node.lineno).end
        method.memo["mentioned"] = frozenset(_MENTION.findall(source.text, begin, end))
    remembered: frozenset[str] = method.memo["mentioned"]
    return remembered


def _looked_up(method: FunctionEntry, ancestry: Ancestry, known: frozenset[str], bases: Bases) -> list[FunctionEntry]:
    names = references(method)
    found = [ancestry.method(name) for name in names.own]
    found += [ancestry.method(name, after=method.owner) for name in names.above]
    found += [bases.method_named(dotted) for dotted in names.named if dotted.rpartition(".")[2] in known]
    return [entry for entry in found if entry is not None and entry.owner in ancestry.classes]


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


def _is_receiver(node: ast.expr, receiver: str | None) -> bool:
    """Is it the receiver itself, or its class (`type(self)`, `self.__class__`), where a lookup finds the same methods?"""
    if isinstance(node, ast.Name):
        return node.id == receiver
    if isinstance(node, ast.Attribute):
        return node.attr == "__class__" and _is_receiver(node.value, receiver)
    is_type = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1
    return is_type and isinstance(node, ast.Call) and _is_receiver(node.args[0], receiver)
