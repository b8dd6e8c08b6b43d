"""Decorators and context managers that switch gradients off or on: torch's own, and what a project wraps round them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from lintorch.project.bases import Bases
from lintorch.project.consulted import Memory
from lintorch.project.module import ClassEntry, FunctionEntry, FunctionNode, Module
from lintorch.project.names import Names
from lintorch.project.nodes import nodes_under

_PLACES = ("torch", "torch.autograd", "torch.autograd.grad_mode")
_MODES = {f"{place}.{name}": mode for place in _PLACES for name, mode in (("no_grad", "off"), ("inference_mode", "off"), ("enable_grad", "on"))}
# Taking the mode as an argument: what a call without that argument, or with a true one, sets.
_SWITCHES = {f"{place}.{name}": mode for place in _PLACES for name, mode in (("set_grad_enabled", "on"), ("inference_mode", "off"))}
_OPPOSITE = {"on": "off", "off": "on"}
_PARTIALS = ("functools.partial", "functools.partialmethod")


class GradModes:
    """Answers about grad mode, remembered by name. Where a wrapper switches gradients off on some path only, the answer is "off"."""

    def __init__(self, names: Names, bases: Bases) -> None:
        self._names = names
        self._bases = bases
        self._known: dict[tuple[str, int], str | None] = Memory(names.consulted)

    def of_name(self, dotted: str) -> str | None:
        """The mode set by the decorator or context manager of that dotted name, called without arguments if at all."""
        key = (dotted, self._names.generation)
        if key not in self._known:
            self._known[key] = None  # the answer within a cycle
            self._known[key] = self._of_name(dotted)
        return self._known[key]

    def of_function(self, function: FunctionEntry) -> str | None:
        """The mode set by the decorators of a function; the innermost that sets one counts."""
        modes = (self.of_expression(decorator, function.module, function.qualname) for decorator in reversed(function.node.decorator_list))
        return next(filter(None, modes), None)

    def of_expression(self, expr: ast.expr, module: Module, within: str) -> str | None:
        """The mode set by an expression used as decorator or context manager, seen from the scope `within`."""
        if isinstance(expr, ast.Call):
            return self._of_call(expr, module, within)
        if isinstance(expr, ast.IfExp):
            return _either(self.of_expression(choice, module, within) for choice in (expr.body, expr.orelse))
        if isinstance(expr, ast.BoolOp):
            return _either(self.of_expression(choice, module, within) for choice in expr.values)
        if isinstance(expr, ast.Lambda):
            return self.of_expression(expr.body, module, within)
        dotted = module.qualify(expr, within)
        return self.of_name(dotted) if dotted else None

    def _of_call(self, call: ast.Call, module: Module, within: str) -> str | None:
        dotted = module.qualify(call.func, within)
        name = self._names.resolve(dotted).name if dotted else None
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if name in _SWITCHES and arguments and isinstance(arguments[0], ast.Constant):
            return _SWITCHES[name] if arguments[0].value else _OPPOSITE[_SWITCHES[name]]
        if name in _PARTIALS:
            return self._of_call(ast.Call(call.args[0], call.args[1:], call.keywords), module, within) if call.args else None
        return self.of_expression(call.func, module, within)

    def _of_name(self, dotted: str) -> str | None:
        meaning = self._names.resolve(dotted)
        if meaning.name in _MODES:
            return _MODES[meaning.name]
        if isinstance(meaning.entry, FunctionEntry):
            return self._of_wrapper(meaning.entry)
        if isinstance(meaning.entry, ClassEntry):
            return self._of_class(meaning.entry)
        constant = self._names.constant(meaning.name)
        return self.of_expression(constant[1], constant[0], "") if constant else None

    def _of_class(self, cls: ClassEntry) -> str | None:
        ancestry = self._bases.ancestry(cls)
        inherited = next((_MODES[name] for name in ancestry.external if name in _MODES), None)
        enter, called = ancestry.method("__enter__"), ancestry.method("__call__")
        return inherited or _either([*(self._switched(enter) if enter else ()), self._of_wrapper(called) if called else None])

    def _of_wrapper(self, function: FunctionEntry) -> str | None:
        """The mode under which a decorator runs what it is given, or a generator-based context manager yields; or of what is returned."""
        parameters = {name for nested in _functions(function.node) for name in _parameters(nested)}
        modes = [self._returned(function), *self._with_blocks(function, parameters), *self._decorated(function, parameters)]
        if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes_under(function.node)):
            modes += self._switched(function)
        return _either(modes)

    def _returned(self, function: FunctionEntry) -> str | None:
        returns = (node.value for node in nodes_under(function.node) if isinstance(node, ast.Return) and node.value is not None)
        return _either(self.of_expression(value, function.module, function.qualname) for value in returns)

    def _with_blocks(self, function: FunctionEntry, parameters: set[str]) -> Iterator[str | None]:
        for node in nodes_under(function.node):
            if isinstance(node, (ast.With, ast.AsyncWith)) and _runs(node.body, parameters):
                yield from (self.of_expression(item.context_expr, function.module, function.qualname) for item in node.items)

    def _decorated(self, function: FunctionEntry, parameters: set[str]) -> Iterator[str | None]:
        for nested in _functions(function.node):
            if nested is not function.node and _runs(nested.body, parameters):
                yield from (self.of_expression(decorator, function.module, function.qualname) for decorator in nested.decorator_list)

    def _switched(self, function: FunctionEntry) -> list[str | None]:
        """The modes of statements such as `torch.set_grad_enabled(False)`."""
        calls = (node.value for node in nodes_under(function.node) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        return [self.of_expression(call, function.module, function.qualname) for call in calls]


def _either(modes: Iterable[str | None]) -> str | None:
    found = set(modes)
    return "off" if "off" in found else "on" if "on" in found else None


def _functions(node: FunctionNode) -> list[FunctionNode]:
    return [inner for inner in nodes_under(node) if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _parameters(node: FunctionNode) -> list[str]:
    arguments = node.args
    return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def _runs(body: list[ast.stmt], parameters: set[str]) -> bool:
    """Does a suite call one of the parameters, or yield to the user of a context manager?"""
    nodes = [node for statement in body for node in nodes_under(statement)]
    calls = (node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return any(name in parameters for name in calls) or any(isinstance(node, ast.Yield) for node in nodes)
