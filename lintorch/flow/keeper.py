"""What holds values beyond the turn of a loop: names bound before it, attributes, and items of either."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import encloses, loop_of
from lintorch.flow.event import Binding, Definition, Kind, Region
from lintorch.flow.fate import Fate
from lintorch.flow.tree import dotted_name
from lintorch.flow.unpacking import written_value
from lintorch.project.module import enclosing

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import ClassEntry, Module
    from lintorch.project.project import Store

_CONTAINERS = frozenset({"list", "dict", "set", "deque", "defaultdict", "OrderedDict"})
# Methods that hardly anything but a list has.
_LISTED = frozenset({"append", "appendleft", "extend", "insert"})
_EMPTYING = frozenset({"clear", "pop", "popleft", "popitem"})


@dataclass(frozen=True)
class Keeper:
    """Something that outlives a turn: its name as the code spells it, the loop it outlives (None for what outlives the call), what becomes of it.

    `bounded`: it starts anew now and then; `is_window`: it holds a fixed number of values.
    """

    name: str
    loop: Region | None
    fates: frozenset[Fate]
    bounded: bool = False
    is_window: bool = False


class Keepers:
    """Finds the keepers of one function."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow

    def of_sum(self, place: cst.BaseExpression, region: Region) -> Keeper | None:
        """What holds a sum kept at an attribute or item, if it outlives the turn of the loop (or the call) that `region` belongs to."""
        place = _owner(place)
        if isinstance(place, cst.Attribute):
            return self._attribute(place, region)
        makers = self.training.seen_by(place)
        known = all(maker.binding is Binding.PARAMETER or isinstance(written_value(maker), cst.Call) or self.makes_container(maker) for maker in makers)
        return self._local(place, region, makers) if isinstance(place, cst.Name) and makers and known else None

    def of_collection(self, place: cst.BaseExpression, region: Region, method: str = "append") -> Keeper | None:
        """What holds a container that `method` puts values into, in the same sense; None where it may be something else than a container."""
        place = _owner(place)
        if isinstance(place, cst.Attribute):
            return self._attribute(place, region) if self.holds_container(place, method) else None
        makers = self.training.seen_by(place)
        if not isinstance(place, cst.Name) or not all(self._may_make_container(maker, method) for maker in makers):
            return None
        return self._local(place, region, makers) if makers else self._global(place)

    # Containers

    def makes_container(self, maker: Definition) -> bool:
        """Does the definition bind a new container?"""
        value = written_value(maker)
        if isinstance(value, cst.List | cst.Dict | cst.Set | cst.ListComp | cst.DictComp | cst.SetComp):
            return True
        if isinstance(maker.statement, cst.AugAssign):
            return isinstance(maker.statement.value, cst.List | cst.Tuple | cst.ListComp)
        if isinstance(value, cst.BinaryOperation):
            return any(isinstance(side, cst.List | cst.ListComp) for side in (value.left, value.right))
        return isinstance(value, cst.Call) and (self.flow.qualify(value.func) or "").rpartition(".")[2] in _CONTAINERS

    def _may_make_container(self, maker: Definition, method: str) -> bool:
        """Only lists and the like are appended to; `add` and items may be anything's."""
        if self.makes_container(maker) or (not method and self._makes_tensor(maker)):
            return True
        unknown = maker.binding is Binding.PARAMETER or isinstance(written_value(maker), cst.Call)
        return unknown and method in _LISTED and self.training.inference.definition(maker).of_class is None

    def holds_container(self, place: cst.Attribute, method: str) -> bool:
        """Is what is stored on the attribute always a container, as far as `method` says?"""
        owner = self._class_of(place.value)
        stores = self.flow.project.attribute_stores(owner).get(place.attr.value, ()) if owner is not None else ()
        return bool(stores) and all(_stores_container(store, method) for store in stores)

    def _class_of(self, node: cst.BaseExpression) -> ClassEntry | None:
        if isinstance(node, cst.Name) and node.value == self.flow.entry.receiver:
            return self.flow.entry.owner
        return self.training.inference.fact(node).of_class

    def _makes_tensor(self, maker: Definition) -> bool:
        value = written_value(maker)
        return isinstance(value, cst.Call) and (self.flow.qualify(value.func) or "").startswith("torch.")

    # Attributes

    def _attribute(self, place: cst.Attribute, region: Region) -> Keeper | None:
        spelled, root = dotted_name(place), _root(place)
        if spelled is None or root is None or self._is_module_state():
            return None
        if root.value != self.flow.entry.receiver:
            return self._attribute_of_local(spelled, root, region)
        if spelled.count(".") > 1:
            return Keeper(spelled, None, frozenset({Fate.ESCAPES}))
        name = place.attr.value
        return Keeper(spelled, None, self.training.fates_of_attribute(name), is_window=self._is_window_attribute(name))

    def _attribute_of_local(self, spelled: str, root: cst.Name, region: Region) -> Keeper | None:
        """An attribute of an object that was there before the loop."""
        makers, loop = self.training.seen_by(root), loop_of(region)
        if loop is None or not makers or any(encloses(loop, maker.event.region) for maker in makers):
            return None
        return Keeper(spelled, loop, frozenset({Fate.ESCAPES}))

    def _is_module_state(self) -> bool:
        """State of a module's forward is the business of other rules: it may be read by the loss."""
        owner = self.flow.entry.owner
        return owner is not None and self.flow.project.module_evidence(owner) is not None and not self.training.trains

    def _is_window_attribute(self, name: str) -> bool:
        owner = self.flow.entry.owner
        stores = self.flow.project.attribute_stores(owner).get(name, ()) if owner is not None else ()
        return any(isinstance(store.value, ast.Call) and any(word.arg == "maxlen" for word in store.value.keywords) for store in stores)

    # Names

    def _global(self, place: cst.Name) -> Keeper | None:
        """A container made at module level, or by the function around: any function may use it."""
        if not self.is_container_around(place):
            return None
        reads = [event.node for event in self.flow.graph.events if event.kind is Kind.LOAD and event.name == place.value]
        return Keeper(place.value, None, frozenset({Fate.ESCAPES, *(fate for read in reads for fate in self.training.fates.of_node(read))}))

    def is_container_around(self, place: cst.Name) -> bool:
        """Is the name that of a container made at module level, or by the function around?"""
        return place.value not in self.flow.local_names and _is_container(self._made_around(place.value), self.flow.module)

    def _made_around(self, name: str) -> ast.expr | None:
        """What the function around binds the name to, once and in no loop, or else the module: it outlives the calls of the function."""
        around = self.flow.module.functions.get(enclosing(self.flow.entry.qualname))
        bound = [node for node in around.nodes if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)] if around else []
        if around is None or not bound:
            return self.flow.module.constants.get(name)
        return next((node.value for node in around.node.body if isinstance(node, ast.Assign) and node.targets == bound), None)

    def _local(self, place: cst.Name, region: Region, makers: Iterable[Definition]) -> Keeper | None:
        if all(maker.binding is Binding.PARAMETER for maker in makers):
            # Whoever handed the container in may do anything with it later.
            return Keeper(place.value, loop_of(region), frozenset({Fate.ESCAPES}))
        loop, outlived = loop_of(region), None
        while loop is not None and any(not encloses(loop, maker.event.region) for maker in makers):
            outlived, loop = loop, loop_of(loop.parent) if loop.parent is not None else None
        if outlived is None:
            return None
        fates = {fate for maker in makers for fate in self.training.fates.of(maker)}
        if any(not self.makes_container(maker) and not self._makes_tensor(maker) for maker in makers):
            fates.add(Fate.ESCAPES)  # whoever made it may still hold it
        begun = [maker for maker in makers if not isinstance(maker.statement, cst.AugAssign)]
        bounded = any(encloses(outlived, maker.event.region) for maker in begun) or self._is_emptied(place.value, outlived)
        return Keeper(place.value, outlived, frozenset(fates), bounded, any(map(_has_maxlen, makers)))

    def _is_emptied(self, name: str, loop: Region) -> bool:
        """Is the container emptied within the loop?"""
        calls = (event for event in self.flow.graph.events if event.kind is Kind.CALL and isinstance(event.node, cst.Call))
        return any(_empties(event.node, name) and encloses(loop, event.region) for event in calls)


def _empties(call: cst.CSTNode, name: str) -> bool:
    func = call.func if isinstance(call, cst.Call) else None
    return isinstance(func, cst.Attribute) and isinstance(func.value, cst.Name) and func.value.value == name and func.attr.value in _EMPTYING


def _owner(place: cst.BaseExpression) -> cst.BaseExpression:
    """What the item is an item of."""
    while isinstance(place, cst.Subscript):
        place = place.value
    return place


def _root(place: cst.BaseExpression) -> cst.Name | None:
    while isinstance(place, cst.Attribute):
        place = place.value
    return place if isinstance(place, cst.Name) else None


def _stores_container(store: Store, method: str) -> bool:
    if store.kind in ("augment", "delete") or _is_container(store.value, store.method.module):
        return True
    return isinstance(store.value, ast.Name) and method in _LISTED


def _is_container(value: ast.expr | None, module: Module) -> bool:
    if isinstance(value, ast.BinOp):
        return isinstance(value.left, ast.List) or isinstance(value.right, ast.List)
    if isinstance(value, ast.Call):
        return (module.qualify(value.func) or "").rpartition(".")[2] in _CONTAINERS
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp)


def _has_maxlen(maker: Definition) -> bool:
    value = written_value(maker)
    return isinstance(value, cst.Call) and any(arg.keyword is not None and arg.keyword.value == "maxlen" for arg in value.args)
