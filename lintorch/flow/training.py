"""What a function does with autograd graphs over time: facts, backward calls, accumulations and collections."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.activation import Activations, StoredActivation
from lintorch.flow.adversarial import LiveSamples, live_samples
from lintorch.flow.anchor import Backward, anchored, backward_calls, returned_losses
from lintorch.flow.cache import CachedTensor, Caches
from lintorch.flow.capturing_hook import CapturingHook, CapturingHooks
from lintorch.flow.carried import CarriedState, carried_states
from lintorch.flow.chained_input import ChainedInput, chained_inputs
from lintorch.flow.collecting_hook import CollectingHook, CollectingHooks
from lintorch.flow.context_attribute import ContextAttributes, ContextTensor
from lintorch.flow.covering import Covering
from lintorch.flow.evaluation_scope import EvaluationScope
from lintorch.flow.event import Binding, Definition, Event, Kind, Region
from lintorch.flow.fact import UNKNOWN, Fact
from lintorch.flow.failed_attempt import FailedAttempts, KeptException, Retry
from lintorch.flow.fate import Fate, Fates, parents_of
from lintorch.flow.frozen import Frozen
from lintorch.flow.gradients import Gradients, GradMode
from lintorch.flow.handed_backward import handed_backwards
from lintorch.flow.inference import Inference, Surroundings, module_uses
from lintorch.flow.keeping import Keeping, Kept
from lintorch.flow.keeping_gate import KeepingGate
from lintorch.flow.loop_source import source_of
from lintorch.flow.loss_callee import evidence_of_loss
from lintorch.flow.loss_part import loss_parts
from lintorch.flow.loss_source import loss_sources
from lintorch.flow.making import Making
from lintorch.flow.micro_batch import SummedLoss, summed_losses
from lintorch.flow.optimizer import Optimizers
from lintorch.flow.owner import OwnerFacts
from lintorch.flow.replay import Replayed, replayed
from lintorch.flow.retained import RetainedGraph, retained_graphs
from lintorch.flow.saving import Saving, plan_saving
from lintorch.flow.second_derivative import CreatedGraph, needless_graphs
from lintorch.flow.statistic import LiveStatistic, Statistics
from lintorch.flow.summary import attribute_fates, returned
from lintorch.flow.surviving import Surviving, surviving_names
from lintorch.flow.type_guard import excludes_tensor
from lintorch.flow.unpacking import appended_to
from lintorch.flow.untrained import UntrainedRun, untrained_runs
from lintorch.flow.upstream import Upstream
from lintorch.flow.view import PinnedView, pinned_views
from lintorch.flow.volatile import Volatile, volatile_calls
from lintorch.flow.wanting import Wanting, last_name

if TYPE_CHECKING:
    from lintorch.flow.best import Best
    from lintorch.flow.function import FunctionFlow
    from lintorch.project.module import ClassEntry


class TrainingFlow:
    """Questions about one function that trains or evaluates; everything is computed when first asked."""

    def __init__(self, flow: FunctionFlow) -> None:
        self.flow = flow

    # Building blocks

    @cached_property
    def gate(self) -> KeepingGate:
        """What the syntax alone rules out."""
        return KeepingGate(self.flow.entry, self.flow.project)

    @cached_property
    def loads(self) -> dict[cst.CSTNode, Event]:
        """The event that reads each name."""
        return {event.node: event for event in self.flow.graph.events if event.kind is Kind.LOAD}

    @cached_property
    def parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        """The parent of each node."""
        return parents_of(self.flow.segment.function)

    @cached_property
    def backwards(self) -> tuple[Backward, ...]:
        """The backward calls, in order; what a Lightning training_step returns is run backward on by its Trainer."""
        calls = sorted((*backward_calls(self.flow.graph), *handed_backwards(self)), key=lambda backward: backward.event.at)
        return tuple(calls) or (tuple(returned_losses(self.flow.graph)) if self._is_training_step else ())

    @property
    def _is_training_step(self) -> bool:
        owner = self.flow.entry.owner
        if owner is None or self.flow.entry.name != "training_step":
            return False
        return any(base.rpartition(".")[2] == "LightningModule" for base in self.flow.project.ancestry(owner).external) and not self._optimizes_itself(owner)

    def _optimizes_itself(self, owner: ClassEntry) -> bool:
        """Does the class say that its Trainer is to run no backward?"""
        stores = self.flow.project.attribute_stores(owner).get("automatic_optimization", ())
        said = [store.value for store in stores if store.method.owner in self.flow.project.ancestry(owner).classes]  # a subclass says it of itself
        return any(isinstance(value, ast.Constant) and value.value is False for value in said)

    @cached_property
    def anchored(self) -> dict[Definition, Backward]:
        """Definitions that backward is run on."""
        return anchored(self.backwards, self.flow.chains, self.loads)

    @property
    def trains(self) -> bool:
        """Does the function run backward itself?"""
        return bool(self.backwards)

    @cached_property
    def grad_mode(self) -> GradMode:
        """Grad mode by region."""
        return GradMode(self.flow.entry, self.flow.project, self.flow.qualify, self.trains)

    @cached_property
    def _made(self) -> dict[cst.CSTNode, tuple[Definition, ...]]:
        made: dict[cst.CSTNode, list[Definition]] = {}
        for definition in self.flow.graph.definitions.values():
            for key in {definition.statement, self._loop_header(definition)} - {None}:
                assert key is not None
                made.setdefault(key, []).append(definition)
        return {node: tuple(definitions) for node, definitions in made.items()}

    def made_by_statement(self, statement: cst.CSTNode) -> tuple[Definition, ...]:
        """The definitions that a statement, or the header of a loop, makes."""
        return self._made.get(statement, ())

    def _loop_header(self, definition: Definition) -> cst.CSTNode | None:
        """The for statement whose turns bind the name."""
        if definition.binding is not Binding.LOOP:
            return None
        node: cst.CSTNode | None = definition.event.node
        while node is not None and not isinstance(node, cst.For | cst.CompFor):
            node = self.parents.get(node)
        return node

    @cached_property
    def fates(self) -> Fates:
        """Where values go."""
        return Fates(self.parents, self.flow.chains.uses, lambda node: self._made.get(node, ()), self.seen_by, self.flow.qualify)

    def seen_by(self, node: cst.BaseExpression) -> tuple[Definition, ...]:
        """The definitions that a name, where it stands, may see."""
        event = self.loads.get(node)
        return self.flow.chains.reaching.get(event.at, ()) if event is not None else ()

    @cached_property
    def inference(self) -> Inference:
        """Facts of expressions."""
        flow = self.flow
        owner = OwnerFacts.of(flow.entry, flow.project)
        return Inference(
            Surroundings(
                qualify=flow.qualify,
                reaching=flow.chains.reaching,
                loads=self.loads,
                anchored={made: f"backward() on line {self._line(call.event.node)} runs through `{made.name}`" for made, call in self.anchored.items()},
                loss_parts={made: sentence for made, sentence in self._of_losses.items() if self.gradients(made.event.region) is Gradients.ON},
                line=self._line,
                gradients_on=self.gradients_on,
                attribute=owner.attribute,
                made_by=self._made_by,
                method=self._method,
                method_of=self._method_of,
                own_call=self._own_call,
                parameter=self._parameter,
                global_name=self._global,
                runs_backward_on=lambda node: self.covering.of_attribute(node) is not None,
                evidence_of_loss=lambda call: evidence_of_loss(self, call),
                taken_from=lambda made: source_of(made, self.parents, flow.qualify),
                put_into=self.put_into,
                no_tensor=lambda name: excludes_tensor(self, name),
                module_uses=module_uses(flow.graph.events, self._line),
            )
        )

    @property
    def _of_losses(self) -> dict[Definition, str]:
        """What losses are made of, and why it has a graph."""
        return {**loss_sources(self), **loss_parts(self)}

    def put_into(self, definition: Definition) -> tuple[cst.BaseExpression, ...]:
        """What is appended to the list that a definition makes, wherever it is this one alone."""
        uses = [use for use in self.flow.chains.uses.get(definition.event.at, ()) if self.flow.chains.reaching[use.at] == (definition,)]
        return tuple(value for use in uses if (value := appended_to(use.node, self.parents)) is not None)

    def _line(self, node: cst.CSTNode) -> int:
        return self.flow.line(node)

    def gradients_on(self, node: cst.CSTNode) -> bool:
        """Is autograd certainly recording where `node` is evaluated?"""
        first, _ = self.flow.graph.extents.get(node, (0, 0))
        return self.gradients(self.flow.graph.events[first].region) is Gradients.ON

    def gradients(self, region: Region) -> Gradients:
        """Grad mode of a region."""
        return self.grad_mode.at(region)

    @cached_property
    def upstream(self) -> Upstream:
        """Facts of expressions where a module's input counts as computed by layers before it."""
        return Upstream.of(self)

    @cached_property
    def keeping(self) -> Keeping:
        """What is kept beyond the turn of a loop."""
        return Keeping(self)

    @cached_property
    def making(self) -> Making:
        """What may make a graph."""
        return Making(self)

    @cached_property
    def wanting(self) -> Wanting:
        """Where gradients are wanted."""
        return Wanting(self.flow)

    @cached_property
    def frozen(self) -> Frozen:
        """Modules that make no graph."""
        return Frozen(self.flow)

    @cached_property
    def evaluation(self) -> EvaluationScope:
        """Evaluations that run with autograd on."""
        return EvaluationScope(self)

    @cached_property
    def volatile_calls(self) -> tuple[Volatile, ...]:
        """Variables with a flag that torch ignores."""
        return tuple(volatile_calls(self))

    @cached_property
    def needless_graphs(self) -> tuple[CreatedGraph, ...]:
        """Calls whose create_graph=True nothing needs."""
        return tuple(needless_graphs(self))

    @cached_property
    def retained_graphs(self) -> tuple[RetainedGraph, ...]:
        """Calls whose retain_graph=True nothing needs."""
        return tuple(retained_graphs(self))

    @cached_property
    def chained_inputs(self) -> tuple[ChainedInput, ...]:
        """Inputs moved along their own gradient that stay chained to their earlier values."""
        return tuple(chained_inputs(self))

    @cached_property
    def optimizers(self) -> Optimizers:
        """The optimizers in sight and what they train."""
        return Optimizers(self.flow)

    @cached_property
    def untrained_runs(self) -> tuple[UntrainedRun, ...]:
        """Runs with autograd on of networks that nothing trains."""
        return tuple(untrained_runs(self))

    @cached_property
    def live_samples(self) -> tuple[LiveSamples, ...]:
        """Samples that carry one player's graph into the step of the other."""
        return tuple(live_samples(self))

    @cached_property
    def carried_states(self) -> tuple[CarriedState, ...]:
        """Recurrent states handed on with their history."""
        return tuple(carried_states(self))

    # Facts from elsewhere

    def _made_by(self, name: str) -> Fact:
        from lintorch.flow.owner import class_fact
        from lintorch.project.module import ClassEntry, FunctionEntry

        found = self.flow.project.find(name)
        if isinstance(found, ClassEntry):
            return class_fact(found, self.flow.project)
        return returned(found, self.flow) if isinstance(found, FunctionEntry) else UNKNOWN

    def _method(self, name: str) -> Fact:
        owner = self.flow.entry.owner
        return self._method_of(owner, name) if owner is not None else UNKNOWN

    def _method_of(self, owner: ClassEntry, name: str) -> Fact:
        found = self.flow.project.ancestry(owner).method(name)
        return returned(found, self.flow) if found is not None else UNKNOWN

    def _own_call(self, owner: ClassEntry) -> Fact | None:
        found = self.flow.project.ancestry(owner).method("__call__")
        return returned(found, self.flow) if found is not None else None

    def _parameter(self, name: str) -> Fact:
        from lintorch.flow.parameter import parameter_fact

        return parameter_fact(self.flow, name)

    def _global(self, name: str) -> Fact:
        from lintorch.flow.owner import constructed

        value = self.flow.module.constants.get(name)
        return constructed(value, self.flow.module, self.flow.project) if value is not None else UNKNOWN

    # Questions

    def fates_of_attribute(self, name: str) -> frozenset[Fate]:
        """What becomes of `self.<name>` in the methods of the class; stored out of sight where the class is not all there is."""
        owner = self.flow.entry.owner
        return attribute_fates(owner, name, self.flow) if owner is not None else frozenset({Fate.STORED})

    def is_differentiated_by_callers(self, depth: int = 2) -> bool:
        """May a caller in the file run backward through what the function returns?"""
        from lintorch.flow.segment import Unmappable

        entry = self.flow.entry
        callers = {call.caller or entry.module.script for call in self.flow.project.callers(entry)} - {entry}
        try:
            return any(self.flow.of(caller).training.differentiates_results_of(entry.name, depth) for caller in callers)
        except Unmappable:
            return True

    def differentiates_results_of(self, name: str, depth: int) -> bool:
        """May backward run through what the calls of that name give?"""
        calls = [event.node for event in self.flow.graph.events if event.kind is Kind.CALL and isinstance(event.node, cst.Call)]
        fates = {fate for call in calls if last_name(call.func) == name for fate in self.fates.of_node(call)}
        return Fate.BACKWARD in fates or (Fate.RETURNED in fates and (not depth or self.is_differentiated_by_callers(depth - 1)))

    @cached_property
    def covering(self) -> Covering:
        """Which backward calls run through values."""
        return Covering(self)

    # Questions

    @cached_property
    def leaking_totals(self) -> tuple[Kept, ...]:
        """Totals and moving averages that keep the graphs of the values added to them."""
        return tuple(kept for kept in self.keeping.totals() if self._leaks(kept)) if self.gate.totals else ()

    def _leaks(self, kept: Kept) -> bool:
        """A backward pass shows that gradients are on; without one the function must not be run by others without."""
        return kept.leaks and (kept.covering is not None or not self.grad_mode.may_be_off_outside)

    @cached_property
    def kept_collections(self) -> tuple[Kept, ...]:
        """Values put into containers that outlive the turn of the loop, one for each part of what is put in."""
        return tuple(self.keeping.collections())

    @cached_property
    def leaking_collections(self) -> tuple[Kept, ...]:
        """Those that pile up graphs nothing can need; a queue that holds a fixed number of values is no pile."""
        return tuple(kept for kept in self.kept_collections if not kept.keeper.is_window and self._leaks(kept)) if self.gate.collections else ()

    @cached_property
    def pinned_views(self) -> tuple[PinnedView, ...]:
        """Stored views that keep the storage of tensors nothing else keeps."""
        return tuple(pinned_views(self))

    @cached_property
    def retries(self) -> tuple[Retry, ...]:
        """Work repeated while an exception holds the frames of the attempt that failed."""
        return tuple(FailedAttempts(self).retries())

    @cached_property
    def kept_exceptions(self) -> tuple[KeptException, ...]:
        """Exceptions stored with the frames of the attempt that failed."""
        return tuple(FailedAttempts(self).kept_exceptions())

    @cached_property
    def summed_losses(self) -> tuple[SummedLoss, ...]:
        """Losses of micro-batches summed for one backward pass."""
        return tuple(summed_losses(self))

    @cached_property
    def surviving_names(self) -> tuple[Surviving, ...]:
        """Names of loops that hold graphs while the next ones are computed."""
        return tuple(surviving_names(self)) if self.gate.loop_values else ()

    @cached_property
    def replayed(self) -> tuple[Replayed, ...]:
        """Live values put where later steps draw them from."""
        return tuple(replayed(self))

    @cached_property
    def live_bests(self) -> tuple[Best, ...]:
        """Values kept, graphs and all, only to be compared with later ones."""
        from lintorch.flow.best import live_bests

        return tuple(live_bests(self)) if self.gate.bests else ()

    @cached_property
    def live_statistics(self) -> tuple[LiveStatistic, ...]:
        """Running statistics and averages of weights updated with a term that has a graph."""
        return tuple(Statistics(self).live())

    @cached_property
    def tensors_on_context(self) -> tuple[ContextTensor, ...]:
        """Inputs and outputs that a custom autograd function keeps as attributes of its context."""
        return tuple(ContextAttributes(self.flow).kept())

    @cached_property
    def saving_for_backward(self) -> Saving | None:
        """How `tensors_on_context` can be saved for backward instead."""
        return plan_saving(self.flow, self.tensors_on_context)

    @cached_property
    def collecting_hooks(self) -> tuple[CollectingHook, ...]:
        """Stores of forward hooks, registered here for good, that grow by a graph with every pass."""
        return tuple(CollectingHooks(self.flow).found())

    @cached_property
    def capturing_hooks(self) -> tuple[CapturingHook, ...]:
        """Hooks on tensors that hold the tensor itself or one computed from it."""
        return tuple(CapturingHooks(self.flow).found())

    @cached_property
    def stored_activations(self) -> tuple[StoredActivation, ...]:
        """Activations that a forward leaves on self, and whose every read does without their graph."""
        return tuple(Activations(self).stored())

    @cached_property
    def cached_tensors(self) -> tuple[CachedTensor, ...]:
        """What cached methods and containers at module level keep of the function's results, graphs and all."""
        return tuple(Caches(self).kept())
