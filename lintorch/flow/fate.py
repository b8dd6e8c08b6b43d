"""Where a value goes: the forward slice of a definition, up to what keeps its graph in use, lets it out of sight, or cuts it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import libcst as cst

from lintorch.flow.event import Binding, Definition, Event
from lintorch.flow.torch_names import CUTTING_ATTRIBUTES, CUTTING_FUNCTIONS, CUTTING_METHODS, PLAIN_BUILTINS
from lintorch.flow.tree import children
from lintorch.flow.unpacking import target_of


class Fate(enum.Enum):
    """What may become of a value."""

    BACKWARD = "backward runs through it"
    RETURNED = "it is returned or yielded"
    ESCAPES = "it is handed to code that is not read here"
    STORED = "it is stored on an attribute, in place of what was there"
    SUMMED = "it is added to an attribute"
    COLLECTED = "it is put into a container that outlives the call"


# Methods that read what they are given and keep nothing (research: tqdm, f-strings and TensorBoard do not retain).
_OBSERVING = frozenset(
    {
        "add_scalar",
        "add_scalars",
        "info",
        "debug",
        "warning",
        "error",
        "write",
        "set_postfix",
        "set_description",
        "set_postfix_str",
        "print",
        "log_metric",
        "format",
    }
)
_GRADIENT_FUNCTIONS = frozenset({"torch.autograd.grad", "torch.autograd.backward", "torch.autograd.functional.jacobian", "torch.autograd.functional.hessian"})
_BACKWARD_METHODS = frozenset({"backward", "manual_backward"})
KEEPING = frozenset({"append", "appendleft", "add", "put", "push", "insert", "extend", "setdefault", "update"})
_THROUGH = (
    cst.BinaryOperation, cst.UnaryOperation, cst.IfExp, cst.BooleanOperation, cst.Tuple, cst.List, cst.Set, cst.Dict, cst.Element, cst.DictElement, cst.Index,
    cst.SubscriptElement, cst.StarredElement, cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp, cst.Await, cst.NamedExpr,
)  # fmt: skip


@dataclass
class Fates:
    """Follows values of one function forward, through assignments and operations."""

    parents: Mapping[cst.CSTNode, cst.CSTNode]
    uses: Mapping[int, tuple[Event, ...]]
    made_in: Callable[[cst.CSTNode], tuple[Definition, ...]]  # the definitions a statement makes
    container: Callable[[cst.BaseExpression], tuple[Definition, ...]]  # the definitions a name in an expression may see
    qualify: Callable[[cst.BaseExpression], str | None]
    _known: dict[Definition, frozenset[Fate]] = field(default_factory=dict)
    _ways: dict[Definition, tuple[Fate | Definition, ...]] = field(default_factory=dict)

    def of(self, definition: Definition) -> frozenset[Fate]:
        """Everything that may become of the value, while it still has its graph."""
        if definition not in self._known:
            self._known[definition] = self._reached([definition])
        return self._known[definition]

    def of_node(self, node: cst.CSTNode) -> frozenset[Fate]:
        """What becomes of the value of an expression from where it stands."""
        return self._reached(self._of_node(node))

    def _reached(self, ways: Iterable[Fate | Definition]) -> frozenset[Fate]:
        """The fates at the end of all ways: values go round loops, so that each definition is gone through once."""
        pending, seen = list(ways), set[Fate | Definition]()
        while pending:
            way = pending.pop()
            if way not in seen:
                seen.add(way)
                pending.extend(self._ways_of(way) if isinstance(way, Definition) else ())
        return frozenset(way for way in seen if isinstance(way, Fate))

    def _ways_of(self, definition: Definition) -> tuple[Fate | Definition, ...]:
        if definition not in self._ways:
            self._ways[definition] = tuple(way for use in self.uses.get(definition.event.at, ()) for way in self._of_node(use.node))
        return self._ways[definition]

    def _of_node(self, node: cst.CSTNode) -> Iterator[Fate | Definition]:
        """The fates of an expression's value that are seen from here, and the definitions whose fates it shares."""
        parent = self.parents.get(node)
        if isinstance(parent, cst.Element) and (unpacked := self._unpacked(parent)) is not None:
            yield from self._of_unpacked(*unpacked)
        elif isinstance(parent, _THROUGH):
            yield from self._of_node(parent)
        elif isinstance(parent, cst.Attribute):
            yield from self._of_attribute(parent)
        elif isinstance(parent, cst.Subscript):
            yield from self._of_node(parent) if parent.value is node else ()
        elif isinstance(parent, cst.Arg):
            yield from self._of_argument(parent)
        elif isinstance(parent, cst.Return | cst.Yield):
            yield Fate.RETURNED
        elif isinstance(parent, cst.Assign | cst.AnnAssign | cst.AugAssign):
            yield from self._of_assignment(parent, node)
        elif isinstance(parent, cst.For | cst.CompFor) and parent.iter is node:
            yield from self._of_taken(parent, parent.iter)

    def _of_taken(self, loop: cst.For | cst.CompFor, iterable: cst.BaseExpression) -> Iterator[Fate | Definition]:
        """The names a loop binds; keys of `items()` and numbers of `enumerate()` are not the value."""
        numbered = isinstance(iterable, cst.Call) and (
            self.qualify(iterable.func) == "builtins.enumerate" or (isinstance(iterable.func, cst.Attribute) and iterable.func.attr.value == "items")
        )
        first = loop.target.elements[0].value if numbered and isinstance(loop.target, cst.Tuple) else None
        for definition in self.made_in(loop):
            if definition.event.node is not first:
                yield definition

    def _unpacked(self, element: cst.Element) -> tuple[cst.CSTNode, cst.BaseExpression] | None:
        """The parallel assignment and the target that an element's value goes to."""
        statement = self.parents.get(self.parents[element])
        target = target_of(statement, element.value)
        return (statement, target) if statement is not None and target is not None else None

    def _of_unpacked(self, statement: cst.CSTNode, target: cst.BaseExpression) -> Iterator[Fate | Definition]:
        if isinstance(target, cst.Subscript):
            yield from self._of_kept(target.value)
        elif isinstance(target, cst.Attribute):
            yield Fate.STORED
        for definition in self.made_in(statement):
            if definition.event.node is target:
                yield definition

    def _of_attribute(self, attribute: cst.Attribute) -> Iterator[Fate | Definition]:
        call = self.parents.get(attribute)
        name = attribute.attr.value
        if isinstance(call, cst.Call) and call.func is attribute:
            if name in _BACKWARD_METHODS:
                yield Fate.BACKWARD
            elif name not in CUTTING_METHODS:
                yield from self._of_node(call)
        elif name not in CUTTING_ATTRIBUTES:
            yield from self._of_node(attribute)

    def _of_argument(self, arg: cst.Arg) -> Iterator[Fate | Definition]:
        call = self.parents.get(arg)
        if not isinstance(call, cst.Call):
            return
        name = self.qualify(call.func) or ""
        method = call.func.attr.value if isinstance(call.func, cst.Attribute) else ""
        package, _, function = name.rpartition(".")
        if name in _GRADIENT_FUNCTIONS or method in _BACKWARD_METHODS:
            yield Fate.BACKWARD
        elif (package == "builtins" and function in PLAIN_BUILTINS) or name.split(".")[0] in ("numpy", "math", "logging") or method in _OBSERVING:
            return
        elif method in KEEPING and isinstance(call.func, cst.Attribute) and not name.startswith("torch."):
            yield from self._of_kept(call.func.value)
            yield from self._of_node(call)  # `add` may be a tensor's
        elif package == "builtins" or name.split(".")[0] == "torch":
            yield from self._of_node(call) if function not in CUTTING_FUNCTIONS else ()
        else:
            yield Fate.ESCAPES
            yield from self._of_node(call)

    def _of_kept(self, container: cst.BaseExpression) -> Iterator[Fate | Definition]:
        """The value lives on in a container; what becomes of the container becomes of it."""
        while isinstance(container, cst.Subscript):
            container = container.value
        definitions = self.container(container)
        if not definitions or any(definition.binding is Binding.PARAMETER for definition in definitions):
            yield Fate.COLLECTED
        yield from definitions

    def _of_assignment(self, statement: cst.Assign | cst.AnnAssign | cst.AugAssign, node: cst.CSTNode) -> Iterator[Fate | Definition]:
        if isinstance(statement, cst.AugAssign) and statement.target is node:
            yield from self.made_in(statement)  # what was there is part of what is there now
        if statement.value is not node:
            return
        targets = [target.target for target in statement.targets] if isinstance(statement, cst.Assign) else [statement.target]
        for target in (part for whole in targets for part in _bound_by(whole)):
            if isinstance(target, cst.Subscript):
                yield from self._of_kept(target.value)
            elif isinstance(target, cst.Attribute):
                yield Fate.SUMMED if _accumulates(statement, target) else Fate.STORED
        yield from self.made_in(statement)


def _bound_by(target: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """What a target binds: itself, or the parts of a tuple."""
    if isinstance(target, cst.Tuple | cst.List):
        for element in target.elements:
            yield from _bound_by(element.value)
    else:
        yield target


def carries(node: cst.CSTNode | None) -> bool:
    """Does the value of a part of this node live on in the value of the node?"""
    return isinstance(node, _THROUGH)


def _accumulates(statement: cst.CSTNode, target: cst.Attribute) -> bool:
    """`self.sum += value`, or an assignment that reads what it binds."""
    return isinstance(statement, cst.AugAssign) or (isinstance(statement, cst.Assign) and _reads(statement.value, target))


def _reads(value: cst.CSTNode, target: cst.Attribute) -> bool:
    return value.deep_equals(target) or any(_reads(child, target) for child in children(value))


def parents_of(root: cst.CSTNode) -> dict[cst.CSTNode, cst.CSTNode]:
    """The parent of every node under `root`."""
    parents: dict[cst.CSTNode, cst.CSTNode] = {}
    pending = [root]
    while pending:
        node = pending.pop()
        for child in children(node):
            parents[child] = node
            pending.append(child)
    return parents
