"""Backward passes that run through a network whose optimizer does not step on what they give: the generator in the discriminator's step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import Backward, encloses, loop_of
from lintorch.flow.event import Event
from lintorch.flow.ingredients import ingredients
from lintorch.flow.optimizer import Step, overlap
from lintorch.flow.tree import dotted_name

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow


@dataclass(frozen=True, eq=False)
class LiveSamples:
    """`samples`, an argument of the discriminator's `call`, carry the graph of `generator` into a loss that only steps `optimizer`."""

    call: cst.Call
    samples: cst.BaseExpression
    generator: str
    discriminator: str
    optimizer: str


def live_samples(training: TrainingFlow) -> Iterator[LiveSamples]:
    """The calls of a function's discriminators, each once."""
    optimizers = training.optimizers
    if len(optimizers.steps) < 2 or optimizers.trained is None:
        return
    known: set[cst.CSTNode] = set()
    for backward in (backward for backward in training.backwards if not backward.handed):
        for found in _Pass(training, backward).found():
            if found.call not in known:
                known.add(found.call)
                yield found


@dataclass(frozen=True, eq=False)
class _Pass:
    """One backward pass with what follows it."""

    training: TrainingFlow
    backward: Backward

    def found(self) -> Iterator[LiveSamples]:
        """Calls of the modules that the pass is for, on samples of a module that it is not for."""
        steps = self._steps()
        own = frozenset(name for step in steps for name in step.modules)
        for step in _others(self.training.optimizers.steps, own) if steps else ():
            if self._is_cleared(step):
                yield from self._calls(own, step, steps[0].optimizer)

    def _following(self) -> list[Event]:
        """The events behind the pass, to the end of the loop and from its beginning up to the pass again."""
        events, at, loop = self.training.flow.graph.events, self.backward.event.at, loop_of(self.backward.event.region)
        behind = [event for event in events[at + 1 :] if loop is None or encloses(loop, event.region)]
        again = [event for event in events[:at] if loop is not None and encloses(loop, event.region)]
        return behind + again

    def _steps(self) -> list[Step]:
        """The steps between this pass and the next one."""
        others = {backward.event for backward in self.training.backwards}
        steps = {step.event: step for step in self.training.optimizers.steps}
        found = []
        for event in self._following():
            if event in others:
                break
            if event in steps:
                found.append(steps[event])
        return found

    def _is_cleared(self, step: Step) -> bool:
        """Are the gradients of the other player cleared before its own step?"""
        for event in self._following():
            if self.training.optimizers.clears(event, step.optimizer, step.modules):
                return True
            if event == step.event:
                return False
        return False

    def _calls(self, own: frozenset[str], other: Step, optimizer: str) -> Iterator[LiveSamples]:
        for root in self.backward.roots:
            for part in ingredients(root, self.training.seen_by):
                discriminator = self._runs(part, own)
                for arg in part.args if isinstance(part, cst.Call) and discriminator is not None else ():
                    generator = self._made_by(arg.value, other.modules)
                    if generator is not None and discriminator is not None and not self._is_needed(part, arg.value):
                        assert isinstance(part, cst.Call)
                        yield LiveSamples(part, arg.value, generator, discriminator, optimizer)

    def _runs(self, part: cst.BaseExpression, modules: frozenset[str]) -> str | None:
        """The module among those given that a call runs with gradients on."""
        name = dotted_name(part.func) if isinstance(part, cst.Call) else None
        if name is None or not any(overlap(name.removesuffix(".forward"), module) for module in modules):
            return None
        return name.removesuffix(".forward") if self.training.gradients_on(part) else None

    def _made_by(self, value: cst.BaseExpression, modules: frozenset[str]) -> str | None:
        made = (self._runs(part, modules) for part in ingredients(value, self.training.seen_by))
        found = next((name for name in made if name is not None), None)
        return found if found is not None and not self.training.frozen.is_frozen(found) else None

    def _is_needed(self, call: cst.CSTNode, samples: cst.BaseExpression) -> bool:
        """Does another backward pass run through the same call, or is the gradient of the samples asked for?"""
        others = (one for one in self.training.backwards if one is not self.backward)
        parts = (part for one in others for root in one.roots for part in ingredients(root, self.training.seen_by))
        return any(part is call for part in parts) or self._is_differentiated(samples)

    def _is_differentiated(self, value: cst.BaseExpression) -> bool:
        """Is the gradient of the samples themselves asked for, as in a penalty?"""
        passes = {one.event for one in self.training.backwards}
        made = set(self.training.seen_by(value))
        asked = [event.node for event in self.training.wanting.events if event not in passes and isinstance(event.node, cst.Call)]
        parts = (part for call in asked for arg in call.args for part in ingredients(arg.value, self.training.seen_by))
        return any(made & set(self.training.seen_by(part)) for part in parts)


def _others(steps: tuple[Step, ...], own: frozenset[str]) -> Iterator[Step]:
    """The steps of optimizers that share no module with those given."""
    for step in steps:
        if not any(overlap(module, name) for module in step.modules for name in own):
            yield step
