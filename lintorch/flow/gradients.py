"""Is autograd recording here? Three answers: yes, no, and nobody can tell from the text."""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable, Iterable
from functools import cached_property

import libcst as cst

from lintorch.flow.event import Region, RegionKind
from lintorch.project.calls import is_handed_on
from lintorch.project.module import FunctionEntry
from lintorch.project.nodes import nodes_outside
from lintorch.project.project import Project


class Gradients(enum.Enum):
    """The grad mode at a place."""

    ON = "recorded"
    OFF = "not recorded"
    MAYBE = "maybe"


# Hooks that Lightning's Trainer calls with gradients off.
_EVALUATION_HOOKS = frozenset(
    {
        "validation_step",
        "test_step",
        "predict_step",
        "on_validation_epoch_end",
        "on_test_epoch_end",
        "validation_epoch_end",
        "test_epoch_end",
        "on_validation_batch_end",
    }
)
# Context managers that leave grad mode alone.
_NEUTRAL = (
    "torch.autocast",
    "torch.amp.",
    "torch.cuda.",
    "torch.cpu.",
    "torch.autograd.profiler.",
    "torch.profiler.",
    "torch.autograd.set_detect_anomaly",
    "torch.device",
)
_NEUTRAL_ROOTS = frozenset({"builtins", "contextlib", "tqdm", "time", "warnings", "threading", "tempfile", "pathlib", "os", "io", "rich", "nullcontext"})
_NESTED: frozenset[type[ast.AST]] = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda})
_SWITCHES = frozenset({"set_grad_enabled", "_set_grad_enabled"})


class GradMode:
    """Grad mode within one function. `mode_of` gives "off", "on" or None for a context manager's expression."""

    def __init__(self, entry: FunctionEntry, project: Project, qualify: Callable[[cst.BaseExpression], str | None], trains: bool) -> None:
        self.entry, self.project, self.qualify, self.trains = entry, project, qualify, trains

    def at(self, region: Region) -> Gradients:
        """Grad mode for the code of a region: the innermost manager that sets it counts, then what surrounds the function."""
        current: Region | None = region
        while current is not None:
            if current.kind is RegionKind.WITH and isinstance(current.node, cst.With):
                mode = self._of_items(item.item for item in reversed(current.node.items))
                if mode is not None:
                    return mode
            current = current.parent
        return self.of_function

    def is_unknown_within(self, region: Region) -> bool:
        """Does a manager that nothing is known of surround the code of a region, inside the function?"""
        strict = GradMode(self.entry, self.project, self.qualify, trains=False)
        current: Region | None = region
        while current is not None:
            items = current.node.items if current.kind is RegionKind.WITH and isinstance(current.node, cst.With) else ()
            if any(strict._of_manager(item.item) is Gradients.MAYBE for item in items):
                return True
            current = current.parent
        return False

    def _of_items(self, managers: Iterable[cst.BaseExpression]) -> Gradients | None:
        for manager in managers:
            mode = self._of_manager(manager)
            if mode is not None:
                return mode
        return None

    def _of_manager(self, manager: cst.BaseExpression) -> Gradients | None:
        callee = manager.func if isinstance(manager, cst.Call) else manager
        name = self.qualify(callee)
        if name is None:
            # A manager that is a local value or a method may be anything; where backward runs inside, it shows what it is.
            return None if self.trains else Gradients.MAYBE
        if name.rpartition(".")[2] in _SWITCHES:
            return _switch(manager)
        mode = self.project.grad_mode(name)
        if mode is not None:
            return Gradients.OFF if mode == "off" else Gradients.ON
        return None if name.startswith(_NEUTRAL) or name.split(".")[0] in _NEUTRAL_ROOTS or self.trains else Gradients.MAYBE

    @cached_property
    def of_function(self) -> Gradients:
        """Grad mode where the function is called: by its decorators, what it does itself, or its callers in the file."""
        decorated = self.project.decorated_grad_mode(self.entry)
        if decorated is not None:
            return Gradients.OFF if decorated == "off" else Gradients.ON
        if self.trains:
            return Gradients.ON
        if self.switches or _is_hook(self.entry) or any(name is None for name in self.entry.decorators):
            return Gradients.MAYBE
        return self._of_callers()

    @cached_property
    def may_be_off_outside(self) -> bool:
        """May other files run the function without gradients: it is handed on as a value, or called where they are off, itself or by way of its callers?

        Those files are read; ask only where all else says that something is amiss.
        """
        return not self.trains and self.project.decorated_grad_mode(self.entry) is None and may_be_off(self.entry, self.project)

    @property
    def switches(self) -> bool:
        """Is the mode switched by a statement somewhere in the function or at module level?"""
        return not _SWITCHES.isdisjoint(self.entry.mentions) or _switched_in(self.entry.module.script)

    def _of_callers(self) -> Gradients:
        """Off or unknown if a caller in the file may have switched gradients off round the call."""
        modes = [mode_around(call.caller, call.node, self.project) for call in self.project.callers(self.entry)]
        return Gradients.ON if all(mode is Gradients.ON for mode in modes) else Gradients.MAYBE


def _switch(manager: cst.BaseExpression) -> Gradients:
    argument = manager.args[0].value if isinstance(manager, cst.Call) and manager.args else None
    if isinstance(argument, cst.Name) and argument.value in ("True", "False"):
        return Gradients.ON if argument.value == "True" else Gradients.OFF
    return Gradients.MAYBE


def _switched_in(entry: FunctionEntry) -> bool:
    """May a statement of the function itself switch the mode for what follows it: `torch.set_grad_enabled(False)`, `torch.no_grad().__enter__()`?"""
    if "switches gradients" not in entry.memo:
        entry.memo["switches gradients"] = any(_is_switch(node) for node in nodes_outside(entry.node, _NESTED))
    known: bool = entry.memo["switches gradients"]
    return known


def _is_switch(node: ast.AST) -> bool:
    callee = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    return isinstance(callee, ast.Attribute) and callee.attr in _SWITCHES | {"__enter__"}


def _is_hook(entry: FunctionEntry) -> bool:
    """May Lightning's Trainer call it in an evaluation?"""
    return entry.owner is not None and entry.name in _EVALUATION_HOOKS


def mode_around(caller: FunctionEntry | None, call: ast.Call, project: Project, depth: int = 3, known: tuple[FunctionEntry, ...] = ()) -> Gradients:
    """Grad mode where `call` stands in `caller`, by syntax: decorators, with statements around it, and the caller's own callers.

    Those `known` on the way have been looked at: functions that call each other run in the mode that they are called in from outside.
    """
    if caller is None:
        return Gradients.ON
    if _is_hook(caller) or project.decorated_grad_mode(caller) == "off":
        return Gradients.OFF
    for statement in _withs_around(caller, call):
        for item in statement.items:
            callee = item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
            name = caller.module.qualify(callee)
            if name is not None and (project.grad_mode(name) == "off" or name.rpartition(".")[2] in _SWITCHES):
                return Gradients.OFF
    if not depth or _switched_in(caller) or _switched_in(caller.module.script):
        return Gradients.MAYBE
    known = (*known, caller)
    modes = [mode_around(outer.caller, outer.node, project, depth - 1, known) for outer in project.callers(caller) if outer.caller not in known]
    return Gradients.ON if all(mode is Gradients.ON for mode in modes) else Gradients.MAYBE


def may_be_off(entry: FunctionEntry, project: Project, depth: int = 3) -> bool:
    """May code of other files run the function, or one of its callers in the file, where gradients are off? Never one that trains: backward would raise."""
    if _trains(entry):
        return False
    if is_handed_on(entry) or any(mode_around(call.caller, call.node, project) is not Gradients.ON for call in project.calls_outside(entry)):
        return True
    callers = {call.caller for call in project.callers(entry)} - {entry, None} if depth else set()
    return any(may_be_off(caller, project, depth - 1) for caller in callers if caller is not None)


def _trains(entry: FunctionEntry) -> bool:
    """Does a function run backward, or call one of its file by name that does?"""
    called = (function for name, function in entry.module.functions.items() if name in entry.words)
    return "backward" in entry.mentions or any("backward" in function.mentions for function in called)


def _withs_around(function: FunctionEntry, call: ast.Call) -> list[ast.With]:
    """The with statements of a function whose suite holds the call."""
    return [node for node in function.nodes if isinstance(node, ast.With) and _start(node.body[0]) <= _start(call) < _end(node)]


def _start(node: ast.expr | ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.stmt) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or 0
