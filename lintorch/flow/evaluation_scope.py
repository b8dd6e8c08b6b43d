"""Evaluations that run with autograd on: calls of a module in evaluation mode whose results no gradient is asked of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import encloses
from lintorch.flow.event import Event, Kind, Region, RegionKind
from lintorch.flow.fact import Sort
from lintorch.flow.fate import Fate
from lintorch.flow.gradients import Gradients
from lintorch.flow.handing import parameters_of, runs_attribute, runs_parameter
from lintorch.flow.ingredients import ingredients
from lintorch.flow.keeping import Keeping
from lintorch.flow.reduction import calls_given, is_reduced
from lintorch.flow.switching import Switching, dotted
from lintorch.flow.wanting import mentions_gradients, wants_gradients
from lintorch.flow.without_gradients import Insertion, decorated, is_test, wrapped

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import FunctionEntry

_LEAVING = frozenset({Fate.RETURNED, Fate.STORED, Fate.COLLECTED, Fate.SUMMED})
_LOOPS = (RegionKind.LOOP, RegionKind.COMPREHENSION)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A stretch of code that evaluates with autograd on.

    `call` is its first call of the module, `module` what is called, `switched` the line that puts it into evaluation mode; `piles_up` says that graphs are
    kept over the turns of a loop. `insertions` put the stretch under torch.no_grad(); empty where a tensor with a graph leaves it.
    """

    call: cst.Call
    module: str
    switched: int
    piles_up: bool
    insertions: tuple[Insertion, ...]


@dataclass(frozen=True, eq=False)
class _Run:
    """A call of a module in evaluation mode. `scope` is what the evaluation has for itself: all, or a region where no gradient is wanted.

    `is_handed`: the function that is called runs the module.
    """

    event: Event
    call: cst.Call
    module: str
    fates: frozenset[Fate]
    scope: Region | None
    is_handed: bool

    @property
    def leaves(self) -> bool:
        return bool(self.fates & _LEAVING)


class EvaluationScope:
    """Finds the evaluations of one function."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow
        self.switching = Switching(training.flow)

    @cached_property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """One for each stretch: the function, or the statements apart from where gradients are wanted."""
        return tuple(self._evaluation(group) for group in self._grouped(self._needless))

    @cached_property
    def _needless(self) -> tuple[_Run, ...]:
        """The calls of modules in evaluation mode that record a graph for nobody."""
        if not self.training.gate.evaluations or not self.switching.modules or self._is_out_of_sight:
            return ()
        runs = tuple(self._runs())
        if not runs or self.training.grad_mode.may_be_off_outside:
            return ()
        trained = {run.module for run in runs if Fate.BACKWARD in run.fates}
        return tuple(run for run in runs if run.module not in trained and self._is_needless(run))

    def gives(self, value: cst.BaseExpression) -> bool:
        """Does the value come from such a call?"""
        calls = {run.call for run in self._needless}
        return bool(calls) and any(part in calls for part in ingredients(value, self.training.seen_by))

    def compares(self, call: cst.Call) -> bool:
        """Is it a call that compares what a module gave with something else, as criteria do, in a function that only evaluates?

        Answered from the text alone: inference asks for it.
        """
        if not self.switching.modules or len(call.args) < 2 or self._is_out_of_sight or mentions_gradients(self.flow.entry):
            return False
        event = self._event(call)
        return self._is_recorded(event) and bool(self.switching.evaluating(event))

    def covers(self, node: cst.CSTNode) -> bool:
        """Does the node stand in one of the evaluations that can be put under torch.no_grad()?"""
        first, _ = self.flow.graph.extents.get(node, (0, 0))
        return any(self._holds(evaluation, self.flow.graph.events[first]) for evaluation in self.evaluations if evaluation.insertions)

    def _holds(self, evaluation: Evaluation, event: Event) -> bool:
        run = self._event(evaluation.call)
        loop = self._outermost_loop(run.region, self._scope(run.region))
        return not self._wanting or (loop is not None and encloses(loop, event.region))

    @property
    def _is_out_of_sight(self) -> bool:
        """Is something around the function that cannot be read: a decorator of another package, a switch of the grad mode, a test framework?"""
        entry, project = self.flow.entry, self.flow.project
        unread = any(name is None or not (name.startswith(("builtins.", "functools.", "typing.")) or project.find(name)) for name in entry.decorators)
        return unread or is_test(entry, project.root) or self.training.grad_mode.switches

    @property
    def _wanting(self) -> tuple[Event, ...]:
        return self.training.wanting.events

    # Calls

    def _runs(self) -> Iterator[_Run]:
        for event in self.flow.graph.events:
            if event.kind is Kind.CALL and isinstance(event.node, cst.Call):
                own = self._run_module(event, event.node)
                module = own or self._handed_on(event, event.node)
                if module is not None and self._is_recorded(event):
                    plain = own is None and self.training.inference.fact(event.node).is_cut
                    fates = frozenset(() if plain else self.training.fates.of_node(event.node))
                    yield _Run(event, event.node, module, fates, self._scope(event.region), own is None)

    def _is_recorded(self, event: Event) -> bool:
        mode = self.training.grad_mode
        return mode.at(event.region) is Gradients.ON and not mode.is_unknown_within(event.region)

    def _run_module(self, event: Event, call: cst.Call) -> str | None:
        """The module in evaluation mode that a call runs, where it certainly gives a graph."""
        name = self._bound_name(call.func) or dotted(call.func)
        if name is None or not any(name == module or name.startswith(f"{module}.") for module in self.switching.modules):
            return None
        module = next((module for module in self.switching.evaluating(event) if name == module or name.startswith(f"{module}.")), None)
        return name.removesuffix(".forward") if module is not None and self._gives_graph(call, name, module) else None

    def _bound_name(self, callee: cst.BaseExpression) -> str | None:
        """The name as flow tells it from others of the same spelling: a comprehension has names of its own."""
        names = {made.name for made in self.training.seen_by(callee)}
        return names.pop() if len(names) == 1 else None

    def _gives_graph(self, call: cst.Call, name: str, module: str) -> bool:
        inference = self.training.inference
        if name in (module, f"{module}.forward", f"{module}.module") and name != f"{self.flow.entry.receiver}.module":
            known = inference.fact(call.func if name == module else call.func.value if isinstance(call.func, cst.Attribute) else None)
            # A class that is itself a parameter annotated nn.Module makes "tensors" as far as inference can tell.
            possible = known.of_class is None if known.sort is Sort.UNKNOWN else known.sort in (Sort.MODULE, Sort.TENSOR)
            return possible and not self._is_frozen(module)
        part = name.removeprefix(f"{module}.")
        return (inference.fact(call).is_live or self.training.frozen.makes_graph(module, part)) and not self._is_frozen(module)

    def _handed_on(self, event: Event, call: cst.Call) -> str | None:
        """The module in evaluation mode that a function of the project runs, in a loop: one that it is handed, or one of self for a method of self."""
        evaluating = self.switching.evaluating(event)
        entry = self.training.wanting.called(call) if evaluating else None
        if entry is None:
            return None
        looped = self._is_looped(event)
        if not looped and "eval" in entry.mentions:
            return None  # what that function puts into evaluation mode itself is reported there
        return (self._of_self(call, entry, evaluating) if looped else None) or self._given(call, entry, evaluating, looped)

    def _is_looped(self, event: Event) -> bool:
        return self._outermost_loop(event.region, self._scope(event.region)) is not None

    def _of_self(self, call: cst.Call, entry: FunctionEntry, evaluating: frozenset[str]) -> str | None:
        receiver = self.flow.entry.receiver
        if receiver is None or not (dotted(call.func) or "").startswith(f"{receiver}."):
            return None
        own = sorted(module for module in evaluating if module.startswith(f"{receiver}.") and not self._is_frozen(module))
        return next((module for module in own if runs_attribute(self.flow, entry, module)), None)

    def _given(self, call: cst.Call, entry: FunctionEntry, evaluating: frozenset[str], looped: bool) -> str | None:
        handed = {dotted(arg.value) for arg in call.args} & evaluating
        for arg, parameter in parameters_of(call, entry) if handed else ():
            if dotted(arg) in handed and runs_parameter(self.flow, entry, parameter, looped=not looped):
                return dotted(arg)
        return None

    def _is_frozen(self, module: str) -> bool:
        """Does the class of self ask for no gradients of the module's parameters, or run its forward without?"""
        return self.training.frozen.is_frozen(module)

    # Scopes

    def _scope(self, region: Region) -> Region | None:
        """The outermost region around a call within which no gradient is wanted; None where even the innermost holds such a place."""
        found: Region | None = None
        current: Region | None = region
        while current is not None and not any(encloses(current, event.region) for event in self._wanting):
            found, current = current, current.parent
        return found

    def _outermost_loop(self, region: Region, scope: Region | None) -> Region | None:
        found: Region | None = None
        current: Region | None = region
        while scope is not None and current is not None and encloses(scope, current):
            found = current if current.kind in _LOOPS else found
            current = current.parent
        return found

    def _is_needless(self, run: _Run) -> bool:
        """Does nothing ask for a gradient of what the call gives?"""
        if Fate.BACKWARD in run.fates or any(event.node is run.call for event in self._wanting) or self._is_given_to_wanting(run):
            return False
        if run.leaves and (self._wanting or self._is_wanted_elsewhere(run)):
            return False
        if self._is_looped(run.event):
            return True
        return not run.leaves and (run.is_handed or is_reduced(self.training, run.call))

    def _is_given_to_wanting(self, run: _Run) -> bool:
        """Does a call that asks for gradients get the result, or something computed from it?"""
        wanting = {event.node for event in self._wanting}
        return bool(wanting) and not wanting.isdisjoint(calls_given(self.training, run.call))

    def _is_wanted_elsewhere(self, run: _Run) -> bool:
        """Do the methods of the class, or the callers in the file, ask for gradients of what leaves the function?"""
        owner = self.flow.entry.owner
        if owner is not None and self.flow.project.module_evidence(owner) is not None:
            return True  # a module's methods are run by whoever trains it
        if run.fates & (_LEAVING - {Fate.RETURNED}) and owner is not None and any(wants_gradients(method, self.flow) for method in owner.methods.values()):
            return True
        return Fate.RETURNED in run.fates and self.training.is_differentiated_by_callers()

    def _grouped(self, runs: Iterable[_Run]) -> Iterator[list[_Run]]:
        """Calls that one stretch holds: all of the function, those of one outermost loop, or those between other statements of one suite."""
        groups: dict[object, list[_Run]] = {}
        for run in runs:
            groups.setdefault(self._stretch(run), []).append(run)
        yield from groups.values()

    def _stretch(self, run: _Run) -> object:
        if run.scope is not None and run.scope.parent is None:
            return None
        statement = self._statement(run)
        placement = self.flow.graph.placements.get(statement)
        return placement.suite[0] if placement is not None and isinstance(statement, cst.SimpleStatementLine) else statement

    # The finding

    def _evaluation(self, runs: list[_Run]) -> Evaluation:
        first = runs[0]
        piles_up = any(self._piles_up(run) for run in runs)
        module = next(module for module in self.switching.evaluating(first.event) if first.module == module or first.module.startswith(f"{module}."))
        return Evaluation(first.call, first.module.partition("@")[0], self.switching.line(module, first.event), piles_up, self._insertions(runs))

    def _piles_up(self, run: _Run) -> bool:
        """Is the result put, with its graph, into something that outlives the turn, or fed to the next turn?"""
        kept = [kept for kept in Keeping(self.training).collections() if kept.fact.is_live]
        return any(self._is_within(run.event, one.statement) for one in kept) or self._feeds_itself(run) or any(map(self._made_by(run), kept))

    def _made_by(self, run: _Run):  # type: ignore[no-untyped-def]
        return lambda kept: any(made.value is not None and self._is_within(run.event, made.value) for made in self.training.seen_by(kept.value))

    def _is_within(self, event: Event, node: cst.CSTNode) -> bool:
        first, last = self.flow.graph.extents.get(node, (0, 0))
        return first <= event.at < last

    def _feeds_itself(self, run: _Run) -> bool:
        arguments = [definition for arg in run.call.args for definition in self.training.seen_by(arg.value)]
        return any(made.value is not None and self._is_within(run.event, made.value) for made in arguments)

    def _insertions(self, runs: list[_Run]) -> tuple[Insertion, ...]:
        if any(run.leaves for run in runs):
            return ()
        statements = {self._statement(run) for run in runs}
        apart = wrapped(self.flow, statements.pop()) if len(statements) == 1 else ()
        return apart if self._wanting else decorated(self.flow, apart)

    def _statement(self, run: _Run) -> cst.CSTNode:
        """The statement to put under no_grad: the outermost loop of the evaluation, else the line of the call."""
        loop = self._outermost_loop(run.event.region, run.scope)
        node: cst.CSTNode = loop.node if loop is not None and loop.kind is RegionKind.LOOP else run.call
        while not isinstance(node, cst.For | cst.While | cst.SimpleStatementLine | cst.BaseCompoundStatement):
            node = self.training.parents[node]
        return node

    def _event(self, call: cst.Call) -> Event:
        first, last = self.flow.graph.extents[call]
        return next(event for event in self.flow.graph.events[first:last] if event.node is call)
