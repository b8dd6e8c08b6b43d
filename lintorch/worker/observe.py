"""Records what a run left behind: each value as a line of facts and, for tensors, their bytes; kept as one digest, or listed in full."""

from __future__ import annotations

import ctypes
import hashlib
import random
import sys
import weakref
from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

import torch

from .nesting import Leaf, walk

# Taken before any user code could replace them.
_hasher = hashlib.blake2b
Raw = Union[bytes, "ctypes.Array[ctypes.c_char]"]
_PLAIN_TENSORS = frozenset({torch.Tensor, torch.nn.Parameter})
_DTYPE_NAMES = {dtype: str(dtype).replace("torch.", "") for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)}
_SIMPLE = frozenset({bool, int, float, str, type(None)})
_KEPT_BYTES = 1 << 20  # tensors of state above this size are hashed again only when their version counter moved, or at a thorough look


class Record:
    """One section of one run (its outputs, say): facts in order, boiled down to a digest."""

    def __init__(self) -> None:
        self._facts: List[Any] = []
        self._hash = _hasher(digest_size=16)

    def add(self, path: str, facts: Any, raw: Optional[Raw] = None) -> None:
        """Add a value: `facts` tell it by their repr; `raw` are its bytes, row by row."""
        self._facts.append((path, facts, raw is None))
        if raw is not None:
            self._hash.update(raw)

    def result(self) -> str:
        """The digest of everything added."""
        whole = self._hash.copy()
        whole.update(repr(self._facts).encode())
        return whole.hexdigest()


def in_brief(key: str, section: str) -> Record:
    """A record that keeps a digest alone."""
    return Record()


class Listing(Record):
    """A record that keeps everything, so that two of them can be compared value by value."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: List[Tuple[str, Any]] = []
        self.raws: List[Optional[bytes]] = []

    def add(self, path: str, facts: Any, raw: Optional[Raw] = None) -> None:
        """Add a value and keep a copy of it."""
        super().add(path, facts, raw)
        self.entries.append((path, facts))
        self.raws.append(None if raw is None else bytes(raw))


def raw_bytes(tensor: torch.Tensor) -> Raw:
    """The values of a dense tensor row by row, without a copy where it is contiguous in memory."""
    plain = tensor
    if tensor.is_complex() or tensor.is_neg() or not tensor.is_contiguous() or tensor.device.type != "cpu":
        plain = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
    size = plain.numel() * plain.element_size()
    if size == 0:
        return b""
    array = (ctypes.c_char * size).from_address(plain.data_ptr())
    array._keeps = plain  # type: ignore[attr-defined]  # the memory lives as long as the view of it
    return array


def digest(raw: Raw) -> str:
    """A digest of bytes."""
    return _hasher(raw, digest_size=16).hexdigest()


def dtype_name(tensor: torch.Tensor) -> str:
    """`float32` for torch.float32."""
    return _DTYPE_NAMES[tensor.dtype]


class Owners:
    """Who holds which storage: says of each tensor the first name its memory was seen under."""

    def __init__(self, named: Iterable[Tuple[str, torch.Tensor]] = ()) -> None:
        self._names: Dict[int, str] = {}
        for path, tensor in named:
            self.claim(path, tensor)

    def claim(self, path: str, tensor: torch.Tensor) -> str:
        """The name the memory of `tensor` is known by, which is `path` if it is new."""
        try:
            address = tensor.untyped_storage().data_ptr()
        except (RuntimeError, NotImplementedError):  # no storage: sparse and the like
            return path
        return self._names.setdefault(address, path) if address else path


def add_value(record: Record, value: Any, path: str, owners: Optional[Owners] = None) -> None:
    """Record every place of `value`."""
    if type(value) in _SIMPLE and not isinstance(record, Listing):  # nearly all attributes of modules
        record.add(path, value)
        return
    for leaf in walk(value, path):
        add_leaf(record, leaf, owners)


def add_leaf(record: Record, leaf: Leaf, owners: Optional[Owners] = None) -> None:
    """Record one place of a value."""
    if leaf.kind == "tensor":
        add_tensor(record, leaf.path, leaf.value, owners)
    elif leaf.kind == "array":
        record.add(leaf.path, ["array", str(leaf.value.dtype), list(leaf.value.shape), list(leaf.value.strides)], leaf.value.tobytes())
    elif leaf.kind == "opaque":
        record.add(leaf.path, ["opaque", type(leaf.value).__qualname__])
    else:
        record.add(leaf.path, [leaf.kind, type(leaf.value).__qualname__, repr(leaf.value)])


def add_tensor(record: Record, path: str, tensor: torch.Tensor, owners: Optional[Owners] = None) -> None:
    """Record a tensor: its facts (dtype, shape, stride, layout, whether it has a graph, whose memory it shares) and its bytes."""
    if type(tensor) in _PLAIN_TENSORS:
        _add_plain_tensor(record, path, tensor, owners)
    else:
        with torch._C.DisableTorchFunctionSubclass():
            _add_plain_tensor(record, path, tensor, owners)


def _add_plain_tensor(record: Record, path: str, tensor: torch.Tensor, owners: Optional[Owners]) -> None:
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        _add_parts(record, path, tensor)
        return
    shares = owners.claim(path, tensor) if owners else path
    record.add(path, [*_facts(tensor), None if shares == path else f"{shares}+{tensor.storage_offset()}"], raw_bytes(tensor))


def _facts(tensor: torch.Tensor) -> List[Any]:
    flags = (tensor.requires_grad, tensor.is_conj(), tensor.is_neg())
    return ["tensor", type(tensor).__qualname__, dtype_name(tensor), list(tensor.shape), list(tensor.stride()), tensor.device.type, *flags]


def _add_parts(record: Record, path: str, tensor: torch.Tensor) -> None:
    """Record a tensor that is stored as several dense ones."""
    record.add(path, ["node", type(tensor).__qualname__, f"{tensor.layout} {dtype_name(tensor)} {_shape(tensor)} {tensor.requires_grad}"])
    for name, part in _dense_parts(tensor.detach()).items():
        record.add(f"{path}.{name}", _facts(part) + [None], raw_bytes(part))


def _shape(tensor: torch.Tensor) -> Any:
    return "nested" if tensor.is_nested else list(tensor.shape)


def _dense_parts(tensor: torch.Tensor) -> Dict[str, torch.Tensor]:
    if tensor.is_nested:
        return {f"[{index}]": part for index, part in enumerate(tensor.unbind())}
    if tensor.is_quantized:
        return {"int_repr()": tensor.int_repr(), "dequantize()": tensor.dequantize()}
    if tensor.layout == torch.sparse_coo:
        whole = tensor.coalesce()
        return {"indices()": whole.indices(), "values()": whole.values()}
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return {"crow_indices()": tensor.crow_indices(), "col_indices()": tensor.col_indices(), "values()": tensor.values()}
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return {"ccol_indices()": tensor.ccol_indices(), "row_indices()": tensor.row_indices(), "values()": tensor.values()}
    return {"to_dense()": tensor.to_dense()}


class StateDigests:
    """Digests of a module's tensors, remembered for large ones as long as their version counter stands still."""

    def __init__(self) -> None:
        self._known: Dict[int, Tuple[Any, int, int, bytes]] = {}

    def of(self, tensor: torch.Tensor, thorough: bool) -> bytes:
        """The digest of a tensor's bytes. A write through `.data` moves no counter; `thorough` looks at the bytes whatever it says."""
        size = tensor.numel() * tensor.element_size()
        if size > _KEPT_BYTES and not thorough and self._stands(tensor):
            return self._known[id(tensor)][3]
        found = digest(raw_bytes(tensor)).encode()
        self._known[id(tensor)] = (weakref.ref(tensor), tensor._version, tensor.data_ptr(), found)
        return found

    def _stands(self, tensor: torch.Tensor) -> bool:
        known = self._known.get(id(tensor))
        return known is not None and known[0]() is tensor and known[1:3] == (tensor._version, tensor.data_ptr())


def add_globals(record: Record) -> None:
    """Record what a call may have changed outside everything it was given: generators' states, grad mode, default dtype."""
    record.add("torch's random state", [], raw_bytes(torch.default_generator.get_state()))
    _, words, rest = random.getstate()
    record.add("random's state", [hash(words), rest])
    if "numpy" in sys.modules:
        state = sys.modules["numpy"].random.get_state()
        record.add("numpy's random state", [state[2:]], state[1].tobytes())
    record.add("grad mode", [torch.is_grad_enabled()])
    record.add("default dtype", [str(torch.get_default_dtype())])


def outlook(tensors: Iterable[torch.Tensor]) -> str:
    """What outputs are worth as evidence: "good" if one has two different finite values, else "flat", else "nan" if none has a finite one."""
    verdict = "nan"
    empty = True
    for tensor in tensors:
        empty = False
        worth = _worth(tensor)
        if worth == "good":
            return worth
        verdict = worth if worth == "flat" else verdict
    return "flat" if empty else verdict


def _worth(tensor: torch.Tensor) -> str:
    with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
        plain = tensor.detach()
        if plain.layout != torch.strided or plain.is_nested or plain.is_quantized:
            return "good"
        if plain.is_complex():
            plain = torch.view_as_real(plain.resolve_conj())
        if plain.numel() == 0:
            return "flat"
        if plain.is_floating_point():
            plain = plain[torch.isfinite(plain)]
        if plain.numel() == 0:
            return "nan"
        return "good" if bool((plain != plain.reshape(-1)[0]).any()) else "flat"
