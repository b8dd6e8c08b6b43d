"""Stored views: a small part of a tensor that was made in the same turn of a loop keeps the storage of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.anchor import encloses
from lintorch.flow.differentiable import is_differentiable_function
from lintorch.flow.event import Binding, Definition, Kind
from lintorch.flow.fact import Sort
from lintorch.flow.fate import Fate
from lintorch.flow.given import is_given
from lintorch.flow.gradients import Gradients
from lintorch.flow.part import SHOWING, Part, part_of
from lintorch.flow.summary import returned
from lintorch.flow.tensor_use import used_as_tensor
from lintorch.flow.tree import names_in

if TYPE_CHECKING:
    from lintorch.flow.keeping import Kept
    from lintorch.flow.training import TrainingFlow

# Functions of torch whose result may share the storage of what they are given.
_SHARING = frozenset(
    {"as_tensor", "from_numpy", "asarray", "load", "narrow", "select", "unbind", "chunk", "split", "squeeze", "transpose", "reshape", "flatten"}
)
# Modules that return tuples; one index takes a tensor out of them.
_TUPLES = ("torch.nn.LSTM", "torch.nn.GRU", "torch.nn.RNN", "torch.nn.MultiheadAttention", "torch.nn.Adaptive")
# Functions of torch that return several tensors, and methods that compute a new one.
_SEVERAL = frozenset(
    {"max", "min", "topk", "sort", "median", "mode", "kthvalue", "cummax", "cummin", "aminmax", "svd", "eig", "eigh", "qr", "lu", "slogdet", "unique"}
    | {"std_mean", "var_mean", "split", "chunk", "unbind", "tensor_split", "frexp", "where", "meshgrid", "broadcast_tensors", "lstm", "gru", "load"}
)
_OPERATIONS = frozenset({"softmax", "log_softmax", "sigmoid", "tanh", "relu", "exp", "log", "matmul", "mean", "sum", "std", "norm", "clamp"})
_RESULTS = (Binding.ASSIGNED, Binding.UNPACKED)
_KEPT = frozenset({Fate.STORED, Fate.COLLECTED, Fate.RETURNED})


@dataclass(frozen=True, eq=False)
class PinnedView:
    """A stored view: what keeps it, the tensor it shows a part of, and whether a copy would be seen to differ."""

    kept: Kept
    base: cst.BaseExpression
    is_written: bool


def pinned_views(training: TrainingFlow) -> Iterator[PinnedView]:
    """Views that outlive the turn of the loop and pin tensors that nothing else keeps."""
    views = Views(training)
    if not _may_be_without_graph(training) or not training.gate.views:
        return
    for kept in training.keeping.insertions():
        base = views.base_of(kept)
        if base is not None:
            yield PinnedView(kept, base, views.is_written(base) or views.is_written(kept.value))


def _may_be_without_graph(training: TrainingFlow) -> bool:
    """Does the file cut graphs or switch gradients off at all?"""
    text = training.flow.module.source.text
    return any(word in text for word in ("detach", "no_grad", "inference_mode", "grad_enabled"))


class Views:
    """Answers for one function."""

    def __init__(self, training: TrainingFlow) -> None:
        self.training, self.flow = training, training.flow

    def base_of(self, kept: Kept) -> cst.BaseExpression | None:
        """The tensor a stored value is a small part of, where the value has no graph and the tensor was made in the same turn for nothing else."""
        value, is_detached = self._shown(kept.value)
        part = part_of(value, self._is_number)
        if part is not None:
            part, detached = self._behind(part)
            is_detached |= detached
        if part is None or not (is_detached or self.training.gradients(self.training.keeping.region(kept.statement)) is Gradients.OFF):
            return None
        is_made = self._is_made(part.base, kept) and self._is_of_tensor(part, value)
        return part.base if is_made and not self._is_held(part.base, kept.value) else None

    def _shown(self, value: cst.BaseExpression) -> tuple[cst.BaseExpression, bool]:
        """What is behind methods that show it otherwise, followed through a name; was detach among them?"""
        is_detached = False
        while True:
            if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and value.func.attr.value in SHOWING:
                is_detached |= value.func.attr.value == "detach"
                value = value.func.value
            elif isinstance(value, cst.Name) and (bound := self._bound(value)) is not None:
                value = bound
            else:
                return value, is_detached

    def _behind(self, part: Part) -> tuple[Part, bool]:
        """The tensor of which `out.detach()[0]` shows a part; only tensors have the methods that show them otherwise."""
        is_shown = isinstance(part.base, cst.Call) and isinstance(part.base.func, cst.Attribute) and part.base.func.attr.value in SHOWING
        base, is_detached = self._shown(part.base) if is_shown else (part.base, False)
        return (Part(base) if is_shown else part), is_detached

    def _bound(self, name: cst.Name) -> cst.BaseExpression | None:
        """The part or shown part that is the only thing the name may hold."""
        made = self.training.seen_by(name)
        value = made[0].value if len(made) == 1 and made[0].binding is Binding.ASSIGNED else None
        shows = isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and value.func.attr.value in SHOWING
        return value if value is not None and (shows or part_of(value, self._is_number) is not None) else None

    def _is_number(self, index: cst.BaseExpression) -> bool:
        return self.training.inference.fact(index).sort is Sort.NUMBER

    # The whole

    def _is_of_tensor(self, part: Part, value: cst.BaseExpression) -> bool:
        """One index alone may as well take a tensor from a tuple: only what certainly is one tensor counts."""
        if not part.is_doubtful or self._is_shown_slice(value):
            return True
        base = part.base
        if not isinstance(base, cst.Name):
            return isinstance(base, cst.Call) and self._returns_tensor(base)
        made = self.training.seen_by(base)
        calls = [definition.value for definition in made if definition.binding is Binding.ASSIGNED]
        returned_one = len(calls) == len(made) and all(isinstance(call, cst.Call) and self._returns_tensor(call) for call in calls)
        return returned_one or used_as_tensor(self.flow.entry, base.value)

    def _is_shown_slice(self, value: cst.BaseExpression) -> bool:
        """A slice of a tuple is a tuple, which has none of the methods that show a tensor otherwise."""
        method = self.training.parents.get(value)
        is_slice = isinstance(value, cst.Subscript) and isinstance(value.slice[0].slice, cst.Slice)
        return is_slice and isinstance(method, cst.Attribute) and method.attr.value in SHOWING

    def _returns_tensor(self, call: cst.Call) -> bool:
        name = self.flow.qualify(call.func) or ""
        if name.startswith("torch."):
            return name.rpartition(".")[2] not in _SEVERAL
        callee = self.training.inference.fact(call.func)
        if callee.of_class is not None:
            forward = self.flow.project.ancestry(callee.of_class).method("forward")
            return forward is not None and returned(forward, self.flow).sort is Sort.TENSOR
        return any(sentence.startswith("torch.nn.") and not sentence.startswith(_TUPLES) for sentence in callee.evidence)

    def _is_made(self, base: cst.BaseExpression, kept: Kept) -> bool:
        """Is the tensor the result of a module or an operation of the same turn?"""
        if isinstance(base, cst.Attribute):
            return isinstance(base.value, cst.Name) and self._is_made(base.value, kept)
        if isinstance(base, cst.Name):
            made = self.training.seen_by(base)
            return bool(made) and all(self._is_result(definition, kept) for definition in made)
        return isinstance(base, cst.Call) and self._computes(base)

    def _is_result(self, definition: Definition, kept: Kept) -> bool:
        statement, loop = definition.statement, kept.keeper.loop
        value = statement.value if isinstance(statement, cst.Assign) else None
        while isinstance(value, cst.Attribute):  # `model(x).logits`
            value = value.value
        within = loop is None or encloses(loop, definition.event.region)
        return within and definition.binding in _RESULTS and isinstance(value, cst.Call) and self._computes(value)

    def _computes(self, call: cst.Call) -> bool:
        """A module, an operation of torch, or a parameter that is called; the latter for values known to be tensors without graphs."""
        if is_given(self.training, call.func) or self.training.inference.fact(call.func).sort.is_module:
            return True
        name = self.flow.qualify(call.func) or ""
        if name.startswith("torch.") and name.rpartition(".")[2] not in _SHARING:
            return is_differentiable_function(name) or self.training.inference.fact(call).sort is Sort.TENSOR
        return isinstance(call.func, cst.Attribute) and call.func.attr.value in _OPERATIONS

    # Copies that would make no difference, or one

    def _is_held(self, base: cst.BaseExpression, value: cst.BaseExpression) -> bool:
        """Is all of the tensor kept elsewhere as well?"""
        inside = set(names_in(value)) | set(names_in(base))
        made = {made for name in names_in(base) for made in self.training.seen_by(name) if made.binding in _RESULTS}
        uses = [use.node for definition in made for use in self.flow.chains.uses.get(definition.event.at, ()) if use.node not in inside]
        return any(not self._is_input(use) and _KEPT & set(self.training.fates.of_node(use)) for use in uses)

    def _is_input(self, use: cst.CSTNode) -> bool:
        """Is something new computed from it there?"""
        call = self.training.parents.get(self.training.parents.get(use, use))
        return isinstance(call, cst.Call) and self._computes(call)

    def is_written(self, node: cst.BaseExpression) -> bool:
        """May a name in the expression be written in place, so that a copy would show something else?"""
        names = {name.value for name in names_in(node)}
        return any(_writes(event.node, names) for event in self.flow.graph.events if event.kind in (Kind.SET_ITEM, Kind.CALL, Kind.OPERATE, Kind.STORE))


def _writes(node: cst.CSTNode, names: set[str]) -> bool:
    if isinstance(node, cst.Subscript):
        return isinstance(node.value, cst.Name) and node.value.value in names
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and isinstance(node.func.value, cst.Name):
        return node.func.value.value in names and node.func.attr.value.endswith("_")
    return False
