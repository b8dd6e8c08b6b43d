"""By syntax: what in a function may hold an autograd graph, or be a module. Says yes more often than inference does, never less often."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from lintorch.flow.fact import Fact, Sort
from lintorch.flow.inference import annotated
from lintorch.flow.owner import OwnerFacts, annotation_fact, constructed
from lintorch.flow.parameter import passed_expression
from lintorch.flow.torch_names import (
    CUTTING_ATTRIBUTES,
    CUTTING_FUNCTIONS,
    CUTTING_METHODS,
    MODULE_METHODS,
    MODULE_WRAPPERS,
    PLAIN_BUILTINS,
    SAME_ITERATORS,
    is_distribution_class,
    is_module_class,
)
from lintorch.project.module import ClassEntry, FunctionEntry, dotted_name
from lintorch.project.nodes import nodes_outside, nodes_under
from lintorch.project.project import Project

_NESTED = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef})
_DIFFERENTIATING = frozenset({"backward", "manual_backward"})
_PLAIN_PACKAGES = frozenset({"numpy", "math", "random", "time"})
# Values that hold no graph, whatever they are made of.
_PLAIN = (ast.Constant, ast.JoinedStr, ast.Compare, ast.Slice)
_PARTS = (ast.BinOp, ast.BoolOp, ast.IfExp, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Starred, ast.Await, ast.NamedExpr, ast.Lambda, ast.arguments)
_GATHERING = (ast.ListComp, ast.SetComp, ast.GeneratorExp)
_HANDING_ON = SAME_ITERATORS | MODULE_WRAPPERS


@dataclass(frozen=True, eq=False)
class PossibleGraphs:
    """Answers for one function. Flow knows the order of its statements; here every binding of a name counts wherever the name stands."""

    entry: FunctionEntry
    project: Project
    _asked: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: FunctionEntry, project: Project) -> PossibleGraphs:
        """The answers for a function, remembered with it while one file is judged."""
        session = project.consulted.session
        remembered: tuple[int, PossibleGraphs] | None = entry.memo.get("possible graphs")
        if remembered is None or remembered[0] != session:
            remembered = (session, cls(entry, project))
            project.remember("possible graphs", entry, remembered)
        return remembered[1]

    @cached_property
    def own(self) -> tuple[ast.AST, ...]:
        """The nodes of the function itself; nested functions and classes are there, but nothing under them."""
        return tuple(nodes_outside(self.entry.node, _NESTED))

    @cached_property
    def may_differentiate(self) -> bool:
        """May backward run in the function? Then what stands in it may be known for a loss by that alone."""
        if self.entry.name == "training_step":
            return True
        named = not _DIFFERENTIATING.isdisjoint(self.entry.words)
        return self._hands_to_backward or (named and any(isinstance(node, ast.Attribute) and node.attr in _DIFFERENTIATING for node in self.own))

    @property
    def _hands_to_backward(self) -> bool:
        """Does the function mention one of its file that runs backward?"""
        functions = self.entry.module.functions.values()
        differentiating = (function for function in functions if function is not self.entry and "backward" in function.mentions)
        return any(function.name in self.entry.words for function in differentiating)

    def has_graph(self, node: ast.expr | None) -> bool:
        """May the value of an expression, or a part of it, hold a graph?"""
        if node is None or isinstance(node, _PLAIN):
            return False
        if self.may_differentiate:
            return True
        if isinstance(node, ast.Name):
            return node.id in self._names
        return self._has_graph(node, self._names)

    def is_module(self, node: ast.expr) -> bool:
        """May the value be a module, or anything else whose calls and methods give graphs?"""
        return self.may_differentiate or self._is_object(node, frozenset())

    # Names

    @cached_property
    def local_names(self) -> frozenset[str]:
        """Every name bound anywhere in the function."""
        parameters = (node.arg for node in self.entry.nodes if isinstance(node, ast.arg))
        return frozenset((*parameters, *(node.id for node in self.entry.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))))

    @cached_property
    def _bindings(self) -> list[tuple[str, ast.expr]]:
        """The names of the function with the values, or what these are part of, that statements bind to them."""
        return [found for node in self.own for found in _bound_by(node)]

    def ingredients(self, value: ast.expr) -> list[ast.AST]:
        """The nodes of an expression, and of all that the names in it may be bound to."""
        found = nodes_under(value)
        known: set[str] = set()
        for node in found:  # which grows meanwhile
            if isinstance(node, ast.Name) and node.id not in known:
                known.add(node.id)
                found += (part for name, bound in self._bindings if name == node.id for part in nodes_under(bound))
        return found

    @cached_property
    def _names(self) -> frozenset[str]:
        """The names that may hold graphs."""
        names = {name for name in self._parameters if self._is_given_graph(name)}
        grown = True
        while grown:
            found = {name for name, value in self._bindings if name not in names and self._has_graph(value, frozenset(names))}
            names |= found
            grown = bool(found)
        return frozenset(names)

    @cached_property
    def _parameters(self) -> tuple[str, ...]:
        arguments = self.entry.node.args
        return tuple(node.arg for node in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))

    def _is_given_graph(self, parameter: str) -> bool:
        """Does a function of the file certainly call this one with a name of its own that may hold a graph?"""
        return self._is_passed(parameter, "graph", lambda other, value: isinstance(value, ast.Name) and other.has_graph(value))

    def _is_passed(self, parameter: str, what: str, holds: Callable[[PossibleGraphs, ast.expr], bool]) -> bool:
        """Is it true of what some caller in the file passes? Functions that call each other may pass anything."""
        key = f"passed {what} {parameter}"
        if key not in self._asked:
            self._asked[key] = True
            calls = (call for call in self.project.callers(self.entry) if call.certain and call.caller is not self.entry)
            passed = ((call.caller or self.entry.module.script, passed_expression(self.entry, call.node, parameter)) for call in calls)
            self._asked[key] = any(value is not None and holds(PossibleGraphs.of(caller, self.project), value) for caller, value in passed)
        return self._asked[key]

    # Expressions

    def _has_graph(self, node: ast.expr | ast.arguments, names: frozenset[str]) -> bool:
        if isinstance(node, ast.Name):
            return node.id in names
        if isinstance(node, _PLAIN):
            return False
        if isinstance(node, ast.Call):
            return self._call_has_graph(node, names)
        if isinstance(node, ast.Attribute):
            return node.attr not in CUTTING_ATTRIBUTES and self._has_graph(node.value, names)
        if isinstance(node, ast.Subscript):
            return self._has_graph(node.value, names)
        if isinstance(node, ast.UnaryOp):
            return self._has_graph(node.operand, names)
        if isinstance(node, _GATHERING):
            return self._has_graph(node.elt, names)
        if isinstance(node, ast.DictComp):
            return self._has_graph(node.value, names)
        return isinstance(node, _PARTS) and any(self._has_graph(part, names) for part in _parts_of(node))

    def _call_has_graph(self, call: ast.Call, names: frozenset[str]) -> bool:
        func = call.func
        name = self.qualify(func)
        if name is not None:
            return self._named_call_has_graph(name, call, names)
        given = any(self._has_graph(value, names) for value in (*call.args, *(word.value for word in call.keywords)))
        if not isinstance(func, ast.Attribute):
            return given or self._is_object(func, frozenset())
        if _is_self(func.value):
            return given or self._own_call_has_graph(func.attr)
        if isinstance(func.value, ast.Attribute) and _is_self(func.value.value):
            return self._method_has_graph(self._held(func.value.attr), func.attr)
        if self._is_object(func.value, frozenset()):
            return True
        return func.attr not in CUTTING_METHODS and (given or self._has_graph(func.value, names))

    def _named_call_has_graph(self, name: str, call: ast.Call, names: frozenset[str]) -> bool:
        package, _, function = name.rpartition(".")
        if (package == "builtins" and function in PLAIN_BUILTINS) or name.partition(".")[0] in _PLAIN_PACKAGES:
            return False
        if package in ("torch", "torch.nn.functional") and function in CUTTING_FUNCTIONS:
            return False
        if is_distribution_class(name) or (isinstance(call.func, ast.Name) and self._is_global_object(call.func.id)):
            return True
        found = self._found(name)
        if isinstance(found, ClassEntry) or is_module_class(name):
            return False
        if any(self._has_graph(value, names) for value in (*call.args, *(word.value for word in call.keywords))):
            return True
        return isinstance(found, FunctionEntry) and _returns_graph(found, self.project)

    def _method_has_graph(self, held: Fact, name: str) -> bool:
        """May a method of what self holds give a graph? What nothing is known of gives none that is known."""
        if held.of_class is not None:
            method = self.project.ancestry(held.of_class).method(name)
            return name == "forward" or (method is not None and _returns_graph(method, self.project))
        return held.sort is Sort.DISTRIBUTION or (held.sort is Sort.MODULE and name == "forward")

    def _own_call_has_graph(self, name: str) -> bool:
        """May `self.<name>(...)` give a graph: a module that self holds, or a method?"""
        owner = self.entry.owner
        if owner is None:
            return False
        method = self.project.ancestry(owner).method(name)
        return _is_an_object(self._held(name)) or (method is not None and _returns_graph(method, self.project))

    def _held(self, name: str) -> Fact:
        return OwnerFacts.of(self.entry, self.project).attribute(name)

    def qualify(self, node: ast.expr) -> str | None:
        """The absolute dotted name of a name or attribute chain that does not begin with a local name."""
        dotted = dotted_name(node)
        if dotted is None or dotted.partition(".")[0] in self.local_names:
            return None
        return self.entry.module.qualify(dotted)

    # Objects

    @cached_property
    def _asked_as_modules(self) -> frozenset[str]:
        """The names that something is asked of which only modules have."""
        if MODULE_METHODS.isdisjoint(self.entry.words):
            return frozenset()
        asked = (node.value for node in self.own if isinstance(node, ast.Attribute) and node.attr in MODULE_METHODS)
        return frozenset(node.id for node in asked if isinstance(node, ast.Name))

    def _is_object(self, node: ast.expr, asked: frozenset[str]) -> bool:
        """May it be something other than a tensor whose calls or methods give graphs?"""
        if isinstance(node, ast.Name):
            return self._is_named_object(node.id, asked)
        if isinstance(node, ast.Call):
            return self._makes_object(node, asked)
        if isinstance(node, ast.Attribute):
            return _is_an_object(self._held(node.attr)) if _is_self(node.value) else self._is_object(node.value, asked)
        if isinstance(node, ast.Subscript):
            return self._is_object(node.value, asked)
        if isinstance(node, (*_GATHERING, ast.DictComp)):
            return self._is_object(node.value if isinstance(node, ast.DictComp) else node.elt, asked)
        return isinstance(node, _PARTS) and any(isinstance(part, ast.expr) and self._is_object(part, asked) for part in _parts_of(node))

    def _is_named_object(self, name: str, asked: frozenset[str]) -> bool:
        if name in asked:
            return False
        if name not in self.local_names:
            return self._is_global_object(name)
        if name in self._asked_as_modules:
            return True
        values = [value for bound, value in self._bindings if bound == name]
        return any(self._is_object(value, asked | {name}) for value in values) or (name in self._parameters and self._is_given_object(name))

    def _is_global_object(self, name: str) -> bool:
        value = self.entry.module.constants.get(name)
        return value is not None and _is_an_object(constructed(value, self.entry.module, self.project))

    def _is_given_object(self, parameter: str) -> bool:
        """By its annotation, or by what the callers in the file pass."""
        arguments = self.entry.node.args
        annotation = next(node.annotation for node in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if node.arg == parameter)
        if annotation is not None and _is_an_object(annotation_fact(annotation, self.entry.module, self.project)):
            return True
        return self._is_passed(parameter, "object", lambda other, value: other.is_module(value))

    def _makes_object(self, call: ast.Call, asked: frozenset[str]) -> bool:
        name = self.qualify(call.func)
        if name is not None:
            if name in _HANDING_ON:
                return any(self._is_object(value, asked) for value in call.args[:1])
            return is_module_class(name) or is_distribution_class(name) or isinstance(self._found(name), ClassEntry | FunctionEntry)
        if not isinstance(call.func, ast.Attribute):
            return False
        if _is_self(call.func.value) and self.entry.owner is not None:
            return self.project.ancestry(self.entry.owner).method(call.func.attr) is not None
        return self._is_object(call.func.value, asked)

    def _found(self, name: str) -> object:
        return self.project.find(name) if not name.startswith(("builtins.", "torch.")) else None


def _is_an_object(fact: Fact) -> bool:
    return fact.sort in (Sort.MODULE, Sort.DISTRIBUTION) or fact.of_class is not None


def _returns_graph(entry: FunctionEntry, project: Project) -> bool:
    """May a function of the project return a graph?"""
    key = f"may return a graph {project.generation}"
    if key not in entry.memo:
        entry.memo[key] = True  # within a recursion
        entry.memo[key] = _returns(entry, project)
    return bool(entry.memo[key])


def _returns(entry: FunctionEntry, project: Project) -> bool:
    said = annotated(entry.node.returns, entry.module.qualify)
    possible = PossibleGraphs.of(entry, project)
    return said.sort is not Sort.NUMBER and any(possible.has_graph(node.value) for node in possible.own if isinstance(node, ast.Return))


def _bound_by(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names that a statement or an assignment expression binds, with the value. What a loop or a with statement binds is known to nobody."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from ((name.id, node.value) for name in nodes_under(target) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store))
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and isinstance(node.target, ast.Name) and node.value is not None:
        yield node.target.id, node.value


def _parts_of(node: ast.AST) -> Iterator[ast.expr | ast.arguments]:
    """What the value of an expression is made of, or takes along."""
    if isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Lambda):
        yield node.args
    elif isinstance(node, ast.arguments):
        yield from (default for default in (*node.defaults, *node.kw_defaults) if default is not None)
    else:
        yield from (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
