"""What an operation that raised wants of its tensors: sizes, ranks, dtypes, ranges."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

import torch

from .demand import Demand, Fill, Grow, Multiple, Rank, Size

Alternatives = Iterator[Tuple[Demand, ...]]
Call = Tuple[Tuple[Any, ...], Dict[str, Any]]


def _argument(call: Call, position: int, name: str) -> Any:
    args, kwargs = call
    return args[position] if position < len(args) else kwargs.get(name)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _linear(call: Call, error: str) -> Alternatives:
    tensor, weight = _argument(call, 0, "input"), _argument(call, 1, "weight")
    if _is_tensor(tensor) and _is_tensor(weight):
        if not tensor.is_floating_point():
            yield (Fill(tensor, "normal"),)
        if tensor.dim() and tensor.shape[-1] != weight.shape[-1]:
            yield (Size(tensor, tensor.dim() - 1, weight.shape[-1]),)
            yield (Size(weight, weight.dim() - 1, tensor.shape[-1]),)
            if tensor.dim() > 2:  # features put side by side in dimension 1 were meant to be the last
                yield (Rank(tensor, 2),)


def _convolution(dims: int, transposed: bool = False) -> Callable[[Call, str], Alternatives]:
    def rule(call: Call, error: str) -> Alternatives:
        tensor, weight = _argument(call, 0, "input"), _argument(call, 1, "weight")
        if not (_is_tensor(tensor) and _is_tensor(weight)):
            return
        groups = _argument(call, 6, "groups") or 1
        channels = weight.shape[0] if transposed else weight.shape[1] * (groups if isinstance(groups, int) else 1)
        if not tensor.is_floating_point():
            yield (Fill(tensor, "normal"),)
        if tensor.dim() != dims + 2:
            yield (Rank(tensor, dims + 2), Size(tensor, 1, channels))
        elif tensor.shape[1] != channels:
            yield (Size(tensor, 1, channels),)
            yield (Size(weight, 0 if transposed else 1, tensor.shape[1]),)
        else:
            yield (Grow(tensor),)

    return rule


def _batch_norm(call: Call, error: str) -> Alternatives:
    tensor, mean = _argument(call, 0, "input"), _argument(call, 1, "running_mean")
    weight = mean if _is_tensor(mean) else _argument(call, 3, "weight")
    if not _is_tensor(tensor):
        return
    if "more than 1" in error:
        yield (Grow(tensor),)
        yield (Size(tensor, 0, 4),)
    elif _is_tensor(weight) and tensor.dim() > 1 and tensor.shape[1] != weight.shape[0]:
        yield (Size(tensor, 1, weight.shape[0]),)
        yield (Size(weight, 0, tensor.shape[1]),)


def _layer_norm(call: Call, error: str) -> Alternatives:
    tensor, shape = _argument(call, 0, "input"), _argument(call, 1, "normalized_shape")
    if _is_tensor(tensor) and shape is not None:
        wanted = list(shape) if isinstance(shape, (tuple, list, torch.Size)) else [shape]
        if tensor.dim() < len(wanted):
            yield (Rank(tensor, len(wanted) + 1),)
        yield tuple(Size(tensor, tensor.dim() - len(wanted) + number, size) for number, size in enumerate(wanted) if tensor.dim() >= len(wanted))


def _group_norm(call: Call, error: str) -> Alternatives:
    tensor, groups, weight = _argument(call, 0, "input"), _argument(call, 1, "num_groups"), _argument(call, 2, "weight")
    if not _is_tensor(tensor) or tensor.dim() < 2:
        return
    if _is_tensor(weight) and weight.shape[0] != tensor.shape[1]:
        yield (Size(tensor, 1, weight.shape[0]),)
    elif isinstance(groups, int) and tensor.shape[1] % groups:
        yield (Multiple(tensor, 1, groups),)
    else:
        yield (Grow(tensor),)


def _embedding(call: Call, error: str) -> Alternatives:
    tensor, weight = _argument(call, 0, "input"), _argument(call, 1, "weight")
    if _is_tensor(tensor) and _is_tensor(weight):
        yield (Fill(tensor, "ids", weight.shape[0]),)


def _matmul(call: Call, error: str) -> Alternatives:
    left, right = _argument(call, 0, "input"), _argument(call, 1, "other")
    if not (_is_tensor(left) and _is_tensor(right)):
        return
    if "3D" in error:
        yield tuple(Rank(part, 3) for part in (left, right) if part.dim() != 3)
    if left.is_floating_point() != right.is_floating_point():
        yield (Fill(left if right.is_floating_point() else right, "normal"),)
    if left.dim() and right.dim():
        inner = right.shape[-2] if right.dim() > 1 else right.shape[0]
        if left.shape[-1] != inner:
            yield (Size(left, left.dim() - 1, inner),)
            yield (Size(right, max(right.dim() - 2, 0), left.shape[-1]),)
    if left.dim() != right.dim():
        yield (Rank(left, right.dim()),)
        yield (Rank(right, left.dim()),)
    for dim in range(max(min(left.dim(), right.dim()) - 2, 0)):
        if left.shape[dim] != right.shape[dim]:
            yield (Size(right, dim, left.shape[dim]),)
            yield (Size(left, dim, right.shape[dim]),)


def _broadcast(call: Call, error: str) -> Alternatives:
    tensors = [value for value in (*call[0], *call[1].values()) if _is_tensor(value)]
    for left, right in zip(tensors, tensors[1:]):
        yield from _aligned(left, right)


def _aligned(left: torch.Tensor, right: torch.Tensor) -> Alternatives:
    """Make two tensors broadcast: from the last dimension on, equal or one."""
    for back in range(1, min(left.dim(), right.dim()) + 1):
        one, other = left.shape[-back], right.shape[-back]
        if one != other and 1 not in (one, other):
            yield (Size(right, right.dim() - back, one),)
            yield (Size(left, left.dim() - back, other),)
            if left.dim() != right.dim():
                smaller, larger = sorted((left, right), key=lambda tensor: tensor.dim())
                yield (Rank(smaller, larger.dim()),)
                yield (Rank(larger, smaller.dim()),)
            yield (Size(right, right.dim() - back, 1),)
            yield (Size(left, left.dim() - back, 1),)
            return


def _same_shape(call: Call, error: str) -> Alternatives:
    left, right = _argument(call, 0, "input"), _argument(call, 1, "target")
    if not (_is_tensor(left) and _is_tensor(right)):
        return
    if left.dim() != right.dim():
        yield (Rank(right, left.dim()), *(Size(right, dim, size) for dim, size in enumerate(left.shape)))
    elif left.shape != right.shape:
        yield tuple(Size(right, dim, size) for dim, size in enumerate(left.shape) if right.shape[dim] != size)
    yield (Fill(right, "unit"), Fill(left, "unit"))
    yield (Fill(right, "unit"),)


def _class_loss(call: Call, error: str) -> Alternatives:
    left, right = _argument(call, 0, "input"), _argument(call, 1, "target")
    if not (_is_tensor(left) and _is_tensor(right)):
        return
    classes = left.shape[1] if left.dim() > 1 else left.shape[0] if left.dim() else 1
    labels = Fill(right, "ids", classes)
    shape = (left.shape[0], *left.shape[2:]) if left.dim() > 1 else ()
    if right.dim() != len(shape):
        yield (labels, Rank(right, len(shape)), *(Size(right, dim, size) for dim, size in enumerate(shape)))
        yield (Rank(left, right.dim() + 1), labels)
    yield (labels, *(Size(right, dim, size) for dim, size in enumerate(shape) if dim < right.dim() and right.shape[dim] != size))
    yield (labels,)


def _cat(call: Call, error: str) -> Alternatives:
    tensors, dim = _argument(call, 0, "tensors"), _argument(call, 1, "dim")
    if dim is None:
        dim = call[1].get("axis", 0)
    parts = [tensor for tensor in tensors if _is_tensor(tensor)] if isinstance(tensors, (tuple, list)) else []
    if not isinstance(dim, int):
        return
    for first, second in zip(parts, parts[1:]):
        if first.dim() != second.dim():
            yield (Rank(second, first.dim()),)
            yield (Rank(first, second.dim()),)
            continue
        joined = dim % first.dim() if first.dim() else 0
        wrong = [axis for axis in range(first.dim()) if axis != joined and first.shape[axis] != second.shape[axis]]
        if wrong:
            yield tuple(Size(second, axis, first.shape[axis]) for axis in wrong)
            yield tuple(Size(first, axis, second.shape[axis]) for axis in wrong)


def _stack(call: Call, error: str) -> Alternatives:
    tensors = _argument(call, 0, "tensors")
    parts = [tensor for tensor in tensors if _is_tensor(tensor)] if isinstance(tensors, (tuple, list)) else []
    for first, second in zip(parts, parts[1:]):
        if first.dim() != second.dim():
            yield (Rank(second, first.dim()), *(Size(second, axis, size) for axis, size in enumerate(first.shape)))
            yield (Rank(first, second.dim()),)
        else:
            yield tuple(Size(second, axis, size) for axis, size in enumerate(first.shape) if second.shape[axis] != size)


def _numbers(values: Sequence[Any]) -> List[int]:
    flat: List[Any] = []
    for value in values:
        flat.extend(value if isinstance(value, (tuple, list, torch.Size)) else [value])
    return [value for value in flat if isinstance(value, int)]


def _view(call: Call, error: str) -> Alternatives:
    tensor, sizes = call[0][0], _numbers([*call[0][1:], *call[1].values()])
    if not _is_tensor(tensor) or not sizes:
        return
    fixed = 1
    for size in sizes:
        fixed *= max(size, 1) if size != -1 else 1
    count = tensor.numel()
    # From the last dimension: where the wanted sizes begin to differ from those there are.
    for back in range(1, min(len(sizes), tensor.dim()) + 1):
        if sizes[-back] not in (-1, tensor.shape[-back]):
            yield (Size(tensor, tensor.dim() - back, sizes[-back]),)
            break
    for dim in reversed(range(tensor.dim())):
        rest = count // max(tensor.shape[dim], 1)
        if rest and -1 not in sizes and fixed % rest == 0 and fixed // rest != tensor.shape[dim]:
            yield (Size(tensor, dim, fixed // rest),)
        elif -1 in sizes and count % max(fixed, 1):
            yield (Multiple(tensor, dim, fixed),)
    if -1 in sizes and len(sizes) > 1:
        tail = 1
        for size in sizes[sizes.index(-1) + 1 :]:
            tail *= size
        if tensor.dim() and tensor.shape[-1] != tail:
            yield (Size(tensor, tensor.dim() - 1, tail),)


def _rank_needed(call: Call, error: str) -> Alternatives:
    """Operations that name dimensions: permute, transpose, unsqueeze, mean(dim), size(dim)."""
    tensor: Any = call[0][0] if call[0] else call[1].get("input")
    if not _is_tensor(tensor):
        return
    numbers = _numbers([*call[0][1:], *call[1].values()])
    need = max([number + 1 if number >= 0 else -number for number in numbers], default=0)
    if tensor.dim() < need <= 6:
        yield (Rank(tensor, need),)


def _unflatten(call: Call, error: str) -> Alternatives:
    tensor, dim, sizes = _argument(call, 0, "input"), _argument(call, 1, "dim"), _argument(call, 2, "sizes")
    if not _is_tensor(tensor) or not isinstance(dim, int) or not tensor.dim():
        return
    product = 1
    for size in _numbers([sizes]):
        product *= size if size > 0 else 1
    place = dim % tensor.dim()
    if -1 in _numbers([sizes]):
        yield (Multiple(tensor, place, product),)
    yield (Size(tensor, place, product),)


def _permute(call: Call, error: str) -> Alternatives:
    numbers = _numbers([*call[0][1:], *call[1].values()])
    if _is_tensor(call[0][0]):
        yield (Rank(call[0][0], len(numbers)),)


def _repeat(call: Call, error: str) -> Alternatives:
    tensor, numbers = call[0][0], _numbers([*call[0][1:], *call[1].values()])
    if _is_tensor(tensor) and tensor.dim() > len(numbers):
        yield (Rank(tensor, len(numbers)),)


def _split(call: Call, error: str) -> Alternatives:
    tensor = call[0][0]
    sizes, dim = _argument(call, 1, "split_size_or_sections"), _argument(call, 2, "dim") or 0
    if _is_tensor(tensor) and isinstance(sizes, (tuple, list)) and isinstance(dim, int) and tensor.dim():
        yield (Size(tensor, dim % tensor.dim(), sum(size for size in sizes if isinstance(size, int))),)
    yield from _rank_needed(call, error)


def _attention(call: Call, error: str) -> Alternatives:
    query, key, value = (_argument(call, number, name) for number, name in enumerate(("query", "key", "value")))
    if not all(_is_tensor(part) for part in (query, key, value)):
        return
    mask = _argument(call, 3, "attn_mask")
    if query.dim() == key.dim() and query.shape[-1] != key.shape[-1]:
        yield (Size(key, key.dim() - 1, query.shape[-1]),)
    if key.dim() == value.dim() and key.dim() > 1 and key.shape[-2] != value.shape[-2]:
        yield (Size(value, value.dim() - 2, key.shape[-2]),)
    if _is_tensor(mask) and key.dim() > 1:
        want = (query.shape[-2], key.shape[-2])
        if mask.dim() < 2:
            yield (Rank(mask, 2), Size(mask, 0, want[0]), Size(mask, 1, want[1]))
        else:
            yield (Size(mask, mask.dim() - 1, want[1]), Size(mask, mask.dim() - 2, want[0]))
            yield (Rank(mask, 4), Size(mask, 3, want[1]), Size(mask, 2, want[0]), Size(mask, 1, 1))
            yield (Rank(mask, 2), Size(mask, 1, want[1]), Size(mask, 0, want[0]))
    for dim in range(min(query.dim(), key.dim()) - 2):
        if query.shape[dim] != key.shape[dim]:
            yield (Size(key, dim, query.shape[dim]), Size(value, dim, query.shape[dim]))


def _multi_head(call: Call, error: str) -> Alternatives:
    query, key, value, width = (_argument(call, number, name) for number, name in enumerate(("query", "key", "value", "embed_dim_to_check")))
    if not all(_is_tensor(part) for part in (query, key, value)) or not isinstance(width, int):
        return
    for tensor in (query, key, value):
        if tensor.dim() not in (2, 3):
            yield (Rank(tensor, 3), Size(tensor, 2, width))
        elif tensor.shape[-1] != width:
            yield (Size(tensor, tensor.dim() - 1, width),)
    for axis in range(min(key.dim(), value.dim())):
        if key.shape[axis] != value.shape[axis]:
            yield (Size(value, axis, key.shape[axis]),)
    if query.dim() == key.dim() == 3 and query.shape[1] != key.shape[1]:
        yield (Size(key, 1, query.shape[1]), Size(value, 1, query.shape[1]))
    yield from _padding_mask(call, query, key)


def _padding_mask(call: Call, query: torch.Tensor, key: torch.Tensor) -> Alternatives:
    padding: Any = call[1].get("key_padding_mask")
    mask: Any = call[1].get("attn_mask")
    if _is_tensor(padding) and key.dim() == 3:
        yield (Rank(padding, 2), Size(padding, 0, key.shape[1]), Size(padding, 1, key.shape[0]))
    if _is_tensor(mask) and key.dim() == 3:
        yield (Rank(mask, 2), Size(mask, 0, query.shape[0]), Size(mask, 1, key.shape[0]))


def _index(call: Call, error: str) -> Alternatives:
    tensor, dim, index = (_argument(call, number, name) for number, name in enumerate(("input", "dim", "index")))
    if _is_tensor(tensor) and _is_tensor(index):
        high = tensor.shape[dim] if isinstance(dim, int) and tensor.dim() and -tensor.dim() <= dim < tensor.dim() else 2
        yield (Fill(index, "ids", high),)
        if tensor.dim() != index.dim():
            yield (Rank(index, tensor.dim()), Fill(index, "ids", high))
            yield (Rank(tensor, index.dim()),)


def _subscript(call: Call, error: str) -> Alternatives:
    tensor, key = call[0][0], call[0][1]
    parts = key if isinstance(key, tuple) else (key,)
    if not _is_tensor(tensor):
        return
    if "too many indices" in error:
        yield (Rank(tensor, sum(part is not None and part is not Ellipsis for part in parts)),)
    for place, part in enumerate(parts):
        if _is_tensor(part) and place < tensor.dim():
            if part.dtype == torch.bool or "mask" in error:
                yield tuple(Size(part, axis, tensor.shape[axis]) for axis in range(min(part.dim(), tensor.dim())))
            if part.is_floating_point() and part.dim() > 1:  # of which nothing was known: rows are picked by a list of numbers
                yield (Rank(part, 1), Fill(part, "ids", tensor.shape[place]))
            yield (Fill(part, "ids", tensor.shape[place]),)
            yield (Fill(part, "bools"),)
        elif isinstance(part, int) and place < tensor.dim() and not -tensor.shape[place] <= part < tensor.shape[place]:
            yield (Size(tensor, place, part + 1 if part >= 0 else -part),)


def _masked(call: Call, error: str) -> Alternatives:
    tensor, mask = _argument(call, 0, "input"), _argument(call, 1, "mask")
    if _is_tensor(tensor) and _is_tensor(mask):
        if mask.dtype != torch.bool:
            yield (Fill(mask, "bools"),)
        yield from _aligned(tensor, mask)


def _pooling(call: Call, error: str) -> Alternatives:
    tensor = _argument(call, 0, "input")
    if not _is_tensor(tensor):
        return
    found = [number for number in (1, 2, 3) if f"{number}d" in error.lower()]
    yield from _as_large_as_kernels(call, tensor)
    yield (Grow(tensor),)
    for number in found or [2]:
        if tensor.dim() != number + 2:
            yield (Rank(tensor, number + 2),)


def _as_large_as_kernels(call: Call, tensor: torch.Tensor) -> Alternatives:
    """Sides no smaller than the window that moves over them: doubling would take as many tries as it has bits."""
    kernel: Any = _argument(call, 1, "kernel_size")
    sides = [side for side in (kernel if isinstance(kernel, (tuple, list)) else (kernel,)) if type(side) is int]
    for side in sides[-1:]:
        if tensor.dim() > 2 and 0 < tensor.shape[-1] < side:
            yield (Size(tensor, tensor.dim() - 1, side),)


def _packed(call: Call, error: str) -> Alternatives:
    """Lengths of the rows of a batch: whole numbers, falling, none longer than the rows."""
    tensor, lengths = _argument(call, 0, "input"), _argument(call, 1, "lengths")
    if _is_tensor(tensor) and _is_tensor(lengths) and tensor.dim() > 1:
        across = bool(_argument(call, 2, "batch_first"))
        batch, longest = tensor.shape[:2] if across else (tensor.shape[1], tensor.shape[0])
        yield (Rank(lengths, 1), Size(lengths, 0, batch), Fill(lengths, "lengths", longest, "int64"))


def _interpolate(call: Call, error: str) -> Alternatives:
    tensor = _argument(call, 0, "input")
    if _is_tensor(tensor):
        for rank in (4, 3, 5):
            if tensor.dim() != rank:
                yield (Rank(tensor, rank),)


def _pixel_shuffle(call: Call, error: str) -> Alternatives:
    tensor, factor = _argument(call, 0, "input"), _argument(call, 1, "upscale_factor")
    if _is_tensor(tensor) and isinstance(factor, int) and tensor.dim() >= 3:
        yield (Multiple(tensor, tensor.dim() - 3, factor * factor),)
        yield (Multiple(tensor, tensor.dim() - 2, factor), Multiple(tensor, tensor.dim() - 1, factor))


def _einsum(call: Call, error: str) -> Alternatives:
    equation = call[0][0] if call[0] else ""
    tensors = [value for value in call[0][1:] if _is_tensor(value)] or list(call[0][1] if len(call[0]) > 1 and isinstance(call[0][1], (list, tuple)) else [])
    if not isinstance(equation, str):
        return
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    sizes: Dict[str, int] = {}
    for term, tensor in zip(terms, tensors):
        if "." in term:
            continue
        if len(term) != tensor.dim():
            yield (Rank(tensor, len(term)),)
            continue
        for axis, letter in enumerate(term):
            if sizes.setdefault(letter, tensor.shape[axis]) != tensor.shape[axis]:
                yield (Size(tensor, axis, sizes[letter]),)
                yield from (
                    (Size(other, place.index(letter), tensor.shape[axis]),)
                    for place, other in zip(terms, tensors)
                    if letter in place and len(place) == other.dim()
                )


_NAMES: Dict[Callable[[Call, str], Alternatives], str] = {
    _linear: "linear",
    _broadcast: "bilinear baddbmm",
    _batch_norm: "batch_norm instance_norm",
    _layer_norm: "layer_norm rms_norm",
    _group_norm: "group_norm",
    _embedding: "embedding embedding_bag",
    _matmul: "matmul __matmul__ bmm mm mv",
    _cat: "cat concat concatenate",
    _stack: "stack",
    _view: "view reshape",
    _unflatten: "unflatten",
    _permute: "permute",
    _repeat: "repeat expand tile",
    _split: "split split_with_sizes",
    _attention: "scaled_dot_product_attention",
    _multi_head: "multi_head_attention_forward",
    _index: "gather scatter scatter_ scatter_add_ scatter_add index_select index_add index_add_ take_along_dim",
    _subscript: "__getitem__",
    _masked: "masked_fill masked_fill_ masked_select",
    _class_loss: "cross_entropy nll_loss",
    _same_shape: "mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits kl_div",
    _packed: "_pack_padded_sequence pack_padded_sequence",
    _interpolate: "interpolate upsample grid_sample",
    _pixel_shuffle: "pixel_shuffle pixel_unshuffle",
    _einsum: "einsum",
}
_RULES: Dict[str, Callable[[Call, str], Alternatives]] = {name: rule for rule, names in _NAMES.items() for name in names.split()}
for _dims in (1, 2, 3):
    _RULES[f"conv{_dims}d"] = _convolution(_dims)
    _RULES[f"conv_transpose{_dims}d"] = _convolution(_dims, transposed=True)


# What errors say where whole numbers are wanted.
_WHOLE = ("expected scalar type Long", "must be Long", "to be Long", "tensors used as indices", "Long, Int", "dtype int64", "integer", "Integer",
          "not implemented for 'Float'")  # fmt: skip


def demands(operation: Tuple[Any, Tuple[Any, ...], Dict[str, Any]], error: BaseException) -> List[Tuple[Demand, ...]]:
    """Sets of demands, each of which may make the operation pass; likeliest first."""
    function, args, kwargs = operation
    name = getattr(function, "__name__", "")
    text = str(error)
    found: List[Tuple[Demand, ...]] = []
    rule = _RULES.get(name) or (_pooling if "pool" in name or "pad" in name or "unfold" in name else None)
    for step in (rule, _general):
        try:
            found.extend(step((args, kwargs), text) if step is not None else ())
        except (IndexError, TypeError, ValueError, ZeroDivisionError, RuntimeError):
            continue
    return [demand for demand in found if demand]


def _general(call: Call, error: str) -> Alternatives:
    """For operations without a rule of their own: dtypes by the error, dimensions by their names, broadcasting."""
    tensors = [value for value in (*call[0], *call[1].values()) if _is_tensor(value)]
    if any(word in error for word in _WHOLE):
        yield from ((Fill(tensor, "ids"),) for tensor in tensors if tensor.is_floating_point() or tensor.dtype == torch.bool)
    if "1-d" in error and "integral" in error:  # bincount, histograms
        yield from ((Rank(tensor, 1), Fill(tensor, "ids", 4)) for tensor in tensors)
    if "loat" in error or "ouble" in error or "Long" in error or "Bool" in error or "bool" in error or "Byte" in error:
        yield from ((Fill(tensor, "normal"),) for tensor in tensors if not tensor.is_floating_point())
    if "imension" in error or "dim" in error or "permute" in error:
        yield from _rank_needed(call, error)
    yield from _broadcast(call, error)
