"""Names of a loop that hold a graph while the next turn computes its own, or while a generator is suspended, though nothing reads them any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import encloses, loop_of
from lintorch.flow.event import Binding, Definition, Event, Kind, Region, RegionKind
from lintorch.flow.fact import Sort
from lintorch.flow.fate import Fate
from lintorch.flow.given import is_given
from lintorch.flow.gradients import Gradients
from lintorch.flow.ingredients import bound_values, ingredients
from lintorch.flow.loop_gate import REDUCING
from lintorch.flow.reduction import is_handed_over, reaches_collection
from lintorch.flow.releasing import released_at_end, released_before
from lintorch.flow.without_gradients import is_test
from lintorch.source.text import Edit

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

_BOUND = (Binding.ASSIGNED, Binding.UNPACKED)
_DETACHING = frozenset({"detach"})
_LEAVING = frozenset({Fate.RETURNED, Fate.STORED, Fate.COLLECTED, Fate.SUMMED, Fate.BACKWARD})


@dataclass(frozen=True, eq=False)
class Surviving:
    """The names of one loop that outlive their last use, the first of them in front; `edits` delete them, empty where that is not plain."""

    names: tuple[Definition, ...]
    edits: tuple[Edit, ...]


def surviving_names(training: TrainingFlow) -> Iterator[Surviving]:
    """One answer for each loop."""
    if is_test(training.flow.entry, training.flow.project.root):
        return
    regions = dict.fromkeys(loop_of(made.event.region) for made in training.flow.graph.definitions.values())
    for loop in regions:
        if loop is not None and isinstance(loop.node, cst.For | cst.While) and _repeats(loop.node) and not _uses_graphs(training, loop):
            names = LoopNames(training, loop).surviving()
            if names and not training.grad_mode.may_be_off_outside:
                yield Surviving(names, _edits(training, loop, names))


def _repeats(loop: cst.For | cst.While) -> bool:
    """May there be a second turn? Not where the first ends with `break` or `return`."""
    last = loop.body.body[-1] if loop.body.body else None
    return not (isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Break | cst.Return | cst.Raise))


def _uses_graphs(training: TrainingFlow, loop: Region) -> bool:
    """Does the loop free its graphs itself, want gradients, or is it an evaluation that another rule puts under no_grad?"""
    wanted = any(encloses(loop, event.region) for event in training.wanting.events)
    return wanted or _trains(training) or any(encloses(loop, training.keeping.region(found.call)) for found in training.evaluation.evaluations)


def _trains(training: TrainingFlow) -> bool:
    """Does the function prepare for steps of an optimizer, wherever backward is run?"""
    calls = (event.node for event in training.flow.graph.events if event.kind is Kind.CALL and isinstance(event.node, cst.Call))
    methods = ((call.func.attr.value, call.args) for call in calls if isinstance(call.func, cst.Attribute))
    return any(name == "zero_grad" or (name == "train" and not args) for name, args in methods)


def _edits(training: TrainingFlow, loop: Region, names: tuple[Definition, ...]) -> tuple[Edit, ...]:
    spelled = [made.name for made in names]
    suspended = {event.node: event.region for event in training.flow.graph.events if isinstance(event.node, cst.Yield) and encloses(loop, event.region)}
    if not suspended:
        return released_at_end(training.flow, loop, spelled)
    last = next(iter(suspended))
    plain = len(suspended) == 1 and suspended[last] is loop and isinstance(training.parents.get(last), cst.Expr)
    return released_before(training.flow, last, spelled) if plain and isinstance(last, cst.Yield) else ()


class LoopNames:
    """Answers for one loop."""

    def __init__(self, training: TrainingFlow, loop: Region) -> None:
        self.training, self.flow, self.loop = training, training.flow, loop
        within = sorted(self.flow.graph.definitions.values(), key=lambda made: made.event.at)
        self.made = [made for made in within if encloses(loop, made.event.region)]

    def surviving(self) -> tuple[Definition, ...]:
        """The names with graphs, where none of these leaves the turn by any way and each is bound once, whatever the turn does."""
        live = [made for made in self.made if made.binding in _BOUND and self._holds_graph(made)]
        if not live or any(self._is_carried(made, live) for made in self.made) or any(map(self._leaves, live)):
            return ()
        computed = any(self._runs_model(made) for made in live)
        return tuple(made for made in live if self._is_plain(made)) if computed else ()

    # Graphs

    def _holds_graph(self, made: Definition) -> bool:
        if self.training.gradients(made.event.region) is not Gradients.ON:
            return False
        value = made.value or getattr(made.statement, "value", None)
        given = isinstance(value, cst.Call) and is_given(self.training, value.func)
        return self.training.inference.definition(made).is_live or (given and isinstance(value, cst.Call) and self._is_tensor(made, value))

    def _is_tensor(self, made: Definition, call: cst.Call) -> bool:
        """Is what a given callee returns a loss, what a loss is computed from, or something to detach?"""
        return self._is_loss(made, call) or any(self._reduces(use.node, _DETACHING) or self._makes_loss(use.node) for use in self._uses(made))

    def _makes_loss(self, name: cst.CSTNode) -> bool:
        call = self.training.parents.get(self.training.parents.get(name, name))
        statement = self.training.parents.get(call) if isinstance(call, cst.Call) and is_given(self.training, call.func) else None
        made = self.training.made_by_statement(statement) if statement is not None else ()
        return any(isinstance(other.value, cst.Call) and other.value is call and self._is_loss(other, other.value) for other in made)

    def _is_loss(self, made: Definition, call: cst.Call) -> bool:
        """Is it what a called parameter gives for a tensor with a graph, or for what another gives, and reduced as tensors are?"""
        if not is_given(self.training, call.func) or not any(self._reduces(use.node, REDUCING) for use in self._uses(made)):
            return False
        return any(self._may_have_graph(part) for arg in call.args for part in ingredients(arg.value, self.training.seen_by))

    def _may_have_graph(self, part: cst.BaseExpression) -> bool:
        called = isinstance(part, cst.Call) and is_given(self.training, part.func) and encloses(self.loop, self.training.keeping.region(part))
        return called or self.training.inference.fact(part).is_live

    def _reduces(self, name: cst.CSTNode, ways: frozenset[str]) -> bool:
        attribute = self.training.parents.get(name)
        return isinstance(attribute, cst.Attribute) and attribute.attr.value in ways

    def _runs_model(self, made: Definition) -> bool:
        """Is a module, or a parameter that is called, run in the turn for the value?"""
        value = made.value or getattr(made.statement, "value", None)
        calls = [part for part in ingredients(value, self.training.seen_by) if isinstance(part, cst.Call)] if value is not None else []
        return any(
            encloses(self.loop, self.training.keeping.region(call))
            and (is_given(self.training, call.func) or self.training.inference.fact(call.func).sort is Sort.MODULE)
            for call in calls
        )

    # Ways out of the turn

    def _uses(self, made: Definition) -> tuple[Event, ...]:
        return self.flow.chains.uses.get(made.event.at, ())

    def _is_carried(self, made: Definition, live: Collection[Definition]) -> bool:
        """Does a later turn, or what follows the loop, read from the name what may have the graph of this turn?"""
        outside = any(use.at < made.event.at or not encloses(self.loop, use.region) for use in self._uses(made))
        if not outside or self.training.inference.definition(made).is_cut:
            return False
        parts = (part for value in bound_values(made) for part in ingredients(value, self.training.seen_by))
        return made in live or any(seen in live for part in parts for seen in self.training.seen_by(part))

    def _leaves(self, made: Definition) -> bool:
        nodes = [use.node for use in self._uses(made)]
        return bool(self.training.fates.of(made) & _LEAVING) or any(
            is_handed_over(self.training, node) or reaches_collection(self.training, node) for node in nodes
        )

    def _is_plain(self, made: Definition) -> bool:
        """Is the name bound once in the loop, on every way through it, never deleted, and read by nobody else?"""
        region: Region | None = made.event.region
        while region is not None and region.kind is RegionKind.WITH:
            region = region.parent
        bound = [other for other in self.made if other.name == made.name]
        deleted = any(event.kind is Kind.DELETE and event.name == made.name for event in self.flow.graph.events)
        return region is self.loop and len(bound) == 1 and not deleted and not self.flow.shared.has(made.name)
