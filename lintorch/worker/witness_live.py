"""What is alive: autograd nodes and storages, counted by objects that keep neither alive.

Nodes: a sentinel lies in the `metadata` dict that the C++ node owns, and only a weak set knows it; sentinel and node die together.
Saved-tensor hooks would not do: a pack hook that hands back the live tensor leaks by itself, and after backward nothing is saved although the nodes live on.
Storages: weak references on the storage itself, so those held from C++ alone (saved tensors, hooks) are seen too.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

_MARK = "lintorch.witness"
_SCANNED_EACH_OP = 256


class _Sentinel:
    """Dies with the node whose metadata holds it."""


class LiveNodes:
    """Autograd nodes first met since construction and still alive; AccumulateGrad, one per leaf and no cost of a step, is left out."""

    def __init__(self) -> None:
        self._sentinels: weakref.WeakSet[_Sentinel] = weakref.WeakSet()

    def __len__(self) -> int:
        return len(self._sentinels)

    def meet(self, tensor: torch.Tensor) -> None:
        """Marks every node that `tensor` can reach and that carries no mark yet."""
        pending = [_grad_fn(tensor)]
        while pending:
            node = pending.pop()
            if node is None or type(node).__name__ == "AccumulateGrad" or _MARK in node.metadata:
                continue  # an older mark ends the walk: edges lead from newer nodes to older ones only
            node.metadata[_MARK] = sentinel = _Sentinel()
            self._sentinels.add(sentinel)
            pending.extend(following for following, _ in node.next_functions)


class LiveStorages:
    """Storages first met since construction and still alive, and their bytes; those of `outside` (parameters, data sets) do not count."""

    def __init__(self, outside: Iterable[torch.Tensor] = ()) -> None:
        # Weak references, not bare addresses: while one is held its address is not given to another storage.
        self._outside = {ref.cdata: ref for ref in map(_storage_ref, outside) if ref is not None}
        self._met: dict[int, tuple[StorageWeakRef, int]] = {}

    def __len__(self) -> int:
        return len(self._met)

    def meet(self, tensor: torch.Tensor) -> None:
        """Counts the storage behind `tensor`; one that was resized since is counted anew."""
        ref = _storage_ref(tensor)
        if ref is not None and ref.cdata not in self._outside:
            self._met[ref.cdata] = (ref, tensor.untyped_storage().nbytes())

    def bytes(self) -> int:
        """Bytes of the storages alive now."""
        self._met = {address: met for address, met in self._met.items() if not met[0].expired()}  # type: ignore[no-untyped-call]
        return sum(size for _, size in self._met.values())


class Observer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Once begun, meets every tensor that goes into or comes out of an operation, and samples the live bytes for `peak`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._begun = False
        self._operations = 0
        self._nodes = LiveNodes()
        self._storages = LiveStorages()
        self._prior: list[weakref.ref[torch.Tensor]] = []

    def begin(self) -> None:
        """Counts from here on: what exists now (models, data, optimizers) is outside. Freezes it too, or each collection would walk all of torch again."""
        prior = list(python_tensors())
        self._storages = LiveStorages(prior)
        self._prior = [weakref.ref(tensor) for tensor in prior]
        self._begun = True
        gc.freeze()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs the operation unchanged."""
        if not self._begun:
            return func(*args, **(kwargs or {}))
        for tensor in tensors_in((args, kwargs)):
            self._nodes.meet(tensor)  # results get their node after this mode has run, so nodes are met where they are read
            self._storages.meet(tensor)
        result = func(*args, **(kwargs or {}))
        for tensor in tensors_in(result):
            self._storages.meet(tensor)
        self._operations += 1
        if self._operations % (1 + len(self._storages) // _SCANNED_EACH_OP) == 0:
            self.peak = max(self.peak, self._storages.bytes())
        return result

    def level(self) -> tuple[int, int]:
        """Live nodes and live bytes now, those of tensors that no operation has read yet included."""
        with torch._C.DisableTorchFunctionSubclass():
            for tensor in self._visible():
                self._nodes.meet(tensor)
                if tensor.dim():  # a 0-dim tensor that no operation made is a Python number that autograd saved
                    self._storages.meet(tensor)
        held = self._storages.bytes()
        self.peak = max(self.peak, held)
        return len(self._nodes), held

    def _visible(self) -> Iterator[torch.Tensor]:
        # Frozen objects are out of the collector's sight, so those from before are asked for by name.
        for ref in self._prior:
            tensor = ref()
            if tensor is not None:
                yield tensor
        yield from python_tensors()


def python_tensors() -> Iterator[torch.Tensor]:
    """Every tensor that the garbage collector tracks (not the frozen ones)."""
    for thing in gc.get_objects():
        if issubclass(type(thing), torch.Tensor):  # isinstance would ask proxies for their __class__
            yield thing


def tensors_in(value: object) -> Iterator[torch.Tensor]:
    """The tensors in nested tuples, lists and dicts, as operations take and give them."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(tuple(value.values()))


def _grad_fn(tensor: torch.Tensor) -> Any:
    try:
        # A view of a leaf makes a new node when asked after the optimizer changed the leaf; its own node is met behind the operation that read it.
        return None if tensor._is_view() and tensor._base is not None and tensor._base.is_leaf else tensor.grad_fn
    except RuntimeError:  # a view of what was changed in place under no_grad cannot rebuild its node
        return None


def _storage_ref(tensor: torch.Tensor) -> StorageWeakRef | None:
    try:
        return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]
    except (NotImplementedError, RuntimeError):  # sparse and wrapper tensors have none
        return None
