"""Which modules the optimizers in sight step: by the parameters they were made with, in the function, its class or its file."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Event, Kind
from lintorch.flow.torch_names import is_optimizer_class
from lintorch.flow.tree import dotted_name
from lintorch.project.module import dotted_name as dotted_expression

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.project.module import FunctionEntry

_PASSING = frozenset({"list", "tuple", "iter", "chain", "from_iterable", "set"})
_PARAMETERS = frozenset({"parameters", "named_parameters"})

# The modules of an optimizer, each by the name or attribute chain the function would use; None where some parameters are not to be seen.
Trained = frozenset[str] | None


@dataclass(frozen=True, eq=False)
class Step:
    """A call that steps an optimizer, with the optimizer's modules."""

    event: Event
    optimizer: str
    modules: frozenset[str]


class Optimizers:
    """The optimizers that one function can see."""

    def __init__(self, flow: FunctionFlow) -> None:
        self.flow = flow

    @cached_property
    def known(self) -> Mapping[str, Trained]:
        """Optimizers of torch made in sight, by the name or chain they are bound to."""
        found: dict[str, Trained] = {}
        for entry in (self.flow.module.script, *self._methods(), self.flow.entry):
            for target, value in _assigned(entry.node):
                if isinstance(value, ast.Call) and self._is_optimizer(value, entry):
                    key = dotted_expression(target)
                    if key is not None and self._is_visible(key, entry):
                        found[key] = _both(found.get(key, frozenset()), self._modules(value, entry))
        return found

    def _is_visible(self, key: str, entry: FunctionEntry) -> bool:
        """Does the name mean the same optimizer in the function? A parameter or local of that name hides one of the file."""
        if entry is self.flow.entry:
            return True
        return "." in key if entry is not self.flow.module.script else key.partition(".")[0] not in self.flow.local_names

    @property
    def trained(self) -> frozenset[str] | None:
        """The modules that some optimizer steps; None where one optimizer in sight is not known by its parameters, or steps what is not known."""
        sets = list(self.known.values())
        if not sets or any(modules is None for modules in sets) or self._steps_unknown:
            return None
        return frozenset(name for modules in sets for name in modules or ())

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps of known optimizers, in order; `scaler.step(optimizer)` counts."""
        return tuple(Step(event, key, modules) for event, key in self._stepped if (modules := self.known.get(key)) is not None)

    @cached_property
    def _stepped(self) -> tuple[tuple[Event, str], ...]:
        found = []
        for event in self._calls("step"):
            assert isinstance(event.node, cst.Call) and isinstance(event.node.func, cst.Attribute)
            handed = [dotted_name(arg.value) for arg in event.node.args]
            key = next((name for name in handed if name in self.known), None) or dotted_name(event.node.func.value)
            found.append((event, key or ""))
        return tuple(found)

    @cached_property
    def _steps_unknown(self) -> bool:
        """Is something stepped, without arguments as optimizers are, that is neither a known optimizer nor a scheduler?"""
        return any(
            isinstance(event.node, cst.Call) and not event.node.args and key not in self.known and key not in self._schedulers for event, key in self._stepped
        )

    @property
    def is_handed(self) -> bool:
        """Is all that is stepped one optimizer, a parameter of the function?"""
        keys = {key for _, key in self._stepped}
        return not self.known and len(keys) == 1 and keys <= {parameter.arg for parameter in self.flow.entry.node.args.args}

    @cached_property
    def _schedulers(self) -> frozenset[str]:
        entries = (self.flow.module.script, *self._methods(), self.flow.entry)
        made = ((target, value, entry) for entry in entries for target, value in _assigned(entry.node) if isinstance(value, ast.Call))
        names = (dotted_expression(target) for target, value, entry in made if "lr_scheduler" in (entry.module.qualify(value.func, entry.qualname) or ""))
        return frozenset(name for name in names if name is not None)

    def clears(self, event: Event, optimizer: str, modules: Iterable[str]) -> bool:
        """Does the event clear the gradients of an optimizer's modules?"""
        call = event.node
        if event.kind is not Kind.CALL or not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute) or call.func.attr.value != "zero_grad":
            return False
        name = dotted_name(call.func.value) or ""
        return name == optimizer or any(overlap(name, module) for module in modules)

    def _calls(self, method: str) -> Iterator[Event]:
        for event in self.flow.graph.events:
            if (
                event.kind is Kind.CALL
                and isinstance(event.node, cst.Call)
                and isinstance(event.node.func, cst.Attribute)
                and event.node.func.attr.value == method
            ):
                yield event

    # How optimizers are made

    def _methods(self) -> list[FunctionEntry]:
        owner = self.flow.entry.owner
        if owner is None:
            return []
        return [method for cls in self.flow.project.ancestry(owner).classes for method in cls.methods.values() if method is not self.flow.entry]

    def _is_optimizer(self, call: ast.Call, entry: FunctionEntry) -> bool:
        name = entry.module.qualify(call.func, entry.qualname)
        return name is not None and is_optimizer_class(self.flow.project.canonical(name))

    def _modules(self, call: ast.Call, entry: FunctionEntry) -> Trained:
        given = call.args[0] if call.args else next((word.value for word in call.keywords if word.arg == "params"), None)
        modules = _parameters_of(given, entry.node) if given is not None else None
        return frozenset(self._seen_here(name, entry) for name in modules) if modules is not None else None

    def _seen_here(self, name: str, entry: FunctionEntry) -> str:
        """A constructor's `net` by the attribute it is stored on."""
        if entry is self.flow.entry or "." in name or entry.owner is None:
            return name
        for attribute, stores in self.flow.project.attribute_stores(entry.owner).items():
            if any(store.method is entry and isinstance(store.value, ast.Name) and store.value.id == name for store in stores):
                return f"{self.flow.entry.receiver}.{attribute}"
        return f"{entry.qualname}: {name}"


def _both(one: Trained, other: Trained) -> Trained:
    """What optimizers of one name step: a script makes a second one for its second model."""
    return one | other if one is not None and other is not None else None


def overlap(one: str, other: str) -> bool:
    """Is one of two modules the other, or a part of it?"""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _assigned(function: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The single assignments of a function's own statements."""
    pending: list[ast.AST] = list(getattr(function, "body", ()))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            yield node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield node.target, node.value
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            pending.extend(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case))


def _parameters_of(given: ast.expr, function: ast.AST, depth: int = 6) -> Trained:
    """The modules whose parameters an expression holds."""
    if not depth:
        return None
    if isinstance(given, ast.Call):
        return _of_call(given, function, depth)
    if isinstance(given, ast.BinOp) and isinstance(given.op, ast.Add):
        return _union([given.left, given.right], function, depth)
    if isinstance(given, ast.List | ast.Tuple):
        return _union(given.elts, function, depth)
    if isinstance(given, ast.Starred):
        return _parameters_of(given.value, function, depth - 1)
    if isinstance(given, ast.Dict):
        return _union(
            [value for key, value in zip(given.keys, given.values, strict=True) if isinstance(key, ast.Constant) and key.value == "params"], function, depth
        )
    if isinstance(given, ast.ListComp | ast.GeneratorExp):
        return _parameters_of(given.generators[0].iter, function, depth - 1)
    if isinstance(given, ast.Name):
        values = [value for target, value in _assigned(function) if isinstance(target, ast.Name) and target.id == given.id]
        return _parameters_of(values[0], function, depth - 1) if len(values) == 1 else None
    return None


def _of_call(call: ast.Call, function: ast.AST, depth: int) -> Trained:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    if name in _PARAMETERS and isinstance(call.func, ast.Attribute):
        module = dotted_expression(call.func.value)
        return frozenset({module}) if module is not None else None
    if name == "filter" and len(call.args) == 2:
        return _parameters_of(call.args[1], function, depth - 1)
    return _union(call.args, function, depth) if name in _PASSING else None


def _union(parts: Iterable[ast.expr], function: ast.AST, depth: int) -> Trained:
    sets = [_parameters_of(part, function, depth - 1) for part in parts]
    known = [modules for modules in sets if modules is not None]
    return frozenset(name for modules in known for name in modules) if sets and len(known) == len(sets) else None
