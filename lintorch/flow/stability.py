"""Which reads give the same object whenever they run, so that calls may happen before or after them."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from lintorch.flow.purity import Qualify
from lintorch.project.module import ClassEntry, FunctionEntry, Module
from lintorch.project.project import Project


class Stability:
    """Answers for one function. Only rebinding matters: an object changed in place is still the same object when it is used."""

    def __init__(self, entry: FunctionEntry, module: Module, project: Project, qualify: Qualify, calls: Iterable[cst.CSTNode]) -> None:
        self.entry, self.module, self.project, self.qualify = entry, module, project, qualify
        self.callees = {node for call in calls if isinstance(call, cst.Call) for node in _chain(call.func)}

    def is_stable(self, node: cst.CSTNode) -> bool:
        """Does the read give the same object before and after any call of the program?"""
        if isinstance(node, cst.Name):
            return self._stable_name(node)
        if isinstance(node, cst.Attribute):
            return self._stable_attribute(node)
        # self.blocks[0](x): one of the registered modules, found again at the same place
        return isinstance(node, cst.Subscript) and node in self.callees and isinstance(node.value, cst.Attribute) and self._stable_attribute(node.value)

    def _stable_name(self, node: cst.Name) -> bool:
        name = self.qualify(node)
        return name is None or node.value not in self.module.constants

    def _stable_attribute(self, node: cst.Attribute) -> bool:
        if self.qualify(node) is not None:
            return True  # an attribute of an imported module
        owner = self.entry.owner
        if isinstance(node.value, cst.Name) and node.value.value == "self" and owner is not None:
            return self._stable_on_self(owner, node)
        return node in self.callees

    def _stable_on_self(self, owner: ClassEntry, node: cst.Attribute) -> bool:
        name = node.attr.value
        by_name = self.project.attribute_stores(owner)
        stores = (*by_name.get(name, ()), *by_name.get("*", ()))  # setattr with a computed name may store anywhere
        if any(store.method.node.name != "__init__" for store in stores) or self._is_property(owner, name):
            return False
        return bool(stores) or node in self.callees

    def _is_property(self, owner: ClassEntry, name: str) -> bool:
        """Is the attribute a method with a decorator, which may run anything when it is read?"""
        return any(entry.methods[name].decorators for entry in self.project.ancestry(owner).classes if name in entry.methods)


def _chain(node: cst.CSTNode) -> Iterable[cst.CSTNode]:
    """`self.a.b[0]` of a call, and everything that is read to get there."""
    while isinstance(node, cst.Attribute | cst.Subscript):
        yield node
        node = node.value
