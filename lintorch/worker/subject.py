"""Makes what a job runs: the target built by a recipe, the original's values in it, the calls with the values that were sent."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import torch

from . import load, search
from .nesting import walk
from .observe import digest, raw_bytes
from .protocol import Call, Frame, LoadSpec, Recipe, TensorMeta
from .runs import Subject, Variant, describe_error, distinct_tensors, seed_all
from .state import install, match, meta_and_bytes, scaled, tensor_from, unique_tensors


class Setup(NamedTuple):
    """What the search sends to both versions: recipe, values of the module's tensors, and of the calls' tensors for each seed."""

    recipe: Recipe
    state: Dict[str, Optional[torch.Tensor]]
    state_metas: List[TensorMeta]
    values: Dict[int, List[List[Optional[torch.Tensor]]]]  # by seed, then by variant
    variants: List[Tuple[int, bool]]  # which calls are run, and whether their inputs ask for gradients

    @classmethod
    def from_frame(cls, frame: Frame) -> Setup:
        """The setup a frame carries; `far` in its head says how many times as far from zero the module's tensors and the calls' are to be."""
        head, blobs = frame.head, iter(frame.blobs)
        weights, inputs = head.get("far", (1.0, 1.0))
        state = {meta["path"]: scaled(tensor_from(meta, next(blobs)), weights) for meta in head["state"]}
        values = {int(seed): [[scaled(tensor_from(meta, next(blobs)), inputs) for meta in call] for call in calls] for seed, calls in head["values"]}
        return cls(head["recipe"], state, head["state"], values, [(place, grad) for place, grad in head["variants"]])


def setup_frame(recipe: Recipe, target: Any, calls: Dict[int, List[Call]]) -> Frame:
    """The current values of a target and its calls as a frame to be sent; `calls` are by seed."""
    state = [meta_and_bytes(path, tensor) for path, (_, tensor) in unique_tensors(target).items()]
    values = [(seed, [[meta_and_bytes("", tensor) for tensor in distinct_tensors(call)] for call in variants]) for seed, variants in calls.items()]
    metas = [(seed, [[meta for meta, _ in tensors] for tensors in variants]) for seed, variants in values]
    blobs = [blob for _, blob in state] + [blob for _, variants in values for tensors in variants for _, blob in tensors]
    return Frame({"recipe": recipe, "state": [meta for meta, _ in state], "values": metas}, blobs)


@contextlib.contextmanager
def filled_memory() -> Iterator[None]:
    """Memory that torch.empty gives is filled (with NaN, or the largest integer) instead of holding what was there before.

    On a CPU with one thread this is all that torch's deterministic mode changes.
    """
    before = torch.are_deterministic_algorithms_enabled()
    torch._C._set_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch._C._set_deterministic_algorithms(before, warn_only=True)


class NotBuilt(Exception):
    """The target could not be built; str() is what was raised."""


def materialise(recipe: Recipe, loaded: load.Loaded, seed: int) -> Tuple[Any, List[Call]]:
    """The target and its calls for a seed, with lazy parameters made by one call of the main variant."""
    with filled_memory():  # what a constructor leaves uninitialised is then the same in every process
        seed_all(seed)
        target, calls = search.materialise(recipe, loaded, seed)
    if isinstance(target, torch.nn.Module) and any(torch.nn.parameter.is_lazy(tensor) for tensor in (*target.parameters(), *target.buffers())):
        method, args, kwargs = calls[0]
        with torch.no_grad():
            (target if method == "__call__" else getattr(target, method))(*args, **kwargs)
    return target, calls


class Version(NamedTuple):
    """A version ready to run, and what its tensors were before the original's values were put into them."""

    subject: Subject
    initial: Dict[str, Tuple[str, bool]]  # by the original's name: digest of the value as constructed, and whether it is one value throughout
    loaded: load.Loaded

    @property
    def renamed(self) -> Dict[str, str]:
        """The original's name of each tensor that this version calls otherwise."""
        return {own: original for own, original in self.subject.names.items() if own != original}


def build(setup: Setup, loaded: load.Loaded) -> Version:
    """Build a version and give it the original's values; raises Unmatched where its tensors do not correspond."""
    try:
        target, calls = materialise(setup.recipe, loaded, next(iter(setup.values)))
    except (Exception, SystemExit) as error:
        raise NotBuilt(describe_error(error)) from error
    names = match(target, setup.state_metas)
    initial = {names[path]: _fingerprint(tensor) for path, (_, tensor) in unique_tensors(target).items()}
    install(target, names, setup.state)
    variants = [_variant(setup, calls, place, with_grad) for place, with_grad in setup.variants]
    return Version(Subject(target, variants, names), initial, loaded)


def _variant(setup: Setup, calls: List[Call], place: int, with_grad: bool) -> Variant:
    return Variant(calls[place], {seed: values[place] for seed, values in setup.values.items()}, with_grad)


def _fingerprint(tensor: torch.Tensor) -> Tuple[str, bool]:
    raw = bytes(raw_bytes(tensor))
    size = tensor.element_size()
    return digest(raw), raw[size:] == raw[:-size]


def load_version(spec: LoadSpec) -> load.Loaded:
    """Load a version of a file; raises CannotLoad."""
    seed_all(0)
    return load.load(spec)


def describe_arguments(call: Call) -> List[str]:
    """Each argument as a reader of a verdict sees it: `float32[2, 10]`, `mask=bool[2, 2]`, `3`."""
    method, args, kwargs = call
    told = [_describe(value) for value in args] + [f"{name}={_describe(value)}" for name, value in kwargs.items()]
    return told if method == "__call__" else [f"{method}: {', '.join(told)}"]


def _describe(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).replace('torch.', '')}{list(value.shape) if not value.is_nested else '[nested]'}"
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        inside = ", ".join(_describe(part) for part in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_describe(part)}" for key, part in value.items()) + "}"
    parts = [leaf for leaf in walk(value, "") if leaf.kind == "tensor"]
    if parts:
        return f"{type(value).__qualname__}({', '.join(leaf.path.lstrip('.') + '=' + _describe(leaf.value) for leaf in parts)})"
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__qualname__}(...)"
