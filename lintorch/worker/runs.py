"""Runs a target as planned, forward and backward, and observes every run."""

from __future__ import annotations

import contextlib
import io
import random
import re
import sys
import warnings
from typing import Any, Callable, ContextManager, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch

from .memory import LiveBytes
from .nesting import Leaf, rebuild, tensors, walk
from .observe import Listing, Owners, Record, StateDigests, add_globals, add_leaf, add_tensor, add_value, outlook
from .protocol import Call, Plan
from .state import held_tensors, plain_attributes
from .trace import CallLog, Tracer

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_PRINTED_CHARACTERS = 1 << 16
_NOTHING = contextlib.nullcontext()

# What is observed of a run, in the order in which a difference is told.
SECTIONS = ("raised", "output", "gradient", "argument", "state", "attributes", "globals", "warnings", "prints")


class Variant(NamedTuple):
    """One call and the values of its tensors for each seed. `with_grad`: floating inputs ask for gradients."""

    call: Call
    values: Dict[int, List[Optional[torch.Tensor]]]  # None: the tensor is used as it was built
    with_grad: bool


class Subject(NamedTuple):
    """What is run. `names` gives the name under which a tensor of the target is reported, where the version calls it otherwise."""

    target: Any
    variants: List[Variant]
    names: Dict[str, str]

    @property
    def has_modes(self) -> bool:
        """Is it a module, which has a train and an eval mode?"""
        return isinstance(self.target, torch.nn.Module)


class Situation(NamedTuple):
    """Where in the plan a run stands; `grad` is False for the forward without a graph."""

    seed: int
    mode: str
    variant: int
    repeat: int
    grad: bool

    @property
    def key(self) -> str:
        """A readable name: `seed 0, train, call 1`, with the variant where it is not the main one."""
        variant = f", variant {self.variant + 1}" if self.variant else ""
        return f"seed {self.seed}, {self.mode}{'' if self.grad else ' under no_grad'}{variant}, call {self.repeat + 1}"


class Seen(NamedTuple):
    """A run's records by section. `outlook` says what its outputs are worth as evidence; `raised` what it raised, if it did."""

    key: str
    mode: str
    records: Dict[str, Record]
    outlook: str
    differentiable: bool
    raised: Optional[str]


class Sink(io.TextIOBase):
    """Stands for standard output: keeps the first characters written and counts the rest."""

    def __init__(self) -> None:
        self.text, self.dropped = "", 0

    def write(self, text: str) -> int:
        """Keep what still fits."""
        kept = text[: _PRINTED_CHARACTERS - len(self.text)]
        self.text += kept
        self.dropped += len(text) - len(kept)
        return len(text)

    def take(self) -> Tuple[str, int]:
        """What was written since the last time."""
        taken = (self.text, self.dropped)
        self.text, self.dropped = "", 0
        return taken


def seed_all(seed: int) -> None:
    """Seed every global generator a module may draw from."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed also keeps a stack trace for each absent accelerator
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)


def situations(subject: Subject, plan: Plan) -> Iterator[Situation]:
    """The runs of a plan in order: repeated calls with the first seed, then one forward of each without a graph; then the other seeds."""
    modes = plan["modes"] if subject.has_modes else ["call"]
    variants = range(len(subject.variants))
    first = plan["seeds"][0]
    for mode in modes:
        yield from (Situation(first, mode, variant, repeat, grad=True) for variant in variants for repeat in range(plan["repeats"]))
    yield from (Situation(first, mode, variant, 0, grad=False) for mode in modes for variant in variants)
    for seed in plan["seeds"][1:]:
        yield from (Situation(seed, mode, variant, 0, grad=True) for mode in modes for variant in variants)


class Runner:
    """Runs a subject. `make_record(key, section)` says how a section of a run is kept; `around` is entered round everything that is the subject's own code."""

    def __init__(self, subject: Subject, plan: Plan, make_record: Callable[[str, str], Record], sink: Sink, around: ContextManager[Any] = _NOTHING) -> None:
        self.subject, self.plan, self.make_record, self.sink, self.around = subject, plan, make_record, sink, around
        self._digests = StateDigests()
        self._cotangents: Dict[Any, torch.Tensor] = {}
        self._outlook = ""

    def run_all(self) -> Iterator[Seen]:
        """Run the plan one call after the other, without any reset between."""
        return map(self.run, situations(self.subject, self.plan))

    def run(self, situation: Situation) -> Seen:
        """One forward and backward, and what it left behind."""
        records = {section: self.make_record(situation.key, section) for section in SECTIONS}
        given = self._set_up(situation)
        with warnings.catch_warnings(record=True) as caught, torch.set_grad_enabled(situation.grad):
            warnings.simplefilter("always")
            result = self._run(situation, given, records)
            heard = list(caught)
            self._record_rest(situation, given, records)
        for warning in heard:
            records["warnings"].add(warning.category.__name__, [_ADDRESS.sub("", str(warning.message))])
        records["prints"].add("standard output", list(self.sink.take()))
        return result

    def trace(self, situation: Situation, tracer: Tracer) -> List[str]:
        """The same forward and backward, written down by `tracer`; returns the modules called, in order."""
        given = self._set_up(situation)
        for path, tensor in [*self._held_tensors(), *given.named()]:
            tracer.name(tensor, path)
        with warnings.catch_warnings(), CallLog(self.subject.target, self.subject.names) as log:
            warnings.simplefilter("ignore")
            with tracer:
                output = given.call(self.subject.target)
            tracer.tell("output", output)
            produced = [tensor for _, tensor in tensors(output, "output")] + given.mutated()
            self._backward(situation.seed, produced, tracer)
        tracer.tell("gradients", [tensor.grad for _, tensor in [*self._held_tensors(), *given.leaves] if tensor.is_leaf])
        tracer.tell("state", [tensor for _, tensor in self._held_tensors()])
        self._drop_gradients()
        return log.calls

    def train(self, situation: Situation) -> None:
        """The same forward and backward as a training loop does them: nothing is kept but what the subject itself keeps."""
        given = self._set_up(situation)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = given.call(self.subject.target)
            self._backward(situation.seed, [tensor for _, tensor in tensors(output, "output")], retain_graph=False)
        self._drop_gradients()

    def gradients(self, situation: Situation) -> List[Tuple[str, torch.Tensor]]:
        """The gradients that the same forward and backward gives, by the name of what they belong to."""
        given = self._set_up(situation)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = given.call(self.subject.target)
            self._backward(situation.seed, [tensor for _, tensor in tensors(output, "output")] + given.mutated())
        found = [(path, tensor.grad) for path, tensor in (*self._held_tensors(), *given.leaves) if tensor.is_leaf and tensor.grad is not None]
        self._drop_gradients()
        return found

    def weigh(self, situation: Situation) -> LiveBytes:
        """The live bytes of the same forward (and backward, with grad); arguments and gradients count, parameters do not."""
        given = self._set_up(situation)
        counter = LiveBytes(tensor for _, tensor in given.named())
        with warnings.catch_warnings(), torch.set_grad_enabled(situation.grad):
            warnings.simplefilter("ignore")
            with counter:
                output = given.call(self.subject.target)
            if situation.grad:
                self._backward(situation.seed, [tensor for _, tensor in tensors(output, "output")] + given.mutated(), counter)
        self._drop_gradients()
        return counter

    def _held_tensors(self) -> List[Tuple[str, torch.Tensor]]:
        names = self.subject.names
        return [(names.get(path, path), tensor) for path, _, tensor in held_tensors(self.subject.target)]

    def _set_up(self, situation: Situation) -> "Supplied":
        variant = self.subject.variants[situation.variant]
        if self.subject.has_modes:
            self.subject.target.train(situation.mode == "train")
        given = Supplied(variant.call, variant.values[situation.seed], variant.with_grad and situation.grad)
        if situation.repeat == 0:
            seed_all(1_000 * situation.seed + 10 * situation.variant + (situation.mode == "eval"))
        self.sink.take()
        return given

    def _run(self, situation: Situation, given: "Supplied", records: Dict[str, Record]) -> Seen:
        differentiable, raised = False, None
        try:
            with self.around:
                output = given.call(self.subject.target)
            mine = self._held_tensors()
            leaves = list(walk(output, "output"))
            self._record_output(leaves, Owners([*given.named(), *mine]), records["output"])
            produced = [leaf.value for leaf in leaves if leaf.kind == "tensor"] + given.mutated()
            if self._outlook != "good":  # one good look is enough
                self._outlook = outlook(produced)
            if situation.grad:
                differentiable = self._backward(situation.seed, produced, self.around)
                self._record_gradients(given, mine, records["gradient"])
        except (Exception, SystemExit) as error:
            raised = describe_error(error)
            records["raised"].add("raised", [raised])
        return Seen(situation.key, situation.mode, records, self._outlook or "flat", differentiable, raised)

    @staticmethod
    def _record_output(leaves: List[Leaf], owners: Owners, record: Record) -> None:
        for leaf in leaves:
            add_leaf(record, leaf, owners)

    def _backward(self, seed: int, produced: Sequence[torch.Tensor], mode: ContextManager[Any] = _NOTHING, retain_graph: bool = True) -> bool:
        """Backward from a random cotangent over everything that has a graph; was there anything?"""
        ends = [tensor for tensor in {id(tensor): tensor for tensor in produced}.values() if _has_graph(tensor)]
        if ends:
            # The graph is kept where outcomes are compared: a module may carry a live state into its next call.
            cotangents = [self._cotangent(seed, place, end) for place, end in enumerate(ends)]
            with mode:
                torch.autograd.backward(ends, cotangents, retain_graph=retain_graph)
        return bool(ends)

    def _cotangent(self, seed: int, place: int, end: torch.Tensor) -> torch.Tensor:
        key = (seed, place, end.shape, end.dtype)
        if key not in self._cotangents:
            generator = torch.Generator().manual_seed(7_919 * seed + place)
            kind = torch.complex64 if end.is_complex() else torch.float32
            self._cotangents[key] = torch.randn(end.shape, generator=generator, dtype=kind).to(end.dtype)
        return self._cotangents[key]

    def _record_gradients(self, given: "Supplied", mine: Sequence[Tuple[str, torch.Tensor]], record: Record) -> None:
        for path, tensor in (*mine, *given.leaves):
            if tensor.requires_grad and tensor.is_leaf:
                add_value(record, tensor.grad, f"gradient of {path}")

    def _record_rest(self, situation: Situation, given: "Supplied", records: Dict[str, Record]) -> None:
        """Arguments and state after the run; gradients are dropped on the way."""
        add_value(records["argument"], given.arguments, "arguments")
        thorough = situation.repeat == self.plan["repeats"] - 1 or situation.seed != self.plan["seeds"][0]
        names = self.subject.names
        for path, kind, tensor in held_tensors(self.subject.target):
            self._record_tensor(records["state"], f"{kind} {names.get(path, path)}", tensor, thorough)
            if tensor.is_leaf:
                tensor.grad = None
        for prefix, plain in plain_attributes(self.subject.target):
            for name, value in plain:
                add_value(records["attributes"], value, f"attribute {prefix}.{name}" if prefix else f"attribute {name}")
        add_globals(records["globals"])

    def _record_tensor(self, record: Record, path: str, tensor: torch.Tensor, thorough: bool) -> None:
        if isinstance(record, Listing) or tensor.layout != torch.strided:
            add_tensor(record, path, tensor)
        else:
            record.add(path, (tensor.dtype, tensor.shape, tensor.stride(), tensor.requires_grad), self._digests.of(tensor, thorough))

    def _drop_gradients(self) -> None:
        for _, tensor in self._held_tensors():
            if tensor.is_leaf:
                tensor.grad = None


def _has_graph(tensor: torch.Tensor) -> bool:
    differentiable = tensor.is_floating_point() or tensor.is_complex()
    return tensor.requires_grad and differentiable and tensor.layout == torch.strided and not tensor.is_nested


def describe_error(error: BaseException) -> str:
    """`ValueError: first line`, without addresses, which differ between processes."""
    lines = str(error).strip().splitlines()
    return _ADDRESS.sub("0x", f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__)


class Supplied:
    """The arguments of one run: fresh copies, so that a run that writes into them spoils no later one."""

    def __init__(self, call: Call, values: Sequence[Optional[torch.Tensor]], with_grad: bool) -> None:
        self.method, args, kwargs = call
        self.leaves: List[Tuple[str, torch.Tensor]] = []
        self._copies: Dict[int, torch.Tensor] = {}
        self._versions: Dict[int, int] = {}
        self._values, self._with_grad = iter(values), with_grad
        self.arguments = rebuild((args, kwargs), self._copy)

    def _copy(self, original: torch.Tensor) -> torch.Tensor:
        """A copy of the next sent value; the same one wherever the same tensor was given twice."""
        if id(original) not in self._copies:
            value = next(self._values, None)
            copied = original.detach().clone() if value is None else _laid_out_like(original, value)
            if self._with_grad and (copied.is_floating_point() or copied.is_complex()) and copied.layout == torch.strided:
                leaf = copied.requires_grad_()
                self.leaves.append((f"argument {len(self._copies)}", leaf))
                copied = leaf.clone()  # not a leaf itself, which may not be written in place
            self._copies[id(original)] = copied
            self._versions[id(copied)] = copied._version
        return self._copies[id(original)]

    def call(self, target: Any) -> Any:
        """Call the target as told."""
        args, kwargs = self.arguments
        method = target if self.method == "__call__" else getattr(target, self.method)
        return method(*args, **kwargs)

    def named(self) -> Iterator[Tuple[str, torch.Tensor]]:
        """The tensors given, each with a name."""
        return ((f"argument {place}", tensor) for place, tensor in enumerate(self._copies.values()))

    def mutated(self) -> List[torch.Tensor]:
        """The tensors given that were written into."""
        return [tensor for tensor in self._copies.values() if tensor._version != self._versions[id(tensor)]]


def _laid_out_like(original: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """A copy of `value` with the strides of `original`."""
    copied = value.detach().clone()
    if original.layout != torch.strided or copied.stride() == original.stride():
        return copied
    with contextlib.suppress(RuntimeError):  # expanded: one place in memory for many values
        return torch.empty_strided(original.shape, original.stride(), dtype=copied.dtype).copy_(copied)
    return copied


def distinct_tensors(call: Call) -> List[torch.Tensor]:
    """The different tensors of a call in the order in which `Supplied` asks for their values."""
    found: Dict[int, torch.Tensor] = {}
    rebuild((call[1], call[2]), lambda tensor: found.setdefault(id(tensor), tensor))
    return list(found.values())
