"""What becomes of a value on its way: is it reduced to plain data (numbers, comparisons, detached copies), is it put into a container?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.fate import carries
from lintorch.flow.torch_names import CUTTING_ATTRIBUTES, CUTTING_FUNCTIONS, CUTTING_METHODS, PLAIN_BUILTINS
from lintorch.flow.unpacking import target_of

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

_INSERTING = frozenset({"append", "appendleft", "add", "insert", "extend"})


def is_reduced(training: TrainingFlow, node: cst.CSTNode) -> bool:
    """Does some use of the value, followed through names and operations, cut its graph off?"""
    return _Search(training).follow(node).cut


def calls_given(training: TrainingFlow, node: cst.CSTNode) -> frozenset[cst.CSTNode]:
    """The calls that are given the value, or something computed from it."""
    return frozenset(_Search(training).follow(node).given)


def reaches_collection(training: TrainingFlow, node: cst.CSTNode) -> bool:
    """Is the value, or something computed from it, put into a container with its graph?"""
    return _Search(training).follow(node).collected


def is_handed_over(training: TrainingFlow, node: cst.CSTNode) -> bool:
    """Is the value, or something computed from it, handed with its graph to code that is called for what it does, and may keep it?"""
    return _Search(training).follow(node).handed


class _Search:
    """Follows a value forward; every place is visited once."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training = training
        self.seen: set[cst.CSTNode] = set()
        self.given: set[cst.CSTNode] = set()
        self.cut = self.collected = self.handed = False

    def follow(self, node: cst.CSTNode) -> _Search:
        if node in self.seen:
            return self
        self.seen.add(node)
        parent = self.training.parents.get(node)
        if isinstance(parent, cst.Comparison | cst.ComparisonTarget | cst.FormattedStringExpression):
            self.cut = True
        elif isinstance(parent, cst.Element) and (statement := self._parallel(parent)) is not None:
            self._into_names(statement, target_of(statement, node))
        elif isinstance(parent, cst.Attribute):
            self._into_attribute(parent)
        elif isinstance(parent, cst.Arg):
            self._into_argument(parent)
        elif isinstance(parent, cst.Assign | cst.AnnAssign | cst.AugAssign | cst.For | cst.CompFor):
            self._into_names(parent)
        elif parent is not None and (isinstance(parent, cst.Call) or carries(parent) or (isinstance(parent, cst.Subscript) and parent.value is node)):
            self.follow(parent)
        return self

    def _into_attribute(self, attribute: cst.Attribute) -> None:
        if attribute.attr.value in CUTTING_ATTRIBUTES | CUTTING_METHODS:
            self.cut = self.cut or attribute.attr.value not in ("shape", "size", "dim")
        else:
            self.follow(attribute)

    def _into_argument(self, arg: cst.Arg) -> None:
        call = self.training.parents.get(arg)
        if not isinstance(call, cst.Call):
            return
        self.given.add(call)
        package, _, function = (self.training.flow.qualify(call.func) or "").rpartition(".")
        self.collected = self.collected or (isinstance(call.func, cst.Attribute) and call.func.attr.value in _INSERTING)
        root = package.split(".")[0]
        self.handed = self.handed or (isinstance(self.training.parents.get(call), cst.Expr) and root not in ("builtins", "logging", "torch"))
        if root in ("numpy", "math") or (package == "builtins" and function in PLAIN_BUILTINS) or (root == "torch" and function in CUTTING_FUNCTIONS):
            self.cut = True
        else:
            self.follow(call)

    def _parallel(self, element: cst.Element) -> cst.CSTNode | None:
        statement = self.training.parents.get(self.training.parents[element])
        return statement if target_of(statement, element.value) is not None else None

    def _into_names(self, statement: cst.CSTNode, target: cst.CSTNode | None = None) -> None:
        for made in self.training.made_by_statement(statement):
            if target is None or made.event.node is target:
                for use in self.training.flow.chains.uses.get(made.event.at, ()):
                    self.follow(use.node)
