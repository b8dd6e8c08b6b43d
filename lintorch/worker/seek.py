"""The search's part of a job: finds a recipe, moves the parameters, keeps the calls that run, and packs what both versions are given."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch

from . import search
from .load import Loaded
from .observe import in_brief
from .protocol import Call, Frame, Plan, Recipe
from .runs import Runner, Seen, Sink, Situation, Subject, Variant, distinct_tensors, seed_all
from .state import has_both_signs, perturb
from .subject import describe_arguments, load_version, materialise, setup_frame

# How far parameters are moved, and whether the last seed's inputs get tails; less where the module does not bear it.
_STRENGTHS = ((1.0, True), (1.0, False), (0.2, False), (0.0, False))
_TAIL_EVERY, _TAIL_FACTOR = 5, 6.0


class NoInputs(Exception):
    """Nothing could be built or called; `hint` is an example line to complete."""

    def __init__(self, reason: str, hint: Optional[str] = None) -> None:
        super().__init__(reason)
        self.hint = hint


class Attempt(NamedTuple):
    """The setup for one strength of perturbation, and how the calls fared in it."""

    frame: Frame
    variants: List[Tuple[int, bool]]  # calls that run, and whether with gradients for their inputs
    good: bool  # does some output vary?
    raised: Optional[str]  # what the first call that does not run raised

    @property
    def score(self) -> Tuple[int, bool]:
        """More running calls are better, then outputs that vary."""
        return (len(self.variants), self.good)


def seek(head: Dict[str, Any], sink: Sink) -> Frame:
    """The frame both versions start from; raises NoInputs."""
    loaded = load_version(head["spec"])
    seed_all(0)
    found: Any = search.search(loaded, head["hints"], head["budget"])
    if "failure" in found:
        raise NoInputs(found["failure"], found.get("hint") or found.get("nearest"))
    recipe: Recipe = found
    if recipe.get("fake"):
        return Frame({"recipe": recipe, "fake": True, "inputs": [], "notes": recipe.get("notes", [])}, [])
    best = _best_attempt(recipe, loaded, head["plan"], sink)
    if not best.variants:
        raise NoInputs(f"{recipe['symbol']} was built and called, but raised {best.raised}", recipe.get("hint"))
    best.frame.head.update(variants=best.variants, notes=recipe.get("notes", []))
    return best.frame


def _best_attempt(recipe: Recipe, loaded: Loaded, plan: Plan, sink: Sink) -> Attempt:
    attempts: List[Attempt] = []
    for strength, tails in _STRENGTHS:
        attempts.append(_attempt(recipe, loaded, plan, strength, tails, sink))
        if attempts[-1].good and attempts[-1].raised is None:
            break
    return max(attempts, key=lambda attempt: attempt.score)  # the first of equals: the one moved furthest


def _attempt(recipe: Recipe, loaded: Loaded, plan: Plan, strength: float, tails: bool, sink: Sink) -> Attempt:
    first, last = plan["seeds"][0], plan["seeds"][-1]
    target, calls = materialise(recipe, loaded, first)
    by_seed: Dict[int, List[Call]] = {first: calls}
    for seed in plan["seeds"][1:]:
        by_seed[seed] = materialise(recipe, loaded, seed)[1]
    stretched = tails and last != first and _stretch(by_seed[last], calls)
    perturb(target, strength)
    frame = setup_frame(recipe, target, by_seed)
    frame.head["inputs"] = describe_arguments(calls[0])
    return _try_calls(frame, target, [by_seed[first], *([by_seed[last]] if stretched else [])], plan, sink)


def _stretch(calls: List[Call], others: List[Call]) -> bool:
    """Give a tail to the inputs drawn on both sides of zero, towards the side on which the sum of those of another seed is not.

    So the runs reach both sides of a threshold that most values pass, and of a condition on a mean. False where there is no such input.
    """
    pairs = [pair for call, other in zip(calls, others) for pair in zip(distinct_tensors(call), distinct_tensors(other))]
    drawn = {id(tensor): (tensor, other) for tensor, other in pairs if has_both_signs(tensor)}
    with torch.no_grad():
        for tensor, other in drawn.values():
            tail = tensor.abs() * (-_TAIL_FACTOR if bool(other.sum() > 0) else _TAIL_FACTOR)
            place = torch.arange(tensor.numel()).reshape(tensor.shape)
            tensor.copy_(torch.where(place % _TAIL_EVERY == 0, tail, tensor))
    return bool(drawn)


def _try_calls(frame: Frame, target: Any, by_seed: List[List[Call]], plan: Plan, sink: Sink) -> Attempt:
    """What runs of the calls, each made for several seeds."""
    variants, good, reason = [], False, None
    for place, calls in enumerate(zip(*by_seed)):
        for with_grad in (True, False):
            runs = [seen for call in calls for seen in _try_call(target, call, with_grad, plan, sink)]
            raised = next((seen.raised for seen in runs if seen.raised), None)
            if raised is None:
                variants.append((place, with_grad))
                good = good or _vary(runs)
                break
        reason = reason or raised
    return Attempt(frame, variants, good, reason)


def _vary(runs: Sequence[Seen]) -> bool:
    """Does some output vary, and is none without a finite value?"""
    return any(seen.outlook == "good" for seen in runs) and not any(seen.outlook == "nan" for seen in runs)


def _try_call(target: Any, call: Call, with_grad: bool, plan: Plan, sink: Sink) -> List[Seen]:
    """One run of a call in each mode."""
    seed = plan["seeds"][0]
    subject = Subject(target, [Variant(call, {seed: [None] * len(distinct_tensors(call))}, with_grad)], {})
    runner = Runner(subject, plan, in_brief, sink)
    modes = plan["modes"] if subject.has_modes else ["call"]
    return [runner.run(Situation(seed, mode, 0, 0, grad=True)) for mode in modes]
