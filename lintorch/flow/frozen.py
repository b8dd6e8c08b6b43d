"""Modules that make no graph although gradients are on: their parameters ask for none, or their forward switches gradients off."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.fact import Sort
from lintorch.flow.given import is_given
from lintorch.flow.owner import owns_none
from lintorch.flow.torch_names import SAME_MODULE_METHODS
from lintorch.flow.tree import dotted_name
from lintorch.project.nodes import nodes_under

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.project.module import ClassEntry, FunctionEntry

_SWITCHES = frozenset({"no_grad", "inference_mode", "set_grad_enabled"})
_ASKS = frozenset({"requires_grad", "requires_grad_"})
_CUTS = frozenset({"detach", "detach_", "data", "no_grad", "inference_mode"})


class Frozen:
    """What is known of the modules that one function calls by name or attribute chain."""

    def __init__(self, flow: FunctionFlow) -> None:
        self.flow = flow

    def is_frozen(self, module: str) -> bool:
        """May the module of that name give results without a graph?"""
        asked = module in self._asked or self._is_asked_by_callers(module)
        return asked or self._is_hidden(module) or any(self._runs_without(cls) or owns_none(cls, self.flow.project) for cls in self._classes(module))

    def forwards(self, module: str) -> tuple[FunctionEntry, ...]:
        """The forward methods that calling the module may run, where its class is in the project."""
        found = (self.flow.project.ancestry(cls).method("forward") for cls in self._classes(module))
        return tuple(method for method in found if method is not None)

    def mentions_cut(self, call: cst.Call) -> bool:
        """Does the function, or the forward of the module, that is called mention detach or the like, as far as it can be read?"""
        name = dotted_name(call.func)
        entries = (self.flow.training.wanting.called(call), *(self.forwards(name) if name is not None else ()))
        return any(mentions_cut(entry) for entry in entries if entry is not None)

    @property
    def mentions_cut_itself(self) -> bool:
        """Does the function itself detach anything, or switch gradients off?"""
        return mentions_cut(self.flow.entry)

    def makes_graph(self, module: str, part: str) -> bool:
        """Is `part` a submodule of the module, or a method that makes a graph, as its class in the project says?"""
        from lintorch.flow.handing import records
        from lintorch.flow.owner import OwnerFacts
        from lintorch.flow.summary import returned

        for cls in self._classes(module) if "." not in part else ():
            method = self.flow.project.ancestry(cls).method(part)
            if method is not None:
                fact = returned(method, self.flow)
                return fact.is_live or (not fact.is_cut and records(self.flow, method))
            held = OwnerFacts(cls, self.flow.project)
            return held.attribute(part).sort is Sort.MODULE or held.is_begun_as_module(part)
        return False

    @cached_property
    def _asked(self) -> frozenset[str]:
        """Names and chains whose requires_grad, or that of their parameters, is set in the function, its class, or at module level."""
        entry = self.flow.entry
        places: list[ast.AST] = [entry.node]
        if entry.owner is not None:
            places.append(entry.owner.node)
        places.extend(statement for statement in entry.module.tree.body if not isinstance(statement, ast.FunctionDef | ast.ClassDef))
        return frozenset(name for place in places for name in self._asked_at(place))

    def _asked_at(self, place: ast.AST) -> Iterator[str]:
        """What is set there, or by a function of the project that is called there, as in `freeze(net)`."""
        from lintorch.flow.parameter import passed_expression
        from lintorch.project.module import FunctionEntry
        from lintorch.project.module import dotted_name as dotted

        yield from _asked_in(place)
        for node in nodes_under(place):
            name = self.flow.module.qualify(node.func) if isinstance(node, ast.Call) and node.args else None
            called = self.flow.project.find(name) if name is not None else None
            if isinstance(node, ast.Call) and isinstance(called, FunctionEntry) and not _ASKS.isdisjoint(called.mentions):
                passed = (passed_expression(called, node, parameter) for parameter in _asked_in(called.node))
                yield from (dotted(value) or "" for value in passed if value is not None)

    def _is_asked_by_callers(self, module: str) -> bool:
        """Does a caller in the file set it for what it passes as that parameter?"""
        from lintorch.flow.parameter import passed_expression
        from lintorch.project.module import dotted_name as dotted

        for call in self.flow.project.callers(self.flow.entry) if "." not in module else ():
            passed = passed_expression(self.flow.entry, call.node, module)
            name = dotted(passed) if passed is not None else None
            place = call.caller.node if call.caller is not None else self.flow.module.tree
            if name is not None and name in set(self._asked_at(place)):
                return True
        return False

    def _runs_without(self, cls: ClassEntry) -> bool:
        """Does forward run under no_grad, or parts of it on some path?"""
        forward = self.flow.project.ancestry(cls).method("forward")
        if forward is None:
            return False
        from lintorch.flow.summary import returned

        fact = returned(forward, self.flow)
        switches = not _SWITCHES.isdisjoint(forward.mentions) and not fact.is_live
        return switches or self.flow.project.decorated_grad_mode(forward) == "off" or fact.is_cut

    def _is_hidden(self, module: str) -> bool:
        """Is the attribute an instance of a class within a method, which together with the functions beside it asks for gradients or switches them off?"""
        entry = self.flow.entry
        held = module.partition(".")[2] if entry.owner is not None and module.startswith(f"{entry.receiver}.") else ""
        stores = self.flow.project.attribute_stores(entry.owner).get(held, ()) if entry.owner is not None else ()
        return any(_sets_gradients(part) for store in stores for part in _defined_in(store.method, _without_moves(store.value)))

    def _classes(self, module: str) -> Iterator[ClassEntry]:
        """The project classes that the module is made of, where it is made in sight."""
        from lintorch.project.module import ClassEntry

        for name in self._makers(module):
            found = self.flow.project.find(name) if name is not None else None
            if isinstance(found, ClassEntry):
                yield found

    def _makers(self, module: str) -> Iterator[str | None]:
        entry, receiver = self.flow.entry, self.flow.entry.receiver
        if entry.owner is not None and module == receiver:
            yield entry.owner.dotted
        elif entry.owner is not None and module.startswith(f"{receiver}.") and module.count(".") == 1:
            for store in self.flow.project.attribute_stores(entry.owner).get(module.partition(".")[2], ()):
                made = _without_moves(store.value)
                if isinstance(made, ast.Call):
                    yield store.method.module.qualify(made.func)
        else:
            yield from self._local_makers(module)

    def _local_makers(self, module: str) -> Iterator[str | None]:
        arguments = self.flow.entry.node.args
        for parameter in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if parameter.arg == module and parameter.annotation is not None:
                yield self.flow.module.qualify(parameter.annotation)
        for definition in self.flow.graph.definitions.values():
            value = definition.value
            while isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and isinstance(value.func.value, cst.Call):
                value = value.func.value
            if definition.name == module and isinstance(value, cst.Call):
                yield self.flow.qualify(value.func)
                yield from self._handed_classes(value.func)
        made = _without_moves(self.flow.module.constants.get(module))
        if isinstance(made, ast.Call):
            yield self.flow.module.qualify(made.func)

    def _handed_classes(self, callee: cst.BaseExpression) -> Iterator[str | None]:
        """The classes that callers in the file hand over to be made here: `evaluate(Model=Agent)`, where `Model(...)` is called."""
        from lintorch.flow.parameter import passed_by_callers

        if isinstance(callee, cst.Name) and is_given(self.flow.training, callee):
            yield from map(self.flow.module.qualify, passed_by_callers(self.flow, callee.value))


def _defined_in(method: FunctionEntry, made: ast.expr | None) -> list[ast.AST]:
    """The class that a method holds and makes an instance of, and the functions of the method that the class mentions."""
    name = made.func.id if isinstance(made, ast.Call) and isinstance(made.func, ast.Name) else None
    classes: list[ast.AST] = [node for node in method.nodes if isinstance(node, ast.ClassDef) and node.name == name]
    mentioned = {node.id for cls in classes for node in nodes_under(cls) if isinstance(node, ast.Name)}
    return [*classes, *(node for node in method.nodes if isinstance(node, ast.FunctionDef) and node.name in mentioned)]


def _sets_gradients(part: ast.AST) -> bool:
    """Does code ask for gradients, or switch them off?"""
    from lintorch.flow.wanting import asks

    return asks(part) or any(isinstance(node, ast.Attribute) and node.attr in _SWITCHES for node in nodes_under(part))


def _without_moves(made: ast.expr | None) -> ast.expr | None:
    """`Net()` of `Net().to(device).eval()`."""
    while isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute) and made.func.attr in SAME_MODULE_METHODS:
        made = made.func.value
    return made


def mentions_cut(entry: FunctionEntry) -> bool:
    """Does a function detach anything, or switch gradients off?"""
    return any(isinstance(node, ast.Attribute) and node.attr in _CUTS for node in nodes_under(entry.node))


def _asked_in(place: ast.AST) -> Iterator[str]:
    from lintorch.project.module import dotted_name as dotted

    for node in nodes_under(place):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "requires_grad_":
            yield dotted(node.func.value) or ""
            yield from _whose_parameters(node.func.value, place)
        elif isinstance(node, ast.For) and "requires_grad" in ast.unparse(node):
            yield from _parameters_of(node.iter)


def _whose_parameters(value: ast.expr, place: ast.AST) -> Iterator[str]:
    """`net` of `net.to(device).eval().requires_grad_(False)`."""
    from lintorch.project.module import dotted_name as dotted

    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        value = value.func.value
    yield dotted(value) or ""
    for node in nodes_under(place):
        if isinstance(node, ast.Assign) and any(inner is value for inner in nodes_under(node.value)):
            yield from (dotted(target) or "" for target in node.targets)


def _parameters_of(iterated: ast.expr) -> Iterator[str]:
    """`net` of `net.parameters()`."""
    from lintorch.project.module import dotted_name as dotted

    for node in nodes_under(iterated):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("parameters", "named_parameters"):
            yield dotted(node.func.value) or ""
