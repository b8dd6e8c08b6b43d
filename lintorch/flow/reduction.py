"""Is a value reduced to plain data where it was made: turned into numbers, compared, detached?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.fate import carries
from lintorch.flow.torch_names import CUTTING_ATTRIBUTES, CUTTING_FUNCTIONS, CUTTING_METHODS, PLAIN_BUILTINS
from lintorch.flow.unpacking import target_of

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow


def is_reduced(training: TrainingFlow, node: cst.CSTNode) -> bool:
    """Does some use of the value, followed through names and operations, cut its graph off?"""
    return _Search(training).reaches_cut(node)


class _Search:
    def __init__(self, training: TrainingFlow) -> None:
        self.training = training
        self.seen: set[cst.CSTNode] = set()

    def reaches_cut(self, node: cst.CSTNode) -> bool:
        if node in self.seen:
            return False
        self.seen.add(node)
        parent = self.training.parents.get(node)
        if isinstance(parent, cst.Comparison | cst.ComparisonTarget | cst.FormattedStringExpression):
            return True
        if isinstance(parent, cst.Element) and (statement := self._parallel(parent)) is not None:
            return self._of_binding(statement, target_of(statement, node))
        if isinstance(parent, cst.Attribute):
            return parent.attr.value in CUTTING_ATTRIBUTES | CUTTING_METHODS - {"shape", "size", "dim"} or self.reaches_cut(parent)
        if isinstance(parent, cst.Arg):
            return self._of_argument(parent)
        if isinstance(parent, cst.Subscript):
            return parent.value is node and self.reaches_cut(parent)
        if isinstance(parent, cst.Call):
            return self.reaches_cut(parent)
        if isinstance(parent, cst.Assign | cst.AnnAssign | cst.AugAssign | cst.For | cst.CompFor):
            return self._of_binding(parent)
        return carries(parent) and parent is not None and self.reaches_cut(parent)

    def _of_argument(self, arg: cst.Arg) -> bool:
        call = self.training.parents.get(arg)
        assert call is not None
        name = (self.training.flow.qualify(call.func) if isinstance(call, cst.Call) else None) or ""
        package, _, function = name.rpartition(".")
        if (package == "builtins" and function in PLAIN_BUILTINS) or name.split(".")[0] in ("numpy", "math"):
            return True
        return (name.split(".")[0] == "torch" and function in CUTTING_FUNCTIONS) or self.reaches_cut(call)

    def _parallel(self, element: cst.Element) -> cst.CSTNode | None:
        statement = self.training.parents.get(self.training.parents[element])
        return statement if target_of(statement, element.value) is not None else None

    def _of_binding(self, statement: cst.CSTNode, target: cst.CSTNode | None = None) -> bool:
        made = [made for made in self.training.made_by_statement(statement) if target is None or made.event.node is target]
        return any(self.reaches_cut(use.node) for one in made for use in self.training.flow.chains.uses.get(one.event.at, ()))
