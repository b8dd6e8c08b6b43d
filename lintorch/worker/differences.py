"""Compares two listings of the same runs value by value and says where they differ and by how much."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Union

import torch

from .protocol import TensorMeta
from .state import tensor_from

# (relative, absolute), as torch.testing has them; other dtypes must be equal.
_TOLERANCES = {
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.float32: (1.3e-6, 1e-5),
    torch.float64: (1e-7, 1e-7),
    torch.complex32: (1e-3, 1e-5),
    torch.complex64: (1.3e-6, 1e-5),
    torch.complex128: (1e-7, 1e-7),
}
_DTYPE, _SHAPE, _STRIDE, _DEVICE, _GRAPH, _SHARES = 2, 3, 4, 5, 6, 9  # places in a tensor's facts

_KEPT = ("state", "attributes")

Entry = Tuple[str, List[Any], Union[int, str, None]]
Listings = Dict[str, Dict[str, List[Entry]]]


def differences(before: Listings, after: Listings, old_blobs: List[bytes], new_blobs: List[bytes], graphs_count: bool = True) -> List[Dict[str, Any]]:
    """Every difference between two listings, whose entries point into the blobs of their side, in order.

    Without `graphs_count`, whether what is kept between calls has a graph is no difference. Each has run, section, path, what
    ("max abs 3.1e-04"), and `kind`: close (within tolerance), nan (only the bits of NaNs differ) or far.
    """
    found = []
    for run, sections in before.items():
        for section, entries in sections.items():
            others = after.get(run, {}).get(section, [])
            if not graphs_count and section in _KEPT:
                entries, others = _without_graphs(entries), _without_graphs(others)
            for path, kind, what in _compare(entries, others, old_blobs, new_blobs):
                found.append({"run": run, "section": section, "path": path, "kind": kind, "what": what})
    return found


def _without_graphs(entries: List[Entry]) -> List[Entry]:
    return [(path, [*facts[:_GRAPH], False, *facts[_GRAPH + 1 :]] if facts and facts[0] == "tensor" else facts, place) for path, facts, place in entries]


def _compare(before: List[Entry], after: List[Entry], old_blobs: List[bytes], new_blobs: List[bytes]) -> List[Tuple[str, str, str]]:
    old, new = {entry[0]: entry for entry in before}, {entry[0]: entry for entry in after}
    found = []
    for path, entry in old.items():
        if path not in new:
            found.append((path, "far", "is gone"))
        else:
            kind, what = _compare_entry(entry, new[path], old_blobs, new_blobs)
            if kind:
                found.append((path, kind, what))
    found += [(path, "far", "is new") for path in new if path not in old]
    if not found and [entry[0] for entry in before] != [entry[0] for entry in after]:
        found.append((before[0][0], "far", "order differs"))
    return found


def _short(facts: List[Any]) -> str:
    """What a place held, in a few words."""
    if facts and facts[0] == "tensor":
        return f"a {facts[_DTYPE]} tensor of shape {tuple(facts[_SHAPE])}"
    if facts and facts[0] in ("array", "opaque"):
        return f"an array of {facts[1]}" if facts[0] == "array" else f"an object of {facts[1]}"
    text = str(facts[-1] if facts else "nothing")
    return text if len(text) <= 80 else text[:77] + "..."


def _compare_entry(before: Entry, after: Entry, old_blobs: List[bytes], new_blobs: List[bytes]) -> Tuple[str, str]:
    """(kind, what) of the difference between two entries of one path; kind is empty where there is none."""
    (_, old, old_place), (_, new, new_place) = before, after
    if old != new:
        return "far", _facts_differ(old, new)
    if not isinstance(old_place, int) or not isinstance(new_place, int):
        return ("far", "differs, but is too large to say by how much") if old_place != new_place else ("", "")
    old_bytes, new_bytes = old_blobs[old_place], new_blobs[new_place]
    if old_bytes == new_bytes:
        return "", ""
    return _compare_values(old, old_bytes, new_bytes) if old and old[0] == "tensor" else ("far", "differs")


def _facts_differ(old: List[Any], new: List[Any]) -> str:
    if not old or not new or old[0] != "tensor" or new[0] != "tensor":
        return f"was {_short(old)}, is {_short(new)}"
    labels = {_DTYPE: "dtype", _SHAPE: "shape", _STRIDE: "stride", _DEVICE: "device", 1: "type"}
    for place, label in labels.items():
        if old[place] != new[place]:
            return f"{label} was {old[place]}, is {new[place]}"
    if old[_GRAPH] != new[_GRAPH]:
        return "has no graph any more" if old[_GRAPH] else "has a graph now"
    if old[_SHARES] != new[_SHARES]:
        return f"{_sharing(old[_SHARES])}, {_sharing(new[_SHARES])} now"
    return "facts differ"


def _sharing(shares: Optional[str]) -> str:
    return f"shared memory with {shares.rpartition('+')[0]}" if shares else "had its own memory"


def _compare_values(facts: List[Any], old_bytes: bytes, new_bytes: bytes) -> Tuple[str, str]:
    meta = TensorMeta(path="", dtype=facts[_DTYPE], shape=facts[_SHAPE])
    old, new = tensor_from(meta, old_bytes), tensor_from(meta, new_bytes)
    assert old is not None and new is not None
    unequal = (old != new) & ~(_is_nan(old) & _is_nan(new))
    count = int(unequal.sum())
    if not count:
        return ("nan", "bits of NaNs differ") if bool(_is_nan(old).any()) else ("close", "signs of zeros differ")
    wide_old, wide_new = _wide(old), _wide(new)
    gap = (wide_new - wide_old).abs()
    gap = torch.where(torch.isnan(gap), torch.full_like(gap, float("inf")), gap)
    size = float(gap[unequal].max())
    told = f"max abs {size:.1e}" + (f" at {count} of {old.numel()} places" if old.numel() > 1 else "")
    relative, absolute = _TOLERANCES.get(old.dtype, (0.0, 0.0))
    close = size < float("inf") and bool((gap[unequal] <= absolute + relative * wide_old.abs()[unequal]).all())
    return ("close" if close else "far"), told


def _is_nan(tensor: torch.Tensor) -> torch.Tensor:
    return tensor != tensor


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)
