"""From the error of an attempt to the plans to try next."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Iterator, List, Optional, Tuple

import torch

from . import vocabulary
from .attempt import Outcome, Plan, tensor_leaves
from .demand import Demand, Divisible, Equal, Fill, Grow, Multiple, Rank, Size
from .demands import demands
from .plans import Space, get, has, numbers, path_name, set_at
from .repair_text import text_demands
from .repair_values import value_repairs
from .values import Literal, Path, Tensor

LARGEST = 1 << 15
MOST_ELEMENTS = 2_000_000


def repairs(plan: Plan, outcome: Outcome, space: Space) -> List[Plan]:
    """Plans that may come further than `plan`, likeliest first, without duplicates."""
    found: List[Plan] = []
    known = {plan}
    for stage in _stages(plan, outcome, space):
        try:
            for proposal in stage:
                if proposal is not None and proposal not in known and _is_affordable(proposal):
                    known.add(proposal)
                    found.append(proposal)
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RuntimeError):
            continue  # an object of user code that does not answer as its class promises
    return found


def _is_affordable(plan: Plan) -> bool:
    """Are the inputs small enough to be worth a try?"""
    return sum(math.prod(leaf.shape) for _, leaf in tensor_leaves(plan.call)) <= MOST_ELEMENTS


def _stages(plan: Plan, outcome: Outcome, space: Space) -> Iterator[Iterator[Optional[Plan]]]:
    error = outcome.error
    if error is not None and outcome.operation is not None:
        wanted = sorted(demands(outcome.operation, error), key=lambda wishes: not _flattens_many(wishes[0], plan, outcome))
        yield from (fulfil(plan, outcome, wishes) for wishes in wanted)
    yield from (fulfil(plan, outcome, wishes) for wishes in text_demands(outcome))
    yield value_repairs(plan, outcome, space)


def _flattens_many(wish: Demand, plan: Plan, outcome: Outcome) -> bool:
    """Is a lower rank wanted of what several inputs were put together to? One dimension too many is likelier than all their sizes wrong."""
    return isinstance(wish, Rank) and wish.want < wish.tensor.dim() and len(_sources(plan, outcome, wish.tensor)) > 1


def fulfil(plan: Plan, outcome: Outcome, wishes: Tuple[Demand, ...]) -> Iterator[Plan]:
    """Plans in which all the wishes are met, as far as the inputs behind the tensors can be told."""
    plans: List[Plan] = [plan]
    reranked_ids = {id(wish.tensor) for wish in wishes if isinstance(wish, Rank)}
    for wish in wishes:
        further: List[Plan] = []
        for start in plans[:3]:
            # Once an input has the rank of the tensor wanted, its dimensions are taken to be that tensor's.
            further.extend(_meet(start, outcome, wish, isinstance(wish, Size) and id(wish.tensor) in reranked_ids))
        plans = further or plans
    yield from plans


def _meet(plan: Plan, outcome: Outcome, wish: Demand, placed: bool = False) -> Iterator[Plan]:
    if isinstance(wish, (Equal, Divisible)):
        want = wish.want if isinstance(wish, Equal) else -(-wish.number // max(wish.by, 1)) * wish.by
        yield from _renumbered(plan, wish.got if isinstance(wish, Equal) else wish.number, want)
        return
    if isinstance(wish, (Size, Multiple)) and not placed and not 0 <= wish.dim < wish.tensor.dim():
        return
    if isinstance(wish, Grow):
        yield from _all_grown(plan, outcome, wish)
    elif isinstance(wish, Rank):
        yield from _all_reranked(plan, outcome, wish)
    for path in [path for path, made in outcome.parts.items() if made is wish.tensor and plan.build is not None and has(plan.build, path)]:
        leaf = get(plan.build or (), path)
        for changed in _changed(leaf, wish, True) if isinstance(leaf, Tensor) else ():
            yield replace(plan, build=set_at(plan.build or (), path, changed))
    for path in _sources(plan, outcome, wish.tensor):
        leaf = get(plan.call, path)
        if not isinstance(leaf, Tensor):
            continue
        direct = placed or outcome.inputs.get(path) is wish.tensor
        for changed in _changed(leaf, wish, direct):
            yield replace(plan, call=set_at(plan.call, path, changed))
            yield from _together(plan, path, leaf, changed)
    if isinstance(wish, Size) and not placed:
        yield from _resized_build(plan, wish)
    elif isinstance(wish, Multiple):
        yield from _rounded_build(plan, wish)


def _all_grown(plan: Plan, outcome: Outcome, wish: Grow) -> Iterator[Plan]:
    """Every input behind the tensor larger at once: a small one is often a shrunken view of a large one."""
    paths = _sources(plan, outcome, wish.tensor)
    changed = plan
    for path in paths if len(paths) > 1 else ():
        leaf = get(changed.call, path)
        if isinstance(leaf, Tensor) and leaf.fill in ("normal", "unit"):
            changed = replace(changed, call=set_at(changed.call, path, grown(leaf, wish.keep)))
    yield changed


def _all_reranked(plan: Plan, outcome: Outcome, wish: Rank) -> Iterator[Plan]:
    """Every input behind the tensor of another rank at once, where several of one rank were put together."""
    found = [(path, get(plan.call, path)) for path in _sources(plan, outcome, wish.tensor)]
    tensors = [(path, leaf) for path, leaf in found if isinstance(leaf, Tensor)]
    if len(tensors) < 2 or len({len(leaf.shape) for _, leaf in tensors}) > 1:
        return
    changed = plan
    for path, leaf in tensors:
        changed = replace(changed, call=set_at(changed.call, path, reranked(leaf, len(leaf.shape) + wish.want - wish.tensor.dim())))
    yield changed


def _together(plan: Plan, path: Path, leaf: Tensor, changed: Tensor) -> Iterator[Plan]:
    """Change a constructor's number along with the one dimension that follows it: `Block(32)` called with 32 features."""
    if plan.build is None or len(leaf.shape) != len(changed.shape):
        return
    moved = [(old, new) for old, new in zip(leaf.shape, changed.shape) if old != new]
    if len(moved) == 1:
        for place, number in _size_numbers(plan):
            if number == moved[0][0]:
                yield replace(plan, build=set_at(plan.build, place, Literal(moved[0][1])), call=set_at(plan.call, path, changed))


def _sources(plan: Plan, outcome: Outcome, tensor: torch.Tensor) -> List[Path]:
    """The inputs a tensor was computed from, those it is made of alone first."""
    known = outcome.sources.get(id(tensor), frozenset())
    if not known and tensor.grad_fn is not None:  # what went through a function of autograd is not followed, but has a graph
        known = frozenset(path for path, leaf in tensor_leaves(plan.call) if leaf.fill in ("normal", "unit"))
    return sorted((path for path in known if has(plan.call, path)), key=lambda path: (len(known) > 1, str(path)))


def _changed(leaf: Tensor, wish: Demand, direct: bool) -> Iterator[Tensor]:
    if isinstance(wish, Size):
        yield from _resized(leaf, wish, direct)
    elif isinstance(wish, Rank):
        delta = wish.want - (len(leaf.shape) if direct else wish.tensor.dim())
        yield reranked(leaf, len(leaf.shape) + delta)
    elif isinstance(wish, Fill):
        yield refilled(leaf, wish)
    elif isinstance(wish, Multiple):
        yield from _rounded(leaf, wish, direct)
    elif isinstance(wish, Grow):
        yield grown(leaf, wish.keep)


def _resized(leaf: Tensor, wish: Size, direct: bool) -> Iterator[Tensor]:
    shape, want = leaf.shape, wish.want
    if direct:
        if wish.dim < len(shape):
            yield _with(leaf, wish.dim, want)
        return
    got = wish.tensor.shape[wish.dim]
    back = wish.dim - wish.tensor.dim()
    order = sorted(range(len(shape)), key=lambda dim: (dim - len(shape) != back and dim != wish.dim, -dim))
    for dim in order:
        if shape[dim] == got:
            yield _with(leaf, dim, want)
    yield from _squares(leaf, got, want)
    yield from _flattened(leaf, got, want)
    for dim in order:
        size = shape[dim]
        if size != got and size > 1 and got % size == 0 and (want * size) % got == 0:
            yield _with(leaf, dim, want * size // got)
        elif size != got and got > 1 and size % got == 0:
            yield _with(leaf, dim, want * (size // got))
    for dim in order[:3]:
        if 0 < shape[dim] + want - got <= max(4 * shape[dim], 256):
            yield _with(leaf, dim, shape[dim] + want - got)


def _squares(leaf: Tensor, got: int, want: int) -> Iterator[Tensor]:
    """Both sides of an image scaled alike, where that gives the wanted number of positions or the wanted side."""
    if len(leaf.shape) < 4 or leaf.shape[-1] != leaf.shape[-2] or not got:
        return
    side = leaf.shape[-1]
    for scaled in (side * side * want / got, (side * want / got) ** 2):
        new = round(math.sqrt(scaled))
        if 0 < new <= 512 and new != side and abs(new * new - scaled) < 1e-6:
            yield replace(leaf, shape=(*leaf.shape[:-2], new, new))


def _flattened(leaf: Tensor, got: int, want: int) -> Iterator[Tensor]:
    """Where everything behind the batch was made one dimension: shapes that flatten to the wanted size."""
    if len(leaf.shape) < 2 or math.prod(leaf.shape[1:]) != got:
        return
    for channels in dict.fromkeys((leaf.shape[1], 3, 1)) if len(leaf.shape) > 2 else ():
        side = math.isqrt(want // channels)
        if side * side * channels == want and len(leaf.shape) == 4:
            yield replace(leaf, shape=(leaf.shape[0], channels, side, side))
    yield replace(leaf, shape=(leaf.shape[0], want))


def _with(leaf: Tensor, dim: int, size: int) -> Tensor:
    sizes = list(leaf.shape)
    sizes[dim] = max(min(size, LARGEST), 1)
    return replace(leaf, shape=tuple(sizes))


_RANKS = {0: (), 1: (2,), 2: (2, 32), 3: (2, 16, 32), 4: (2, 32, 16, 16), 5: (2, 32, 4, 16, 16), 6: (2, 32, 4, 4, 8, 8)}


def reranked(leaf: Tensor, rank: int) -> Tensor:
    """The tensor with another number of dimensions, its first and (where it is kept) feature size unchanged."""
    rank = max(0, min(rank, 6))
    if rank == len(leaf.shape):
        return leaf
    if rank < len(leaf.shape):
        return (
            replace(leaf, shape=(*leaf.shape[: max(rank - 1, 0)], *((leaf.shape[-1],) if rank else ()))) if rank != 1 else replace(leaf, shape=leaf.shape[:1])
        )
    if leaf.fill in ("ids", "bools", "mask", "lengths", "offsets"):
        return replace(leaf, shape=(*leaf.shape, *(16,) * (rank - len(leaf.shape))))
    return replace(leaf, shape=(*leaf.shape[:1], *_RANKS[rank][len(leaf.shape[:1]) :]))


def refilled(leaf: Tensor, wish: Fill) -> Tensor:
    """The tensor with other values."""
    dtype = wish.dtype or {"ids": "int64", "bools": "bool", "mask": "bool"}.get(wish.fill, "float32")
    return replace(leaf, fill=wish.fill, dtype=dtype, high=wish.high)


def _rounded(leaf: Tensor, wish: Multiple, direct: bool) -> Iterator[Tensor]:
    got = wish.tensor.shape[wish.dim]
    want = -(-got // wish.by) * wish.by
    yield from _resized(leaf, Size(wish.tensor, wish.dim, want), direct)
    for dim in reversed(range(1 if len(leaf.shape) > 1 else 0, len(leaf.shape))):
        yield _with(leaf, dim, leaf.shape[dim] * wish.by)


def grown(leaf: Tensor, keep: int) -> Tensor:
    """The tensor with its later dimensions doubled."""
    keep = min(keep, max(len(leaf.shape) - 1, 0))
    return replace(leaf, shape=(*leaf.shape[:keep], *(min(size * 2, LARGEST) for size in leaf.shape[keep:])))


def _size_numbers(plan: Plan) -> List[Tuple[Path, int]]:
    """The constructor's numbers that may be sizes: a small number whose name says depth, kernel or heads is none, though a batch may be as small."""
    return [(path, number) for path, number in numbers(plan.build) if number > 4 or vocabulary.known_number(path_name(path)) is None]


def _resized_build(plan: Plan, wish: Size) -> Iterator[Plan]:
    """Change the constructor's numbers instead: those equal to what was got become what is wanted."""
    if plan.build is None:
        return
    got, want = wish.tensor.shape[wish.dim], wish.want
    for path, number in _size_numbers(plan):
        if number == got != want and 0 < want <= LARGEST:
            yield replace(plan, build=set_at(plan.build, path, Literal(want)))
    for path, number in _size_numbers(plan):
        if number == want != got and 0 < got <= LARGEST:
            yield replace(plan, build=set_at(plan.build, path, Literal(got)))


def _renumbered(plan: Plan, got: int, want: int) -> Iterator[Plan]:
    """Each number equal to `got`, in a shape or in the constructor, becomes `want`; a number of the call (`dim == -2`) may also be below one."""
    if abs(want) > LARGEST or got == want:
        return
    for path, leaf in tensor_leaves(plan.call) if want > 0 else ():
        if len(leaf.shape) > 3 and leaf.shape[-2:] == (got, got):  # the sides of an image go together
            yield replace(plan, call=set_at(plan.call, path, replace(leaf, shape=(*leaf.shape[:-2], want, want))))
        for dim in reversed(range(len(leaf.shape))):
            if leaf.shape[dim] == got:
                yield replace(plan, call=set_at(plan.call, path, _with(leaf, dim, want)))
    for path, number in numbers(plan.call):
        if number == got:
            yield replace(plan, call=set_at(plan.call, path, Literal(want)))
    for path, number in _size_numbers(plan) if want > 0 else ():
        if number == got and plan.build is not None:
            yield replace(plan, build=set_at(plan.build, path, Literal(want)))


def _rounded_build(plan: Plan, wish: Multiple) -> Iterator[Plan]:
    got = wish.tensor.shape[wish.dim]
    for path, number in _size_numbers(plan):
        if number == got and plan.build is not None:
            yield replace(plan, build=set_at(plan.build, path, Literal(-(-got // wish.by) * wish.by)))
