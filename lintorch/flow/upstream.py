"""Facts within a module's methods, where inputs come from the layers before it: what a forward is given has a graph as soon as anything upstream is trained."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Binding, Definition
from lintorch.flow.fact import DATA, UNKNOWN, Fact, History, Sort, either
from lintorch.flow.inference import Inference
from lintorch.flow.ingredients import resolved
from lintorch.flow.loop_source import module_of_parameters, source_of
from lintorch.flow.owner import class_fact
from lintorch.flow.segment import Unmappable
from lintorch.flow.tensor_use import tensor_parameters

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.flow.training import TrainingFlow
    from lintorch.project.module import ClassEntry, FunctionEntry
    from lintorch.project.project import Call, Project, Store

# Layers of torch whose weight is a parameter.
_LAYERS = ("torch.nn.Linear", "torch.nn.Bilinear", "torch.nn.Conv", "torch.nn.Embedding", "torch.nn.modules.conv.Conv", "torch.nn.modules.linear.Linear")

_MADE_BY_OPERATION = (cst.BinaryOperation, cst.Call, cst.UnaryOperation, cst.Subscript)


@dataclass
class Upstream(Inference):
    """Inference that takes the first input of a trained module's forward, and parameters, for what they are: tensors whose use is recorded."""

    training: TrainingFlow | None = None

    @classmethod
    def of(cls, training: TrainingFlow) -> Upstream:
        """The inference for the function of `training`."""
        around = training.inference.around
        made = cls(around, training=training)
        made.around = replace(around, attribute=lambda name: made.attribute(name, around.attribute(name)))
        return made

    def fact(self, node: cst.CSTNode | None) -> Fact:
        """What is known of an expression; what is computed where autograd is not certainly recording counts as data."""
        fact = super().fact(node)
        recorded = node is None or not fact.is_live or not isinstance(node, _MADE_BY_OPERATION) or self.around.gradients_on(node)
        return fact if recorded else DATA

    def attribute(self, name: str, known: Fact) -> Fact:
        """What `self.<name>` holds: parameters are live."""
        owner = self._flow.entry.owner
        if known.sort is not Sort.UNKNOWN or owner is None:
            return known
        stores = self._flow.project.attribute_stores(owner).get(name, ())
        if (stores and all(map(is_trained_parameter, stores))) or (not stores and is_inherited_parameter(owner, name, self._flow.project)):
            return Fact(Sort.TENSOR, History.LIVE, (f"self.{name} is a parameter",))
        return known

    def _definition(self, definition: Definition) -> Fact:
        fact = super()._definition(definition)
        if fact.sort not in (Sort.UNKNOWN, Sort.TENSOR) or fact.history is not History.MAYBE:
            return fact
        if definition.binding is Binding.PARAMETER:
            return self._input(definition.name) or fact
        return self._parameter_of_module(definition) or fact if definition.binding is Binding.LOOP else fact

    @property
    def _flow(self) -> FunctionFlow:
        assert self.training is not None
        return self.training.flow

    def _parameter_of_module(self, definition: Definition) -> Fact | None:
        assert self.training is not None
        iterable = source_of(definition, self.training.parents, self._flow.qualify)
        module = module_of_parameters(resolved(iterable, self.training.seen_by, self._flow.qualify))
        if module is None:
            return None
        text = self._flow.short(module)
        return Fact(Sort.TENSOR, History.LIVE, (f"`{definition.name}` is a parameter of `{text}`",))

    def _input(self, name: str) -> Fact | None:
        """The input of a module's forward, or what the module's methods pass to this one."""
        entry = self._flow.entry
        if entry.owner is None or self._flow.project.module_evidence(entry.owner) is None:
            return None
        if entry.name == "forward":
            return self._first_input(entry, entry.owner, name)
        calls = [call for call in self._flow.project.callers(entry) if call.certain and call.caller is not entry]
        facts = [self._passed(call, entry, name) for call in calls]
        return either(facts) if facts else None

    def _first_input(self, entry: FunctionEntry, owner: ClassEntry, name: str) -> Fact | None:
        arguments = [node.arg for node in (*entry.node.args.posonlyargs, *entry.node.args.args)][1:2]
        evidence = tensor_parameters(entry).get(name)
        if arguments != [name] or evidence is None or class_fact(owner, self._flow.project).sort not in (Sort.MODULE, Sort.OPERATION):
            return None
        if self._flow.project.stands_apart(owner):
            return None  # nothing trained stands in front of it
        return Fact(Sort.TENSOR, History.LIVE, (f"`{name}` is the input of a trained module's forward", evidence))

    def _passed(self, call: Call, entry: FunctionEntry, name: str) -> Fact:
        from lintorch.flow.parameter import passed_expression

        value = passed_expression(entry, call.node, name)
        if call.caller is None or not isinstance(value, ast.Name):
            return UNKNOWN
        try:
            other = self._flow.of(call.caller).training
            made = [definition for definition in other.flow.graph.definitions.values() if definition.name == value.id]
            return either([other.upstream.definition(definition) for definition in made])
        except Unmappable:
            return UNKNOWN


def is_inherited_parameter(owner: ClassEntry, name: str, project: Project) -> bool:
    """`self.weight` of a class that is built on one of torch's layers."""
    return name == "weight" and any(base.startswith(_LAYERS) for base in project.ancestry(owner).external)


def is_trained_parameter(store: Store) -> bool:
    """Does a store make a parameter, not one that asks for no gradient?"""
    value = store.value
    made = isinstance(value, ast.Call) and (store.method.module.qualify(value.func) or "").rpartition(".")[2] == "Parameter"
    if not isinstance(value, ast.Call) or not made:
        return False
    flags = [word.value for word in value.keywords if word.arg == "requires_grad"]
    return all(isinstance(flag, ast.Constant) and flag.value is True for flag in flags) and len(value.args) < 2
