"""A module's tensors and plain attributes by name: taken once from the original, moved away from their initial values, and put into both versions."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch

from .nesting import PLAIN, tensors
from .observe import dtype_name, raw_bytes
from .protocol import TensorMeta

_TORCHS_OWN = frozenset(vars(torch.nn.Module())) - {"training"}
_MAY_HOLD_TENSORS = (torch.Tensor, list, tuple, dict)
_PLAIN = (*PLAIN, list, tuple, dict, set, frozenset)
_TINY = 1e-3  # parameters smaller than this hide what they multiply, as zeros do


class HeldTensor(NamedTuple):
    """A tensor of a module: `kind` is parameter, buffer or attribute."""

    path: str
    kind: str
    tensor: torch.Tensor


def held_tensors(target: Any) -> List[HeldTensor]:
    """Every tensor a module holds, under each of its names, in the order of registration; attributes may nest them in lists and dicts."""
    found: List[HeldTensor] = []
    if isinstance(target, torch.nn.Module):
        for prefix, module in target.named_modules():
            dot = f"{prefix}." if prefix else ""
            found += [HeldTensor(dot + name, "parameter", tensor) for name, tensor in module._parameters.items() if tensor is not None]
            found += [HeldTensor(dot + name, "buffer", tensor) for name, tensor in module._buffers.items() if tensor is not None]
            for name, value in vars(module).items():
                if name not in _TORCHS_OWN and isinstance(value, _MAY_HOLD_TENSORS):
                    found += [HeldTensor(path, "attribute", tensor) for path, tensor in tensors(value, dot + name)]
    return found


def plain_attributes(target: Any) -> Iterator[Tuple[str, List[Tuple[str, Any]]]]:
    """By module, its attributes that are plain data or containers; a parameter or buffer that is None counts as one."""
    if isinstance(target, torch.nn.Module):
        for prefix, module in target.named_modules():
            plain = [(name, value) for name, value in vars(module).items() if name not in _TORCHS_OWN and isinstance(value, _PLAIN)]
            absent = [(name, None) for name, value in (*module._parameters.items(), *module._buffers.items()) if value is None]
            yield prefix, plain + absent


def unique_tensors(target: Any) -> Dict[str, Tuple[str, torch.Tensor]]:
    """The dense tensors a module holds, each under its first name, with their kind."""
    found: Dict[str, Tuple[str, torch.Tensor]] = {}
    seen = set()
    for path, kind, tensor in held_tensors(target):
        if id(tensor) not in seen and _settable(tensor):
            seen.add(id(tensor))
            found[path] = (kind, tensor)
    return found


def _settable(tensor: torch.Tensor) -> bool:
    # A tensor with a history is computed anew by a hook (weight_norm); one of another layout is left as it was built.
    return tensor.is_leaf and tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_meta and not tensor.is_nested


def perturb(target: Any, strength: float) -> None:
    """Move parameters and floating buffers away from their initial values, keeping the sign of buffers that have one."""
    generator = torch.Generator().manual_seed(20_061)
    with torch.no_grad():
        for kind, tensor in unique_tensors(target).values():
            if kind == "parameter" and (tensor.is_floating_point() or tensor.is_complex()):
                tensor.copy_(_moved(tensor, generator, strength))
            elif kind == "buffer" and tensor.is_floating_point() and tensor.numel():
                tensor.copy_(_moved_buffer(tensor, generator, strength))


def has_both_signs(tensor: torch.Tensor) -> bool:
    """Are there values on both sides of zero in a dense floating leaf: a weight, an input drawn freely; not a variance, a probability?"""
    plain = tensor.is_floating_point() and tensor.layout == torch.strided and tensor.is_leaf and not tensor.is_nested
    return plain and bool((tensor < 0).any()) and bool((tensor > 0).any())


def scaled(tensor: Optional[torch.Tensor], factor: float) -> Optional[torch.Tensor]:
    """A value that has both signs times `factor`, another one as it is."""
    return tensor * factor if tensor is not None and factor != 1 and has_both_signs(tensor) else tensor


def _noise(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    kind = torch.complex64 if tensor.is_complex() else torch.float32
    return torch.randn(tensor.shape, generator=generator, dtype=kind).to(tensor.dtype)


def _moved(tensor: torch.Tensor, generator: torch.Generator, strength: float) -> torch.Tensor:
    if not tensor.numel():
        return tensor
    noise = _noise(tensor, generator)
    fan_in = tensor.numel() // tensor.shape[0] if tensor.dim() > 1 else 0
    fresh = noise * (fan_in**-0.5 if fan_in else 0.1)
    size = float(tensor.abs().float().square().mean().sqrt()) if not tensor.is_complex() else float(tensor.abs().square().mean().sqrt())
    if not size < float("inf"):  # memory nobody filled
        return fresh
    if size < _TINY:
        return tensor + strength * fresh
    return tensor + strength * 0.25 * size * noise


def _moved_buffer(tensor: torch.Tensor, generator: torch.Generator, strength: float) -> torch.Tensor:
    finite = torch.isfinite(tensor)
    noise = _noise(tensor, generator)
    moved = tensor * (1 + 0.2 * strength * noise.clamp(-3, 3)) + 0.1 * strength * (tensor == 0) * noise
    if bool((tensor[finite] >= 0).all()) and bool((tensor[finite] > 0).any()):  # a variance, a mask
        moved = moved.abs()
    return torch.where(finite, moved, tensor)


def meta_and_bytes(path: str, tensor: torch.Tensor) -> Tuple[TensorMeta, bytes]:
    """A tensor as facts and bytes, ready to be sent; one that is not dense is not sent (its dtype is empty)."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested or tensor.is_meta:
        return TensorMeta(path=path, dtype="", shape=[]), b""
    return TensorMeta(path=path, dtype=dtype_name(tensor), shape=list(tensor.shape)), bytes(raw_bytes(tensor))


def tensor_from(meta: TensorMeta, blob: bytes) -> Optional[torch.Tensor]:
    """A tensor with the facts and bytes that were sent, None for one that was not."""
    if not meta["dtype"]:
        return None
    dtype = getattr(torch, meta["dtype"])
    if not blob:
        return torch.empty(meta["shape"], dtype=dtype)
    return torch.frombuffer(bytearray(blob), dtype=dtype).reshape(meta["shape"])


class Unmatched(Exception):
    """The tensors of a version do not correspond one to one to those of the original; str() says which."""


def match(target: Any, metas: Sequence[TensorMeta]) -> Dict[str, str]:
    """The original's name of each tensor of `target`: the same name, or else the same place in order; raises Unmatched."""
    own = unique_tensors(target)
    wanted = {meta["path"]: _form(meta["dtype"], meta["shape"]) for meta in metas}
    have = {path: _form(dtype_name(tensor), list(tensor.shape)) for path, (_, tensor) in own.items()}
    names = {path: path for path in have if wanted.get(path) == have[path]}
    left = [path for path in have if path not in names]
    right = [path for path in wanted if path not in names]
    if [have[path] for path in left] != [wanted[path] for path in right]:
        raise Unmatched(_unmatched({path: have[path] for path in left}, {path: wanted[path] for path in right}))
    return {**names, **dict(zip(left, right))}


def _form(dtype: str, shape: Sequence[int]) -> str:
    return f"{dtype}{list(shape)}"


def _unmatched(have: Dict[str, str], wanted: Dict[str, str]) -> str:
    only_before = [f"{path} {form}" for path, form in wanted.items() if have.get(path) != form]
    only_after = [f"{path} {form}" for path, form in have.items() if wanted.get(path) != form]
    parts = [f"{where}: {_some(names)}" for where, names in (("before", only_before), ("after", only_after)) if names]
    return f"parameters or buffers do not correspond ({'; '.join(parts)})"


def _some(names: List[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def install(target: Any, names: Dict[str, str], values: Dict[str, Optional[torch.Tensor]]) -> None:
    """Copy the original's values into the tensors of `target`."""
    with torch.no_grad():
        for path, (_, tensor) in unique_tensors(target).items():
            value = values[names[path]]
            if value is not None and raw_bytes(tensor)[:] != raw_bytes(value)[:]:
                _put(tensor, value)


def _put(tensor: torch.Tensor, value: torch.Tensor) -> None:
    try:
        tensor.copy_(value)
    except RuntimeError:  # an expanded tensor has one place for many values; a leaf view in inference mode cannot be written
        tensor.data = value.clone()
