"""Finding how to build a class and call it: guesses first, then repairs of what was raised, best attempt first."""

from __future__ import annotations

import heapq
import random
import re
import time
from dataclasses import replace
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

import torch

from . import guess
from .attempt import Bench, Outcome, Plan, Rank, TooLarge, filled
from .configs import smaller_value
from .derived import needs_subclass, subclasses
from .given import BadExample, example_plan, usage_plans
from .infer import Place, passed_on
from .load import Loaded
from .make import Maker, arguments_source
from .parents import listen, parents
from .plans import Space, path_name
from .protocol import Budget, Call, Failure, Hints, Recipe, SearchResult
from .repair import repairs
from .standin import LEDGER
from .tree import function_tree, signature
from .tune import is_flattening, tuned
from .uses import optional_keys
from .values import Arguments, Items, Tensor, Value, from_json, to_json
from .variants import Spread

RUNS = 400
CHEAP = 10_000_000  # elements made in one call: up to this nothing cheaper is looked for
TUNED_AT = 2  # an error met this often is worth solving for a size by measuring
STUCK_AT = 8
MINED_RUNS = 30
SMALL_RUNS = 50  # with small values in place of large defaults, which may not fit together
STAGE_SHARE = 0.4  # of the time, for what usages say and then for small values: either may be too large to run, and what comes after must have its turn
PARENT_SHARE = 0.1  # of the time, for the search of one parent and then for what was heard in it
NO_HINTS: Hints = {"examples": [], "usages": [], "lines": [], "methods": []}
WEAK_RUNS = 60  # after a plan passed whose outputs are not finite or carry no gradient: a better one is looked for this long


class _Options(Mapping[str, List[Value]]):
    """Candidates by parameter name, worked out when they are asked for."""

    def __init__(self, makers: Dict[str, Callable[[], List[Value]]]) -> None:
        self.makers = makers
        self.known: Dict[str, List[Value]] = {}

    def __getitem__(self, name: str) -> List[Value]:
        if name not in self.known:
            self.known[name] = self.makers[name]()
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.makers)

    def __len__(self) -> int:
        return len(self.makers)


def warm_up() -> None:
    """Import what a search needs of torch."""


def search(loaded: Loaded, hints: Hints, budget: Budget) -> SearchResult:
    """A recipe by which `materialise` builds and calls the target, or the failure that came nearest."""
    made = Search(loaded, hints, budget)
    result = made.run()
    if "failure" in result and made.is_class:
        result = made.as_parents_do() or result
    if "failure" in result and made.stopped_by_size:
        without_values = Search(loaded, hints, {**budget, "seconds": budget["seconds"] / 2}, fake=True).run()
        return result if "failure" in without_values else without_values
    if "failure" in result and isinstance(loaded.object, type) and needs_subclass(loaded.object, str(result["failure"])):  # type: ignore[typeddict-item]
        for kind in subclasses(loaded):
            symbol = kind.__qualname__
            other = Search(replace(loaded, object=kind, symbol=symbol), hints, budget).run()
            if "failure" not in other:
                other["notes"] = [*other.get("notes", []), f"{loaded.symbol} is run through its subclass {symbol}"]
                return other
    return result


class Pass(NamedTuple):
    """A plan that passed, whether its outputs are finite and carry gradients, and what it costs in elements made."""

    plan: Plan
    good: bool
    work: int


def _better(one: Optional[Pass], other: Optional[Pass]) -> Optional[Pass]:
    """The better of two passes: a good one, then the cheaper one."""
    known = [found for found in (one, other) if found is not None]
    return min(known, key=lambda found: (not found.good, found.work)) if known else None


class Frontier:
    """The plans to try, best first: by how far the attempt came that proposed them, how often that came to the same error before, and how likely they are."""

    def __init__(self, starts: List[Plan]) -> None:
        self.heap: List[Tuple[Rank, int, int, Plan]] = [((0, 0, ()), 0, number, start) for number, start in enumerate(starts)]
        self.parent: Rank = (0, 0, ())
        self.seen: Set[Plan] = set(starts)
        self.errors: Dict[Tuple[Any, ...], int] = {}

    @property
    def open(self) -> bool:
        """Is there anything left to try?"""
        return bool(self.heap)

    def pop(self) -> Plan:
        """The most promising plan."""
        self.parent, _, _, plan = heapq.heappop(self.heap)
        return plan

    def extend(self, outcome: Outcome, proposals: List[Plan], first: bool = False) -> int:
        """Add what the repair of an attempt proposes (`first`: before all else); the number of times that this error was met before."""
        phase, steps, lines = outcome.rank
        # Another missing key is another error, even if only a number tells them apart.
        text = str(outcome.error) if isinstance(outcome.error, KeyError) else re.sub(r"\d+", "#", str(outcome.error))
        signature_ = (phase, steps, type(outcome.error), text[:120])
        repeats = self.errors[signature_] = self.errors.get(signature_, -1) + (not first)
        # Lines further down are no sign of progress where the same error is met again and again.
        stuck = repeats >= STUCK_AT
        reached = (-phase, -steps, (0,) if stuck else tuple(-line for line in lines))
        # A change in one place often needs a second one before it pays: what falls back keeps its parent's rank, at a price.
        fallen = reached > self.parent
        rank = min(reached, (*self.parent[:2], (0,)) if stuck else self.parent)
        for number, proposal in enumerate(proposals):
            if proposal not in self.seen:
                self.seen.add(proposal)
                heapq.heappush(self.heap, (rank, -1 if first else number + 3 * repeats + 4 * fallen, len(self.seen), proposal))
        return repeats


class Search:
    """One search: its space of values, the attempts made, the best of them."""

    def __init__(self, loaded: Loaded, hints: Hints, budget: Budget, fake: bool = False) -> None:
        self.loaded, self.hints, self.budget, self.fake = loaded, hints, budget, fake
        self.ends = time.process_time() + budget["seconds"]
        seconds, elements = max(0.5, min(5.0, budget["seconds"] / 4)), max(budget["bytes"] // 16, 1_000_000)
        self.bench = Bench(loaded.object, loaded.module, seconds, elements, fake)
        self.space = Space()
        self.notes: List[str] = []
        self.best: Optional[Tuple[Rank, Plan, Outcome]] = None
        self.is_class = isinstance(loaded.object, type)

    @property
    def stopped_by_size(self) -> bool:
        """Did the nearest attempt ask for more memory than there is for it?"""
        return self.best is not None and isinstance(self.best[2].error, TooLarge)

    def run(self) -> SearchResult:
        """Search until an attempt passes, the runs are spent or time is up; small values for large defaults come first."""
        given = self._given()
        if given is not None:
            return given
        found = self._found(self.first_plan())
        if found is None:
            return self.failure()
        return self.recipe(found.plan) if self.fake else self._spread(found)

    def _found(self, start: Plan) -> Optional[Pass]:
        """The best plan that passes."""
        starts = [*self.fuller(start), start]
        if self.fake:
            return self._explore([*self.mined(start), *starts], RUNS)
        small = [smaller for plan in starts for smaller in self.smaller(plan)]
        mined = self.mined(start)
        found = self._explore(mined[:2], MINED_RUNS, STAGE_SHARE)
        if found is None or not found.good or found.work > CHEAP:
            found = _better(found, self._explore(small, SMALL_RUNS, STAGE_SHARE))
        if found is None or not found.good or (found.work > CHEAP and not small):
            found = _better(found, self._explore([*starts, *mined], RUNS if found is None else SMALL_RUNS))
        return found

    def nearest(self) -> Optional[Plan]:
        """A plan that passes, else the one that came nearest."""
        found = self._found(self.first_plan())
        return found.plan if found is not None else self.best[1] if self.best is not None else None

    def as_parents_do(self) -> Optional[Recipe]:
        """The recipe of what the target gets where a parent in its file builds and calls it, or of a repair of that; None where no parent helps."""
        for kind in parents(self.loaded):
            touched = list(LEDGER.touched)  # what a parent uses is no use of the target's
            other = Search(replace(self.loaded, object=kind, symbol=kind.__qualname__), NO_HINTS, self.budget)
            other.ends = time.process_time() + PARENT_SHARE * self.budget["seconds"]
            plan = other.nearest()
            plans = listen(self.loaded.object, other.bench, plan, self.first_plan()) if plan is not None else []
            LEDGER.touched[:] = touched
            self.ends = time.process_time() + PARENT_SHARE * self.budget["seconds"]
            found = self._explore(plans, MINED_RUNS)
            if found is not None:
                return self._spread(found)
        return None

    def _spread(self, found: Pass) -> Recipe:
        """The recipe of a plan with the variants that run more of the wanted lines."""
        spread = Spread(self.bench, self.space, self.loaded.path, set(self.hints["lines"]), self._passing, self.method_plan)
        chosen = spread.spread(found.plan, cheap=found.work <= CHEAP)
        return self.recipe(chosen[0], chosen[1:])

    def _passing(self, plan: Plan, runs: int) -> Optional[Plan]:
        found = self._explore([plan], runs)
        return found.plan if found is not None else None

    def method_plan(self, plan: Plan, name: str) -> Optional[Plan]:
        """The first plan for calling another method of what `plan` builds."""
        method = getattr(self.loaded.object, name, None)
        if method is None or isinstance(vars(self.loaded.object).get(name), (staticmethod, classmethod, property)):
            return None
        space = Space()
        call = self._arguments(Place(method, self.loaded.object), method, guess.call_candidates, True, space.call, space, "open_call")
        self.space.call.update(space.call)
        return Plan(plan.build, call, name)

    def _given(self) -> Optional[SearchResult]:
        """The recipe of the user's examples: those that build the target as the first one that runs does; None where none runs."""
        passed: List[Plan] = []
        for text in self.hints["examples"]:
            try:
                plan = example_plan(text, self.is_class)
            except BadExample as error:
                self.notes.append(str(error))
                continue
            if passed and plan.build != passed[0].build:
                continue
            outcome = self.bench.run(plan, fresh=True)
            if outcome.phase == "done":
                passed.append(plan)
            else:
                self.notes.append(f"the example {text!r} does not run: {error_line(outcome.error)}")
        return self.recipe(passed[0], passed[1:]) if passed else None

    def mined(self, start: Plan) -> List[Plan]:
        """The plans that usages in the project's text stand for."""
        target = self.loaded.object
        if not self.is_class:
            return usage_plans(self.hints["usages"], start, None, target)
        return usage_plans(self.hints["usages"], start, target.__init__, call_of(target))

    def _explore(self, starts: List[Plan], runs: int, share: float = 1.0) -> Optional[Pass]:
        """Try plans and repairs of them, best first, until one passes or a share of the time is spent; None where none does."""
        last = min(self.ends, time.process_time() + share * self.budget["seconds"])
        frontier = Frontier(starts)
        weak: Optional[Pass] = None
        ends = self.bench.runs + runs
        while frontier.open and self.bench.runs < ends and time.process_time() < last:
            plan = frontier.pop()
            outcome = self.bench.run(plan)
            plan = filled(plan, outcome)
            again = self.bench.run(plan, fresh=True) if outcome.phase == "done" else outcome
            if again.phase != "done":
                outcome = again
            else:
                passed = Pass(plan, outcome.finite and outcome.differentiable, outcome.work)
                if passed.good:
                    return passed
                ends = ends if weak is not None else min(ends, self.bench.runs + WEAK_RUNS)
                weak = weak or passed
            if self.best is None or outcome.rank > self.best[0]:
                self.best = (outcome.rank, plan, outcome)
            proposals = repairs(plan, outcome, self.space)
            if frontier.extend(outcome, proposals) == (0 if is_flattening(outcome) else TUNED_AT):
                better = tuned(self.bench, plan, outcome)
                frontier.extend(outcome, [better] if better is not None else [], first=True)
            outcome.frames.clear()
        return weak

    def smaller(self, plan: Plan) -> List[Plan]:
        """The plan with small values in place of large defaults."""
        if plan.build is None:
            return []
        given = {path_name((name,)) for name, _ in plan.build}
        small = tuple((f"={name}", value) for name, value in self.space.small_build.items() if name not in given)
        return [replace(plan, build=(*plan.build, *small))] if small else []

    def fuller(self, start: Plan) -> List[Plan]:
        """Where a call needs nothing: the plans in which it gets the first tensor it can take, and all of them."""
        if start.call:
            return []
        tensors = [(f"={name}", values[0]) for name, values in self.space.open_call.items() if values and isinstance(values[0], Tensor)]
        return [replace(start, call=call) for call in dict.fromkeys((tuple(tensors[:1]), tuple(tensors))) if call]

    def first_plan(self) -> Plan:
        """The likeliest value for every parameter without a default."""
        target = self.loaded.object
        if not self.is_class:
            place = Place(target)
            return Plan(None, self._arguments(place, target, guess.call_candidates, False, self.space.call, self.space, "open_call"))
        place = Place(target.__init__, target, building=True)
        build = self._arguments(place, target.__init__, guess.build_candidates, True, self.space.build, self.space, "open_build")
        method = call_of(target)
        call_place = Place(method, target)
        call = self._arguments(call_place, method, guess.call_candidates, True, self.space.call, self.space, "open_call")
        return Plan(build, call)

    def _arguments(self, place: Place, function: Any, candidates: Any, bound: bool, known: Dict[str, List[Value]], space: Space, open_name: str) -> Arguments:
        shape = signature(function)
        parameters = list(shape.parameters.values())[1 if bound else 0 :] if shape is not None else []
        given: List[Tuple[str, Value]] = []
        makers: Dict[str, Callable[[], List[Value]]] = {}
        for parameter in parameters:
            if parameter.kind is parameter.VAR_KEYWORD:
                tree = function_tree(place.function) if open_name == "open_build" else None
                for key in optional_keys(tree, parameter.name) if tree is not None else ():
                    makers[key] = (lambda asked: lambda: guess.optional_candidates(place, asked))(key)
                for above, option in passed_on(place) if open_name == "open_build" else ():
                    makers.setdefault(option.name, (lambda place, chosen: lambda: candidates(place, chosen))(above, option))
                continue
            if parameter.kind is parameter.VAR_POSITIONAL:
                if place.function.__name__ == "__init__" and guess.holds_modules(parameter.name):
                    given.append((f"*{parameter.name}", guess.two_modules()))
                elif place.function.__name__ != "__init__" and not given:
                    given.append((f"*{parameter.name}", Items("tuple", (guess.named_tensor(parameter.name),))))
                continue
            if parameter.default is not parameter.empty:
                smaller = smaller_value(parameter.name, parameter.default) if open_name == "open_build" else None
                if smaller is not None:
                    self.space.small_build[parameter.name] = smaller
                makers[parameter.name] = (lambda chosen: lambda: candidates(place, chosen))(parameter)
                continue
            known[parameter.name] = candidates(place, parameter)
            given.append((parameter.name if parameter.kind is not parameter.KEYWORD_ONLY else f"={parameter.name}", known[parameter.name][0]))
        setattr(space, open_name, _Options(makers))
        return tuple(given)

    def recipe(self, plan: Plan, more: Sequence[Plan] = ()) -> Recipe:
        """The plan that passed, with more calls of what it builds, as the recipe that crosses to the host."""
        found: Recipe = {
            "symbol": self.loaded.symbol,
            "constructor": to_json(plan.build),
            "calls": [[variant.method, to_json(variant.call)] for variant in (plan, *more)],
            "hint": self.example(plan),
            "notes": self.notes,
        }
        if self.fake:
            found["fake"] = True
        if self.loaded.touched:
            found["doubt"] = f"{', '.join(self.loaded.touched[:3])} is not installed here and was used"
        return found

    def example(self, plan: Plan) -> str:
        """The plan as an example line."""
        call = arguments_source(plan.call)
        head = f"{self.loaded.symbol}({arguments_source(plan.build)})" if plan.build is not None else self.loaded.symbol
        return f"{head}, {call}" if call else head

    def failure(self) -> Failure:
        """What the nearest attempt stopped at."""
        if self.best is None:
            return {"failure": "no time was left to try anything"}
        _, plan, outcome = self.best
        reason = error_line(outcome.error)
        if self.loaded.touched:
            reason = f"{', '.join(self.loaded.touched[:3])} is not installed here and was used ({reason})"
        return {"failure": f"{outcome.phase}: {reason}", "nearest": self.example(plan), "hint": self.example(plan)}


def call_of(target: type) -> Any:
    """The method that is run when an instance is called."""
    return target.forward if issubclass(target, torch.nn.Module) else target.__call__


def error_line(error: Optional[BaseException]) -> str:
    """An error in one line."""
    text = str(error).strip().splitlines()
    said = text[0] if text else ""
    if said and type(error).__module__ == Outcome.__module__:
        return said  # our own say all there is to say
    return f"{type(error).__name__}: {said}".rstrip(": ")


def materialise(recipe: Recipe, loaded: Loaded, seed: int) -> Tuple[Any, List[Call]]:
    """The target of a recipe and its calls, drawn from the seeded global generators."""
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    maker = Maker(loaded.module)
    build = from_json(recipe["constructor"])
    target = loaded.object if recipe["symbol"] == loaded.symbol else maker.find(f":{recipe['symbol']}")
    if build is not None:
        positional, keywords = maker.arguments(build)
        target = target(*positional, **keywords)
    calls: List[Call] = []
    for method, arguments in recipe["calls"]:
        positional, keywords = maker.arguments(from_json(arguments))
        calls.append((method, tuple(positional), keywords))
    return target, calls
