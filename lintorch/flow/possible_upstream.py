"""By syntax: what may hold a graph where inputs of modules come from layers before them. Says yes more often than `Upstream` does, never less often."""

from __future__ import annotations

import ast
from typing import ClassVar

from lintorch.flow.loop_source import PARAMETER_METHODS
from lintorch.flow.parameter import passed_expression
from lintorch.flow.possible_graph import LIVE, PossibleGraphs
from lintorch.flow.upstream import is_inherited_parameter, is_trained_parameter
from lintorch.project.fixed_point import NOTHING, Answer
from lintorch.project.module import FunctionEntry


class PossibleUpstream(PossibleGraphs):
    """Parameters, and what the methods of modules are given, may hold graphs too."""

    _memo: ClassVar[str] = "possible upstream"

    def _held(self, name: str) -> Answer:
        return super()._held(name) | (LIVE if self._is_parameter(name) else NOTHING)

    def _is_parameter(self, name: str) -> bool:
        owner = self.entry.owner
        if owner is None:
            return False
        stores = self.project.attribute_stores(owner).get(name, ())
        return any(map(is_trained_parameter, stores)) or (not stores and is_inherited_parameter(owner, name, self.project))

    def _given(self, parameter: str) -> Answer:
        return super()._given(parameter) | self._input(parameter)

    def _input(self, parameter: str) -> Answer:
        """The input of a module's forward, or what the module's methods pass to this one."""
        entry = self.entry
        if entry.owner is None or self.project.module_evidence(entry.owner) is None:
            return NOTHING
        if entry.name == "forward":
            return LIVE if parameter in [node.arg for node in (*entry.node.args.posonlyargs, *entry.node.args.args)][1:2] else NOTHING
        calls = (call for call in self.project.callers(entry) if call.certain and call.caller is not None and call.caller is not entry)
        return frozenset().union(*(self._named_in(call.caller, passed_expression(entry, call.node, parameter)) for call in calls))

    def _named_in(self, caller: FunctionEntry | None, value: ast.expr | None) -> Answer:
        return type(self).of(caller, self.project).named(value.id) if caller is not None and isinstance(value, ast.Name) else NOTHING

    def _of_method(self, func: ast.Attribute, call: ast.Call) -> Answer:
        return super()._of_method(func, call) | (LIVE if func.attr in PARAMETER_METHODS else NOTHING)
