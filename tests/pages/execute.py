"""Run two versions of a page's example on the same parameters and inputs and say what differs.

This is a second, simpler opinion than lintorch.verify and shares no code with it, so that a fault of one is seen by the other.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

SEEDS = (0, 1, 2)


@dataclasses.dataclass(frozen=True)
class Call:
    """What an `inputs` line stands for: a module or function and what it is called with."""

    target: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]


def build(code: str, example: str, seed: int) -> Call:
    """Execute the text of a block, then build what `Net(10, 20), torch.randn(4, 10)` says, both under the seed."""
    namespace: dict[str, Any] = {"__name__": "page_example", "torch": torch, "nn": nn}
    exec(compile(code, "<page>", "exec"), namespace)
    torch.manual_seed(seed)
    namespace["_call"] = lambda target, *arguments, **keywords: Call(target, arguments, keywords)
    return eval(f"_call({example})", namespace)


def differences(old_code: str, new_code: str, example: str) -> list[str]:
    """The observations that differ between two versions; empty where every bit agrees in every seed and mode."""
    found = []
    for seed in SEEDS:
        for training in (True, False):
            old, new = build(old_code, example, seed), build(new_code, example, seed)
            _perturb(old, seed)
            _adopt(old, new)
            before, after = dict(_observe(old, seed, training)), dict(_observe(new, seed, training))
            found += [
                f"{'train' if training else 'eval'}, seed {seed}: {name}"
                for name in before.keys() | after.keys()
                if not _same(before.get(name), after.get(name))
            ]
    return sorted(found)


def _perturb(call: Call, seed: int) -> None:
    """Move parameters and floating buffers off their initial values: a zero-initialised branch would hide a change."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in _state(call.target).values():
            if tensor.is_floating_point():
                tensor += 0.1 * torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)


def _adopt(old: Call, new: Call) -> None:
    with torch.no_grad():
        for mine, theirs in zip(_state(new.target).values(), _state(old.target).values(), strict=True):
            mine.copy_(theirs)


def _state(target: Any) -> dict[str, torch.Tensor]:
    return {**dict(target.named_parameters()), **dict(target.named_buffers())} if isinstance(target, nn.Module) else {}


def _observe(call: Call, seed: int, training: bool) -> Iterator[tuple[str, Any]]:
    """Three calls in a row, then one backward through everything they returned."""
    if isinstance(call.target, nn.Module):
        call.target.train(training)
    arguments = _leaves(copy.deepcopy((call.arguments, dict(call.keywords))))
    torch.manual_seed(seed)
    results = [call.target(*arguments[0], **arguments[1]) for _ in range(3)]
    yield "random state", torch.get_rng_state()
    yield from _tensors("output", results)
    _backward([tensor for _, tensor in _tensors("output", results) if isinstance(tensor, torch.Tensor) and tensor.requires_grad])
    yield from ((f"gradient of {name}", tensor.grad) for name, tensor in _tensors("input", arguments) if isinstance(tensor, torch.Tensor))
    yield from _tensors("input", arguments)
    for name, tensor in _state(call.target).items():
        yield name, tensor.detach()
        yield f"gradient of {name}", tensor.grad if tensor.is_leaf else None


def _leaves(value: Any) -> Any:
    """The same structure with floating tensors asking for a gradient."""
    if isinstance(value, torch.Tensor):
        return value.requires_grad_() if value.is_floating_point() or value.is_complex() else value
    if isinstance(value, tuple | list):
        return type(value)(_leaves(item) for item in value)
    return {key: _leaves(item) for key, item in value.items()} if isinstance(value, dict) else value


def _tensors(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every item of a nested result with its path; what holds no tensor is given as it is."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(f"{name}[{key!r}]", item)
    elif isinstance(value, tuple | list):
        yield name, (type(value).__name__, len(value))
        for index, item in enumerate(value):
            yield from _tensors(f"{name}[{index}]", item)
    else:
        yield name, value


def _backward(outputs: list[torch.Tensor]) -> None:
    if outputs:
        weights = [torch.linspace(0.5, 1.5, output.numel(), dtype=output.real.dtype).reshape(output.shape) for output in outputs]
        torch.autograd.backward([(output.real * weight).sum() for output, weight in zip(outputs, weights, strict=True)])


def _same(before: Any, after: Any) -> bool:
    if not (isinstance(before, torch.Tensor) and isinstance(after, torch.Tensor)):
        return type(before) is type(after) and before == after
    if (before.shape, before.dtype, before.stride(), before.requires_grad) != (after.shape, after.dtype, after.stride(), after.requires_grad):
        return False
    return bytes(before.detach().contiguous().view(-1).view(torch.uint8).tolist()) == bytes(after.detach().contiguous().view(-1).view(torch.uint8).tolist())
