"""The search's part of a job: finds a recipe, moves the parameters, keeps the calls that run, and packs what both versions are given."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import search
from .load import Loaded
from .observe import in_brief
from .protocol import Call, Frame, Plan, Recipe
from .runs import Runner, Seen, Sink, Situation, Subject, Variant, distinct_tensors, seed_all
from .state import perturb
from .subject import describe_arguments, load_version, materialise, setup_frame

# How far parameters are moved; less where the module does not bear it.
_STRENGTHS = (1.0, 0.2, 0.0)


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
    for strength in _STRENGTHS:
        attempts.append(_attempt(recipe, loaded, plan, strength, sink))
        if attempts[-1].good and attempts[-1].raised is None:
            break
    return max(attempts, key=lambda attempt: attempt.score)  # the first of equals: the one moved furthest


def _attempt(recipe: Recipe, loaded: Loaded, plan: Plan, strength: float, sink: Sink) -> Attempt:
    target, calls = materialise(recipe, loaded, plan["seeds"][0])
    by_seed: Dict[int, List[Call]] = {plan["seeds"][0]: calls}
    for seed in plan["seeds"][1:]:
        by_seed[seed] = materialise(recipe, loaded, seed)[1]
    perturb(target, strength)
    frame = setup_frame(recipe, target, by_seed)
    frame.head["inputs"] = describe_arguments(calls[0])
    return _try_calls(frame, target, calls, plan, sink)


def _try_calls(frame: Frame, target: Any, calls: List[Call], plan: Plan, sink: Sink) -> Attempt:
    variants, good, reason = [], False, None
    for place, call in enumerate(calls):
        for with_grad in (True, False):
            runs = _try_call(target, call, with_grad, plan, sink)
            raised = next((seen.raised for seen in runs if seen.raised), None)
            if raised is None:
                variants.append((place, with_grad))
                good = good or any(seen.outlook == "good" for seen in runs)
                break
        reason = reason or raised
    return Attempt(frame, variants, good, reason)


def _try_call(target: Any, call: Call, with_grad: bool, plan: Plan, sink: Sink) -> List[Seen]:
    """One run of a call in each mode."""
    seed = plan["seeds"][0]
    subject = Subject(target, [Variant(call, {seed: [None] * len(distinct_tensors(call))}, with_grad)], {})
    runner = Runner(subject, plan, in_brief, sink)
    modes = plan["modes"] if subject.has_modes else ["call"]
    return [runner.run(Situation(seed, mode, 0, 0, grad=True)) for mode in modes]
