"""What keeps values beyond the turn of a loop that made them: totals, averages, containers, and callees that do the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import Backward, encloses, loop_of
from lintorch.flow.event import Binding, Definition, Kind, Region
from lintorch.flow.fact import DATA, Fact
from lintorch.flow.fate import Fate
from lintorch.flow.gradients import Gradients
from lintorch.flow.torch_names import FULL_STORAGE_FUNCTIONS, FULL_STORAGE_MODULES
from lintorch.flow.unpacking import written_value

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import FunctionEntry

_INSERTING = frozenset({"append", "appendleft", "add"})


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


@dataclass(frozen=True, eq=False)
class Kept:
    """A value that each turn of a loop leaves in something that outlives the turn.

    `value` is the expression whose value is kept, `fact` what is known of it, `covering` the backward call that runs through it in the same turn.
    """

    keeper: Keeper
    statement: cst.CSTNode
    value: cst.BaseExpression
    fact: Fact
    covering: Backward | None = None
    full_storage: bool = False  # a scalar whose storage has the size of the batch: detaching it alone frees no bytes

    @property
    def name(self) -> str:
        """What keeps the value: `total`, `self.total`, `history`."""
        return self.keeper.name

    @property
    def leaks(self) -> bool:
        """Is a graph kept that nothing can need?

        After backward without retain_graph the graph is used up, whoever gets to see the keeper. A graph that no backward ran through is needless
        only if the keeper never leaves the function.
        """
        if not self.fact.is_live or Fate.BACKWARD in self.keeper.fates:
            return False
        return (self.covering is not None and not self.covering.retains) or not self.keeper.fates


class Keeping:
    """Finds what is kept in one function."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow

    def totals(self) -> Iterator[Kept]:
        """Sums and moving averages."""
        for definition in self.flow.graph.definitions.values():
            yield from self._named_total(definition)
        for statement in self.flow.graph.placements:
            if isinstance(statement, cst.AugAssign | cst.Assign):
                yield from self._placed_total(statement)
        yield from self._through_callees(Fate.SUMMED)

    def collections(self) -> Iterator[Kept]:
        """What is put into containers, one for each part of a record, and what comprehensions gather."""
        for call in self._calls():
            yield from self._inserted(call)
        for definition in self.flow.graph.definitions.values():
            yield from self._comprehended(definition)
        yield from self._through_callees(Fate.COLLECTED)

    def _calls(self) -> list[cst.Call]:
        return [event.node for event in self.flow.graph.events if event.kind is Kind.CALL and isinstance(event.node, cst.Call)]

    def kept(self, keeper: Keeper, statement: cst.CSTNode, value: cst.BaseExpression) -> Kept:
        """The value as something kept; one that has no graph for certain is not looked at further."""
        recorded = self.training.gradients(self.region(statement)) is Gradients.ON
        fact = self.training.inference.fact(value) if recorded else DATA
        if not fact.is_live:
            return Kept(keeper, statement, value, fact)
        operand = self._live_operand(value)
        covering = self.training.covering.of(operand, keeper.loop)
        return Kept(keeper, statement, operand, fact, covering, self._has_full_storage(operand))

    def _has_full_storage(self, value: cst.BaseExpression) -> bool:
        """Does one of the losses make the value whose mean is a view of all its elements (pytorch#185647)?"""
        makers = [definition.value for definition in self.training.seen_by(value)] if isinstance(value, cst.Name) else [value]
        return any(isinstance(maker, cst.Call) and self._is_full_storage_loss(maker.func) for maker in makers)

    def _is_full_storage_loss(self, callee: cst.BaseExpression) -> bool:
        name = self.flow.qualify(callee) or ""
        if name.rpartition(".")[2] in FULL_STORAGE_FUNCTIONS and name.startswith("torch."):
            return True
        return any(f"torch.nn.{loss} " in sentence for sentence in self.training.inference.fact(callee).evidence for loss in FULL_STORAGE_MODULES)

    def _live_operand(self, value: cst.BaseExpression) -> cst.BaseExpression:
        """The operand that brings the graph into a product or sum, where it is one alone."""
        while isinstance(value, cst.BinaryOperation):
            live = [side for side in (value.left, value.right) if not self.training.inference.fact(side).is_cut and side is not None]
            known = [side for side in (value.left, value.right) if self.training.inference.fact(side).is_live]
            if len(known) != 1 or (len(live) > 1 and not self._scale(value, known[0])):
                break
            value = known[0]
        return value

    def _scale(self, value: cst.BinaryOperation, live: cst.BaseExpression) -> bool:
        """Is the other operand a factor of no known kind, such as `x.size(0)` or a parameter?"""
        return isinstance(value.operator, cst.Multiply | cst.Divide) and not isinstance(value.left if live is value.right else value.right, cst.BinaryOperation)

    def region(self, node: cst.CSTNode) -> Region:
        """The region an expression or small statement stands in."""
        first, _ = self.flow.graph.extents[node]
        return self.flow.graph.events[first].region

    # Totals

    def _named_total(self, definition: Definition) -> Iterator[Kept]:
        """`total += loss`, `total = total + loss`, `average = 0.9 * average + 0.1 * loss` of a local name, carried from turn to turn."""
        added, statement, loop = _added(definition.statement), definition.statement, loop_of(definition.event.region)
        over = self.flow.chains.over[definition.event.at]
        if added is None or statement is None or loop is None or definition not in over or definition.binding not in (Binding.AUGMENTED, Binding.ASSIGNED):
            return
        begun = [other for other in over if other is not definition]
        while (outer := loop_of(loop.parent) if loop.parent else None) is not None and any(not encloses(outer, other.event.region) for other in begun):
            loop = outer
        bounded = any(encloses(loop, other.event.region) for other in begun)
        yield self.kept(Keeper(definition.name, loop, self.training.fates.of(definition), bounded), statement, added)

    def _placed_total(self, statement: cst.AugAssign | cst.Assign) -> Iterator[Kept]:
        """The same of an attribute of self or an item of a container."""
        target = statement.target if isinstance(statement, cst.AugAssign) else statement.targets[0].target
        added = _added(statement)
        if added is not None and isinstance(target, cst.Attribute | cst.Subscript):
            keeper = self.keeper(target, self.region(statement))
            if keeper is not None:
                yield self.kept(keeper, statement, added)

    # Keepers

    def keeper(self, place: cst.BaseExpression, region: Region) -> Keeper | None:
        """What holds the values of a place, if it outlives the turn of the loop (or the call) that `region` belongs to."""
        while isinstance(place, cst.Subscript):
            place = place.value
        if isinstance(place, cst.Attribute):
            return self._attribute_keeper(place)
        return self._local_keeper(place, region) if isinstance(place, cst.Name) else None

    def _attribute_keeper(self, place: cst.Attribute) -> Keeper | None:
        if not isinstance(place.value, cst.Name) or place.value.value != self.flow.entry.receiver or self._is_module_state():
            return None
        name = place.attr.value
        return Keeper(f"self.{name}", None, self.training.fates_of_attribute(name), is_window=self._is_window_attribute(name))

    def _is_module_state(self) -> bool:
        """State of a module's forward is the business of other rules: it may be read by the loss."""
        owner = self.flow.entry.owner
        return owner is not None and self.flow.project.module_evidence(owner) is not None and not self.training.trains

    def _is_window_attribute(self, name: str) -> bool:
        import ast

        owner = self.flow.entry.owner
        stores = self.flow.project.attribute_stores(owner).get(name, ()) if owner is not None else ()
        return any(isinstance(store.value, ast.Call) and any(word.arg == "maxlen" for word in store.value.keywords) for store in stores)

    def _local_keeper(self, place: cst.Name, region: Region) -> Keeper | None:
        makers = self.training.seen_by(place)
        if not makers or not all(map(_makes_container, makers)):
            return None
        if all(maker.binding is Binding.PARAMETER for maker in makers):
            # Whoever handed the container in may do anything with it later.
            return Keeper(place.value, loop_of(region), frozenset({Fate.ESCAPES}))
        loop, outlived = loop_of(region), None
        while loop is not None and any(not encloses(loop, maker.event.region) for maker in makers):
            outlived, loop = loop, loop_of(loop.parent) if loop.parent is not None else None
        if outlived is None:
            return None
        fates = frozenset(fate for maker in makers for fate in self.training.fates.of(maker))
        bounded = any(encloses(outlived, maker.event.region) for maker in makers) or self._is_emptied(place.value, outlived)
        return Keeper(place.value, outlived, fates, bounded, any(map(_has_maxlen, makers)))

    def _is_emptied(self, name: str, loop: Region) -> bool:
        """Is the container emptied within the loop?"""
        return any(
            isinstance(call.func, cst.Attribute)
            and isinstance(call.func.value, cst.Name)
            and call.func.value.value == name
            and call.func.attr.value in ("clear", "pop", "popleft", "popitem")
            and encloses(loop, self.region(call))
            for call in self._calls()
        )

    # Collections

    def _inserted(self, call: cst.Call) -> Iterator[Kept]:
        func = call.func
        if isinstance(func, cst.Attribute) and func.attr.value in _INSERTING and len(call.args) == 1:
            keeper = self.keeper(func.value, self.region(call))
            for value in self._parts(call.args[0].value) if keeper is not None else ():
                assert keeper is not None
                yield self.kept(keeper, call, value)

    def _parts(self, value: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
        """The values a display or a partial call holds, else the value itself."""
        if isinstance(value, cst.Dict | cst.Tuple | cst.List):
            for element in value.elements:
                yield from self._parts(element.value)
        elif isinstance(value, cst.Call) and self.flow.qualify(value.func) == "functools.partial":
            for arg in value.args:
                yield from self._parts(arg.value)
        else:
            yield value

    def _comprehended(self, definition: Definition) -> Iterator[Kept]:
        """`outputs = [model(x) for x in batches]`."""
        value = definition.value
        if definition.binding is Binding.ASSIGNED and isinstance(value, cst.ListComp) and definition.statement is not None:
            keeper = Keeper(definition.name, None, self.training.fates.of(definition))
            yield self.kept(keeper, definition.statement, value.elt)

    # Callees

    def _through_callees(self, fate: Fate) -> Iterator[Kept]:
        """Arguments that a function of the project adds to, or puts into, what outlives the call: `meter.update(loss)`."""
        for call in self._calls():
            entry = self.callee(call)
            if entry is not None:
                for value in _arguments(call, entry, partial(self._keeps, entry, fate)):
                    keeper = Keeper(_spelled(call.func), loop_of(self.region(call)), frozenset({Fate.ESCAPES}))
                    yield self.kept(keeper, call, value)

    def callee(self, call: cst.Call) -> FunctionEntry | None:
        """The function of the project that a call runs: by name, or as the method of an instance made in sight."""
        from lintorch.project.module import FunctionEntry

        name = self.flow.qualify(call.func)
        found = self.flow.project.find(name) if name is not None else None
        if isinstance(found, FunctionEntry):
            return found
        cls = self.training.inference.fact(call.func.value).of_class if isinstance(call.func, cst.Attribute) else None
        return self.flow.project.ancestry(cls).method(call.func.attr.value) if cls is not None and isinstance(call.func, cst.Attribute) else None

    def _keeps(self, entry: FunctionEntry, fate: Fate, parameter: str) -> bool:
        from lintorch.flow.segment import Unmappable

        try:
            other = self.flow.of(entry)
            made = (made for made in other.graph.definitions.values() if made.binding is Binding.PARAMETER and made.name == parameter)
            runs_backward = entry.owner is not None and any(".backward" in entry.module.source.line(line) for line in _lines(entry.owner.node))
            return not runs_backward and any(_always(other, definition, fate) for definition in made)
        except Unmappable:
            return False


def _always(flow: FunctionFlow, definition: Definition, fate: Fate) -> bool:
    """Has some use that sees this definition alone the fate? `if is_tensor(value): value = value.item()` makes it one of two."""
    uses = [use for use in flow.chains.uses.get(definition.event.at, ()) if flow.chains.reaching[use.at] == (definition,)]
    return any(fate in set(flow.training.fates.of_node(use.node)) for use in uses)


def _lines(node: object) -> Iterable[int]:
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None)
    return range(first, (last or first) + 1)


def _arguments(call: cst.Call, entry: FunctionEntry, keeps: Callable[[str], bool]) -> Iterator[cst.BaseExpression]:
    """The arguments whose parameter the callee keeps."""
    parameters = [parameter.arg for parameter in (*entry.node.args.posonlyargs, *entry.node.args.args)]
    positional = parameters[1:] if entry.owner is not None and entry.receiver is not None else parameters
    for index, arg in enumerate(call.args):
        name = arg.keyword.value if arg.keyword is not None else positional[index] if index < len(positional) and not arg.star else None
        if name is not None and name in parameters and keeps(name):
            yield arg.value


def _spelled(func: cst.BaseExpression) -> str:
    if isinstance(func, cst.Attribute) and isinstance(func.value, cst.Name):
        return func.value.value
    return func.value if isinstance(func, cst.Name) else func.attr.value if isinstance(func, cst.Attribute) else "it"


def _makes_container(maker: Definition) -> bool:
    return maker.binding is Binding.PARAMETER or isinstance(written_value(maker), cst.List | cst.Dict | cst.Set | cst.Call | cst.ListComp | cst.DictComp)


def _has_maxlen(maker: Definition) -> bool:
    value = written_value(maker)
    return isinstance(value, cst.Call) and any(arg.keyword is not None and arg.keyword.value == "maxlen" for arg in value.args)


def _added(statement: cst.CSTNode | None) -> cst.BaseExpression | None:
    """What a statement adds to its target: `a` of `t += a`, `t = t + a` and `t = 0.9 * t + 0.1 * a` (there with its factor)."""
    if isinstance(statement, cst.AugAssign):
        return statement.value if isinstance(statement.operator, cst.AddAssign | cst.SubtractAssign) else None
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1 or not isinstance(statement.value, cst.BinaryOperation):
        return None
    value, target = statement.value, statement.targets[0].target
    if not isinstance(value.operator, cst.Add | cst.Subtract):
        return None
    if _scales(value.left, target):
        return value.right
    return value.left if _scales(value.right, target) and isinstance(value.operator, cst.Add) else None


def _scales(value: cst.BaseExpression, target: cst.CSTNode) -> bool:
    """Is the expression the target's value, a multiple of it, or a sum that begins with it?"""
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Multiply | cst.Divide | cst.Add):
        return _scales(value.left, target) or _scales(value.right, target)
    return value.deep_equals(target)
