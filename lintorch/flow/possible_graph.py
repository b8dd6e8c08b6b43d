"""By syntax: what in a function may hold an autograd graph, or be a module. Says yes more often than inference does, never less often."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from lintorch.flow.fact import Fact, Sort
from lintorch.flow.inference import annotated
from lintorch.flow.owner import OwnerFacts, annotation_fact, class_fact, constructed
from lintorch.flow.parameter import passed_expression
from lintorch.flow.possible_binding import Bindings, bindings_of, gatherings_of
from lintorch.flow.torch_names import (
    CUTTING_ATTRIBUTES,
    CUTTING_FUNCTIONS,
    CUTTING_METHODS,
    MODULE_METHODS,
    MODULE_WRAPPERS,
    PLAIN_BUILTINS,
    SAME_ATTRIBUTES,
    SAME_ITERATORS,
    SAME_MODULE_METHODS,
    is_distribution_class,
    is_module_class,
)
from lintorch.flow.training_gate import own_nodes
from lintorch.project.fixed_point import NOTHING, Answer
from lintorch.project.module import ClassEntry, FunctionEntry, dotted_name
from lintorch.project.nodes import nodes_under
from lintorch.project.project import Project

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

_NESTED = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef})
_DIFFERENTIATING = frozenset({"backward", "manual_backward"})
_PLAIN_PACKAGES = frozenset({"numpy", "math", "random", "time"})
# Values that hold no graph, whatever they are made of.
_PLAIN = (ast.Constant, ast.JoinedStr, ast.Compare, ast.Slice)
_HANDING_ON = SAME_ITERATORS | MODULE_WRAPPERS
_TELLING = MODULE_METHODS - {"zero_grad", "state_dict", "load_state_dict"}
# Methods of containers that give what was put in.
_TAKING = frozenset({"values", "items", "get", "pop", "copy"})

# What a value may be, or hold: an answer is a set of these and of the project's classes whose instance it may be.
_GRAPH, _MODULE, _ANYTHING = "graph", "module", "anything"
LIVE: Answer = frozenset({_GRAPH})
_CALLABLE: Answer = frozenset({_MODULE})


@dataclass(frozen=True, eq=False)
class PossibleGraphs:
    """Answers for one function. Flow knows the order of its statements; here every binding of a name counts wherever the name stands."""

    entry: FunctionEntry
    project: Project

    _memo: ClassVar[str] = "possible graphs"

    @classmethod
    def of(cls, entry: FunctionEntry, project: Project) -> Self:
        """The answers for a function, remembered with it while one file is judged."""
        session = project.consulted.session
        remembered: tuple[int, Self] | None = entry.memo.get(cls._memo)
        if remembered is None or remembered[0] != session:
            remembered = (session, cls(entry, project))
            project.remember(cls._memo, entry, remembered)
        return remembered[1]

    @cached_property
    def own(self) -> tuple[ast.AST, ...]:
        """The nodes of the function itself; nested functions and classes are there, but nothing under them."""
        plain, looped = own_nodes(self.entry)
        return (*plain, *looped)

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
        functions = self.entry.module.functions.values() if "backward" in self.entry.module.script.words else ()
        differentiating = (function for function in functions if function is not self.entry and "backward" in function.mentions)
        return any(function.name in self.entry.words for function in differentiating)

    def has_graph(self, node: ast.expr | None) -> bool:
        """May the value of an expression, or a part of it, hold a graph?"""
        if node is None or isinstance(node, _PLAIN):
            return False
        return self.may_differentiate or _GRAPH in self._asked(node)

    def is_module(self, node: ast.expr) -> bool:
        """May the value be a module?"""
        return self.may_differentiate or _MODULE in self._asked(node)

    def methods(self, func: ast.Attribute) -> list[FunctionEntry] | None:
        """The methods of the project's classes that an attribute may be; None where nobody can tell."""
        values = self._asked(func.value)
        return list(self._methods(values, func.attr)) if _ANYTHING not in values else None

    def _asked(self, node: ast.expr) -> Answer:
        try:
            return self._value(node)
        except RecursionError:
            return frozenset({_GRAPH, _MODULE, _ANYTHING})

    def bound_to(self, name: str) -> Sequence[ast.expr]:
        """The values, or what these are part of, that statements bind a name of the function to."""
        return self._bindings.get(name, ())

    def ingredients(self, value: ast.expr) -> list[ast.AST]:
        """The nodes of an expression, and of all that the names in it may be bound to."""
        found = nodes_under(value)
        known: set[str] = set()
        for node in found:  # which grows meanwhile
            if isinstance(node, ast.Name) and node.id not in known:
                known.add(node.id)
                found += (part for bound in self.bound_to(node.id) for part in nodes_under(bound))
        return found

    # Names

    @cached_property
    def local_names(self) -> frozenset[str]:
        """Every name bound anywhere in the function."""
        nodes = (*self.own, *nodes_under(*(node for node in self.own if node.__class__ in _NESTED)))
        stored = (node.id for node in nodes if node.__class__ is ast.Name and node.ctx.__class__ is ast.Store)
        return frozenset((*(node.arg for node in nodes if node.__class__ is ast.arg), *stored))

    def qualify(self, node: ast.expr) -> str | None:
        """The absolute dotted name of a name or attribute chain that does not begin with a local name."""
        dotted = dotted_name(node)
        if dotted is None or dotted.partition(".")[0] in self.local_names:
            return None
        return self.entry.module.qualify(dotted)

    @cached_property
    def _bindings(self) -> Bindings:
        return bindings_of(self.own)

    @cached_property
    def _gatherings(self) -> Bindings:
        return gatherings_of(self.own)

    @cached_property
    def _parameters(self) -> dict[str, ast.arg]:
        arguments = self.entry.node.args
        return {node.arg: node for node in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}

    @cached_property
    def _asked_as_modules(self) -> frozenset[str]:
        """The names that something is asked of which only modules have."""
        if _TELLING.isdisjoint(self.entry.words):
            return frozenset()
        asked = (node.value for node in self.own if isinstance(node, ast.Attribute) and node.attr in _TELLING)
        return frozenset(node.id for node in asked if isinstance(node, ast.Name))

    @cached_property
    def _calls_parameters(self) -> bool:
        """Is something called that was handed in?"""
        arguments = self.entry.node.args
        every = {*self._parameters, *(node.arg for node in (arguments.vararg, arguments.kwarg) if node is not None)}
        return any(isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in every for node in self.own)

    def named(self, name: str) -> Answer:
        """What a name of the function may hold."""
        return self.project.fixed_points.of((self, name), lambda: self._named(name))

    def _named(self, name: str) -> Answer:
        found = self._union((*self.bound_to(name), *self._gatherings.get(name, ())))
        if name in self._parameters:
            found |= self._given(name)
        asked = _CALLABLE if name in self._asked_as_modules else NOTHING
        return found | asked | self._global(name) | (LIVE if self.may_differentiate else NOTHING)

    def _global(self, name: str) -> Answer:
        value = self.entry.module.constants.get(name)
        return _told(constructed(value, self.entry.module, self.project)) if value is not None else NOTHING

    def _given(self, parameter: str) -> Answer:
        """By its annotation, or by what the callers in the file pass."""
        said = annotation_fact(self._parameters[parameter].annotation, self.entry.module, self.project)
        if said.sort is not Sort.UNKNOWN or said.of_class is not None:
            return _told(said)
        calls = (call for call in self.project.callers(self.entry) if call.certain and call.caller is not self.entry)
        passed = ((call.caller or self.entry.module.script, passed_expression(self.entry, call.node, parameter)) for call in calls)
        return frozenset().union(*(PossibleGraphs.of(caller, self.project)._passed(value) for caller, value in passed))

    def _passed(self, value: ast.expr | None) -> Answer:
        """What a call in this function passes, as far as anybody looks: a name, an attribute of self, something made there."""
        if isinstance(value, ast.Name):
            return self.named(value.id)
        if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == self.entry.receiver:
            return self._held(value.attr)
        return _told(constructed(value, self.entry.module, self.project)) if isinstance(value, ast.Call) else NOTHING

    def _held(self, name: str) -> Answer:
        """What `self.<name>` may hold."""
        return _told(OwnerFacts.of(self.entry, self.project).attribute(name))

    # Expressions

    def _value(self, node: ast.AST) -> Answer:
        method = _METHODS.get(node.__class__)
        return method(self, node) if method is not None else NOTHING

    def _union(self, nodes: Iterable[ast.AST | None]) -> Answer:
        found = NOTHING
        for node in nodes:
            if node is not None:
                found |= self._value(node)
        return found

    def _has_graph(self, nodes: Iterable[ast.AST]) -> bool:
        return any(_GRAPH in self._value(node) for node in nodes)

    def _of_name(self, node: ast.Name) -> Answer:
        return self.named(node.id) if node.id in self.local_names else self._global(node.id)

    def _of_attribute(self, node: ast.Attribute) -> Answer:
        if node.attr in CUTTING_ATTRIBUTES:
            return NOTHING
        if _is_self(node.value):
            return self._held(node.attr)
        owner = self._value(node.value)
        if node.attr in SAME_ATTRIBUTES:
            return owner
        return owner & (LIVE | _CALLABLE if node.attr == "module" else LIVE)

    def _of_subscript(self, node: ast.Subscript) -> Answer:
        return self._value(node.value)

    def _of_operation(self, node: ast.BinOp) -> Answer:
        return LIVE if self._has_graph((node.left, node.right)) else NOTHING

    def _of_unary(self, node: ast.UnaryOp) -> Answer:
        return self._value(node.operand)

    def _of_boolean(self, node: ast.BoolOp) -> Answer:
        return self._union(node.values)

    def _of_conditional(self, node: ast.IfExp) -> Answer:
        return self._union((node.body, node.orelse))

    def _of_display(self, node: ast.Tuple | ast.List | ast.Set) -> Answer:
        return self._union(node.elts)

    def _of_dict(self, node: ast.Dict) -> Answer:
        return self._union(node.values)

    def _of_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Answer:
        return self._value(node.elt)

    def _of_wrapped(self, node: ast.Starred | ast.Await | ast.NamedExpr | ast.DictComp) -> Answer:
        return self._value(node.value)

    def _of_lambda(self, node: ast.Lambda) -> Answer:
        return self._union((*node.args.defaults, *node.args.kw_defaults))

    # Calls

    def _of_call(self, call: ast.Call) -> Answer:
        name = self.qualify(call.func)
        if name is not None:
            return self._of_named_call(name, call)
        if isinstance(call.func, ast.Attribute):
            return self._of_method(call.func, call)
        return self._called(self._value(call.func), call)

    def _is_given_graph(self, call: ast.Call) -> bool:
        return self._has_graph(call.args) or self._has_graph(word.value for word in call.keywords)

    def _called(self, callee: Answer, call: ast.Call) -> Answer:
        """What calling one of these values may give."""
        live = LIVE if _MODULE in callee or self._is_given_graph(call) else NOTHING
        return live.union(*map(self._returned, self._methods(callee, "__call__")))

    def _of_named_call(self, name: str, call: ast.Call) -> Answer:
        package, _, function = name.rpartition(".")
        if (package == "builtins" and function in PLAIN_BUILTINS) or name.partition(".")[0] in _PLAIN_PACKAGES:
            return NOTHING
        if package in ("torch", "torch.nn.functional") and function in CUTTING_FUNCTIONS:
            return NOTHING
        if name in _HANDING_ON:
            return self._union(call.args)
        found = self.project.find(name) if package not in ("torch", "builtins") else None
        if isinstance(found, FunctionEntry):
            return self._returned(found) | (self._called(self._global(function), call) if isinstance(call.func, ast.Name) else NOTHING)
        live = LIVE if self._is_given_graph(call) or (is_distribution_class(name) and self._calls_parameters) else NOTHING
        if isinstance(found, ClassEntry):
            return live | _told(class_fact(found, self.project))
        if is_module_class(name):
            return live | _CALLABLE
        return live | (self._called(self._global(call.func.id), call) if isinstance(call.func, ast.Name) else NOTHING)

    def _of_method(self, func: ast.Attribute, call: ast.Call) -> Answer:
        if _is_self(func.value):
            return self._called(self._held(func.attr), call).union(*map(self._returned, self._own_methods(func.attr)))
        owner = self._value(func.value)
        given = owner if func.attr in SAME_MODULE_METHODS or func.attr in _TAKING else NOTHING
        if func.attr == "forward":
            given |= self._called(owner, call)
        if func.attr not in CUTTING_METHODS and (_GRAPH in owner or self._is_given_graph(call)):
            given |= LIVE
        return given.union(*map(self._returned, self._methods(owner, func.attr)))

    def _own_methods(self, name: str) -> Iterator[FunctionEntry]:
        owner = self.entry.owner
        yield from self._methods(frozenset({owner}), name) if owner is not None else ()

    def _methods(self, values: Answer, name: str) -> Iterator[FunctionEntry]:
        """What a method of that name is in the classes among some values."""
        found = (self.project.ancestry(one).method(name) for one in values if isinstance(one, ClassEntry))
        return (method for method in found if method is not None)

    def _returned(self, entry: FunctionEntry) -> Answer:
        """What a function of the project may return."""
        return self.project.fixed_points.of((entry, None), lambda: PossibleGraphs.of(entry, self.project).returned)

    @property
    def returned(self) -> Answer:
        """What the function may return."""
        said = annotated(self.entry.node.returns, self.entry.module.qualify)
        if said.sort is Sort.NUMBER or self.project.decorated_grad_mode(self.entry) == "off":
            return NOTHING
        live = LIVE if self.may_differentiate else NOTHING
        return live | _told(said) | self._union(node.value for node in self.own if isinstance(node, ast.Return))


_METHODS: dict[type[ast.AST], Callable[[PossibleGraphs, Any], Answer]] = {
    ast.Name: PossibleGraphs._of_name,
    ast.Attribute: PossibleGraphs._of_attribute,
    ast.Subscript: PossibleGraphs._of_subscript,
    ast.BinOp: PossibleGraphs._of_operation,
    ast.UnaryOp: PossibleGraphs._of_unary,
    ast.BoolOp: PossibleGraphs._of_boolean,
    ast.IfExp: PossibleGraphs._of_conditional,
    ast.Tuple: PossibleGraphs._of_display,
    ast.List: PossibleGraphs._of_display,
    ast.Set: PossibleGraphs._of_display,
    ast.Dict: PossibleGraphs._of_dict,
    ast.ListComp: PossibleGraphs._of_comprehension,
    ast.SetComp: PossibleGraphs._of_comprehension,
    ast.GeneratorExp: PossibleGraphs._of_comprehension,
    ast.DictComp: PossibleGraphs._of_wrapped,
    ast.Starred: PossibleGraphs._of_wrapped,
    ast.Await: PossibleGraphs._of_wrapped,
    ast.NamedExpr: PossibleGraphs._of_wrapped,
    ast.Lambda: PossibleGraphs._of_lambda,
    ast.Call: PossibleGraphs._of_call,
}


def _told(fact: Fact) -> Answer:
    """A fact as far as it is asked for here."""
    sort = _CALLABLE if fact.sort is Sort.MODULE else NOTHING
    return sort | {fact.of_class} if fact.of_class is not None else sort


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
