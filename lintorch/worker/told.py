"""What values are, without whether they have a graph: two versions that differ in that alone are told the same."""

from __future__ import annotations

import gc
import re
from typing import Any, Dict, Iterator, List, Tuple

import torch

from .nesting import PLAIN
from .observe import digest, dtype_name, raw_bytes

Entry = Tuple[str, str, List[float]]  # path, digest, the first numbers
_NUMBERS = 4
_DEEPEST = 5
_WIDEST = 64
_GRAPH = re.compile(r",?\s*(grad_fn=<[^>]*>|requires_grad=True)")


def told(value: Any, path: str, files: Tuple[str, ...] = (), depth: int = 0) -> Iterator[Entry]:
    """Each tensor, array and plain value in containers and in objects of classes that the `files` define."""
    if isinstance(value, torch.Tensor):
        yield _tensor(value, path)
    elif isinstance(value, PLAIN):
        yield path, repr(value)[:200], [float(value)] if isinstance(value, float) else []
    elif type(value).__module__ == "numpy" and hasattr(value, "tobytes"):
        yield path, f"array {value.shape} {digest(value.tobytes())}", []
    elif depth < _DEEPEST:
        for step, part in _parts(value, files):
            yield from told(part, path + step, files, depth + 1)


def _tensor(tensor: torch.Tensor, path: str) -> Entry:
    with torch._C.DisableTorchFunction(), torch.no_grad():
        plain = tensor.detach().as_subclass(torch.Tensor)
        if plain.layout != torch.strided or plain.is_nested or plain.is_quantized or plain.is_meta:
            return path, f"{plain.layout} {plain.dtype}", []
        numbers = [float(number) for number in plain.reshape(-1)[:_NUMBERS]] if plain.is_floating_point() else []
        return path, f"{dtype_name(plain)}{list(plain.shape)} {digest(raw_bytes(plain))}", numbers


def _parts(value: Any, files: Tuple[str, ...]) -> List[Tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"[{key!r}]", part) for key, part in list(value.items())[:_WIDEST]] + [(".size", len(value))]
    if isinstance(value, (list, tuple)) or type(value).__name__ == "deque":
        return [(f"[{number}]", part) for number, part in enumerate(list(value)[-_WIDEST:])] + [(".size", len(value))]
    if type(value).__module__ in files and not isinstance(value, type):
        return [(f".{name}", part) for name, part in getattr(value, "__dict__", {}).items() if not name.startswith("__")]
    return []


def without_graphs(text: str) -> str:
    """A print without what it says about graphs."""
    return _GRAPH.sub("", text)


def live_training() -> Dict[str, str]:
    """Digests of all parameters that are alive, and of what optimizers remember of them, as sorted words.

    A graph keeps parameters alive, so a version that keeps less may have fewer.
    """

    parameters, remembered = [], []
    for thing in gc.get_objects():
        kind = type(thing)
        if issubclass(kind, torch.nn.Parameter):
            parameters.append(_tensor(thing, "")[1])
        elif issubclass(kind, torch.optim.Optimizer):
            states = [thing.state.get(parameter, {}) for group in thing.param_groups for parameter in group["params"]]
            remembered.append(digest(repr([entry[1] for state in states for entry in told(state, "")]).encode()))
    return {"parameters": _words(parameters), "optimizers": _words(remembered)}


def _words(digests: List[str]) -> str:
    return " ".join(sorted({found.replace(" ", "") for found in digests}))
