"""Peak live bytes of a run: the storages that operations made and that are still referenced, counted after each operation."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call, unused-ignore]
    """While entered, counts the bytes of the `given` tensors' storages and of those that operations create, as long as somebody refers to them.

    Other storages that exist before (parameters) are not counted; memory an operation uses inside itself is not seen. `series` is what was live
    before the first operation and after each.
    """

    def __init__(self, given: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.live = self.peak = 0
        self._sizes: Dict[int, Tuple[Any, int]] = {}
        self._outside: Dict[int, Any] = {}
        for tensor in given:
            self._note_made(tensor)
        self.peak = self.live
        self.series: List[int] = [self.live]

    def __torch_dispatch__(self, func: Any, types: Sequence[type], args: Tuple[Any, ...] = (), kwargs: Optional[Dict[str, Any]] = None) -> Any:
        for tensor in _tensors((args, kwargs)):
            self._note_outside(tensor)
        result = func(*args, **(kwargs or {}))
        for tensor in _tensors(result):
            self._note_made(tensor)
        self._drop_dead()
        self.peak = max(self.peak, self.live)
        self.series.append(self.live)
        return result

    def _note_outside(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._sizes and storage._cdata not in self._outside:
            self._outside[storage._cdata] = _weak(storage)

    def _note_made(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        known = self._sizes.get(key)
        if key in self._outside:
            return
        if known is None:
            self._sizes[key] = (_weak(storage), 0)
        self._resize(key, storage.nbytes())

    def _resize(self, key: int, size: int) -> None:
        reference, before = self._sizes[key]
        self._sizes[key] = (reference, size)
        self.live += size - before

    def _drop_dead(self) -> None:
        """Forget storages that are gone. A weak reference keeps the address of its storage from being used again, so keys stay unique."""
        for key in [key for key, (reference, _) in self._sizes.items() if reference.expired()]:
            self.live -= self._sizes.pop(key)[1]


def _weak(storage: torch.UntypedStorage) -> Any:
    make: Callable[[Any], Any] = StorageWeakRef
    return make(storage)


def _tensors(value: Any) -> "list[torch.Tensor]":
    return [leaf for leaf in tree_iter(value) if isinstance(leaf, torch.Tensor) and leaf.layout == torch.strided and not leaf.is_nested]
