"""More calls of what was found, so that the wanted lines run: options given, flags turned, methods called, other constructors."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any, Callable, Iterator, List, Optional, Set, Tuple

import torch

from .attempt import Bench, Plan
from .branches import asked_before, method_lines, method_of_line, parameters_behind
from .lines import LineLog
from .plans import Space, path_name
from .tree import signature
from .values import Arguments, Literal, Tensor, Value

MOST_CALLS = 4  # variants a recipe holds at most
_TRIES = 12

# Repairs a plan until it passes, within so many runs; None where that fails.
Explore = Callable[[Plan, int], Optional[Plan]]
# Makes the first plan for calling a method by its name.
CallMethod = Callable[[Plan, str], Optional[Plan]]


class Spread:
    """Looks for variants of a plan that run lines of the file which the plan alone does not run."""

    def __init__(self, bench: Bench, space: Space, path: str, wanted: Set[int], explore: Explore, call_method: CallMethod) -> None:
        self.bench, self.space, self.path, self.wanted = bench, space, path, wanted
        self.explore, self.call_method = explore, call_method
        self.owner: Optional[type] = bench.target if isinstance(bench.target, type) else None

    def spread(self, plan: Plan, cheap: bool) -> List[Plan]:
        """The plan (with another constructor, where only that runs the wanted lines) and the variants worth keeping.

        For a plan that is not cheap only the wanted lines are worth more runs.
        """
        covered = self.lines(plan)
        if self.wanted - covered and self.owner is not None:
            plan, covered = self._rebuilt(plan, covered)
        chosen = [plan]
        if not cheap and not self.wanted - covered:
            return chosen
        for variant in self._variants(plan, covered):
            if len(chosen) >= MOST_CALLS:
                break
            gained = self.lines(variant) - covered
            if gained & (self.wanted | self._interesting()):
                chosen.append(variant)
                covered |= gained
        return chosen

    def lines(self, plan: Plan) -> Set[int]:
        """The lines of the file that run in training and in evaluation."""
        found: Set[int] = set()
        for training in (True, False):
            if hasattr(sys, "monitoring"):
                sys.monitoring.restart_events()
            with LineLog(self.path) as log:
                self.bench.run(plan, fresh=True, training=training)
            found |= log.lines
        return found

    def _interesting(self) -> Set[int]:
        """All lines of the class's methods in the file."""
        return set().union(*method_lines(self.owner, self.path).values()) if self.owner is not None else set()

    def _variants(self, plan: Plan, covered: Set[int]) -> Iterator[Plan]:
        yield from self._unreached(plan, covered)
        asked = asked_before(self.path, (self.wanted or self._interesting()) - covered)
        toggled = sorted(self._toggles(plan), key=lambda entry: entry[0] not in asked.names)
        for _, variant in toggled[:_TRIES]:
            passed = self.explore(variant, 8)
            if passed is not None and passed.build == plan.build:
                yield passed

    def _unreached(self, plan: Plan, covered: Set[int]) -> Iterator[Plan]:
        """Calls of the methods that hold wanted lines which no call of the module reaches."""
        if self.owner is None:
            return
        names = {method_of_line(self.owner, self.path, line) for line in self.wanted - covered}
        for name in sorted(found for found in names if found not in (None, "forward", "__init__", "__call__")):
            start = self.call_method(plan, name)
            passed = self.explore(start, 30) if start is not None else None
            if passed is not None and passed.build == plan.build:
                yield passed

    def _toggles(self, plan: Plan) -> Iterator[Tuple[str, Plan]]:
        """Each optional parameter given, each flag turned, each optional input left out, one at a time."""
        given = {path_name((name,)) for name, _ in plan.call}
        for name, values in self.space.open_call.items():
            if name not in given:
                yield from ((name, replace(plan, call=(*plan.call, (f"={name}", value)))) for value in _others(values, self._default(name)))
        for place, (name, value) in enumerate(plan.call):
            if isinstance(value, Tensor) and name.startswith("=") and len(plan.call) > 1:
                yield path_name((name,)), replace(plan, call=plan.call[:place] + plan.call[place + 1 :])

    def _default(self, name: str) -> Any:
        function = self.owner.forward if self.owner is not None and issubclass(self.owner, torch.nn.Module) else self.bench.target
        shape = signature(function)
        found = shape.parameters.get(name) if shape is not None else None
        return found.default if found is not None else None

    def _rebuilt(self, plan: Plan, covered: Set[int]) -> Tuple[Plan, Set[int]]:
        """The plan with the constructor that runs most of the wanted lines."""
        assert self.owner is not None and plan.build is not None
        asked = asked_before(self.path, self.wanted - covered)
        best, seen = plan, covered
        for name in parameters_behind(self.owner, asked.names)[:6]:
            for value in self._build_values(plan.build, name, asked.constants)[:4]:
                passed = self.explore(replace(best, build=_with(best.build or (), name, value)), 15)
                lines = self.lines(passed) if passed is not None else set()
                if passed is not None and len(lines & self.wanted) > len(seen & self.wanted):
                    best, seen = passed, lines
        return best, seen

    def _build_values(self, build: Arguments, name: str, constants: List[Any]) -> List[Value]:
        current = {path_name((key,)): value for key, value in build}.get(name)
        default = signature(self.owner.__init__).parameters[name].default if self.owner is not None else None  # type: ignore[misc,union-attr]
        now = current.value if isinstance(current, Literal) else default
        found: List[Value] = []
        if isinstance(now, bool):
            found.append(Literal(not now))
        elif isinstance(now, (int, float)):
            found.extend(Literal(other) for number in constants if isinstance(number, (int, float)) for other in (number, number + 1, number - 1))
            found.extend([Literal(type(now)(0.5) if isinstance(now, float) else 0), Literal(now * 2), Literal(1)])
        found.extend(Literal(constant) for constant in constants if isinstance(constant, str))
        known = self.space.open_build.get(name) or self.space.build.get(name) or []
        return [value for value in dict.fromkeys([*found, *known, Literal(None)]) if value != current]


def _others(values: List[Value], default: Any) -> List[Value]:
    if isinstance(default, bool):
        return [Literal(not default)]
    return [value for value in values[:2] if not (isinstance(value, Literal) and value.value == default)]


def _with(arguments: Arguments, name: str, value: Value) -> Arguments:
    if any(path_name((key,)) == name for key, _ in arguments):
        return tuple((key, value if path_name((key,)) == name else old) for key, old in arguments)
    return (*arguments, (f"={name}", value))
