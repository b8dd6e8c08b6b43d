"""The best value so far and the last few: what is kept only to be compared, one graph at a time or all of them in a chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import libcst as cst

from lintorch.flow.anchor import encloses, loop_of
from lintorch.flow.event import Definition, Region
from lintorch.flow.fate import Fate
from lintorch.flow.keeper import Keeper
from lintorch.flow.keeping import Kept
from lintorch.flow.tree import children, names_in

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow


# How graphs are kept: that of the best value, until a better one comes; those of all values, each minimum an operation on the one before;
# or those of the last values, as many as a queue has places.
Way = Literal["one", "chain", "window"]


@dataclass(frozen=True, eq=False)
class Best:
    """A value kept to be compared, and how."""

    kept: Kept
    way: Way


# Python's min gives back one of its arguments; torch's makes a new tensor that has both as parents.
_EXTREMES: dict[str, Way] = {
    "builtins.min": "one",
    "builtins.max": "one",
    **dict.fromkeys((f"torch.{name}" for name in ("min", "max", "minimum", "maximum", "fmin", "fmax")), "chain"),
}
_ORDERINGS = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual)


def live_bests(training: TrainingFlow) -> Iterator[Best]:
    """Values with graphs that a function keeps only to compare them with later ones, and whose graphs nothing can need."""
    for statement in (node for node in training.flow.graph.placements if isinstance(node, cst.Assign)):
        for target, bound in _pairs(statement):
            for value, way in _candidates(training, statement, target, bound):
                kept = _kept(training, statement, target, value)
                if kept is not None and kept.leaks:
                    yield Best(kept, way)
    yield from (Best(kept, "window") for kept in training.kept_collections if kept.keeper.is_window and kept.leaks)


def _pairs(statement: cst.Assign) -> Iterator[tuple[cst.BaseAssignTargetExpression, cst.BaseExpression]]:
    """What the statement binds, and to what: `best, at = loss, step` are two."""
    target, value = statement.targets[0].target, statement.value
    if len(statement.targets) == 1 and isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple) and len(target.elements) == len(value.elements):
        for left, right in zip(target.elements, value.elements, strict=True):
            if isinstance(left.value, cst.Name | cst.Attribute):
                yield left.value, right.value
    elif len(statement.targets) == 1:
        yield target, value


def _candidates(
    training: TrainingFlow, statement: cst.Assign, target: cst.BaseExpression, value: cst.BaseExpression
) -> Iterator[tuple[cst.BaseExpression, Way]]:
    """What the statement may put in place of the best value so far."""
    branches = [value.body, value.orelse] if isinstance(value, cst.IfExp) else [value]
    for branch in branches:
        way = _EXTREMES.get(training.flow.qualify(branch.func) or "") if isinstance(branch, cst.Call) else None
        if way is not None and isinstance(branch, cst.Call):
            yield from ((rival, way) for rival in _rivals(branch, target))
        elif _is_chosen(training, statement, target, branch):
            yield branch, "one"


def _rivals(call: cst.Call, target: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The other argument of `min(best, value)`."""
    values = [arg.value for arg in call.args if arg.keyword is None and not arg.star]
    others = [value for value in values if not value.deep_equals(target)]
    return others if len(values) == 2 and len(others) == 1 else []


def _is_chosen(training: TrainingFlow, statement: cst.Assign, target: cst.BaseExpression, value: cst.BaseExpression) -> bool:
    """Does a test round the statement compare the value with what it replaces?"""
    tests = [statement.value.test] if isinstance(statement.value, cst.IfExp) else []
    node = training.parents.get(statement)
    while node is not None:
        tests += [node.test] if isinstance(node, cst.If) else []
        node = training.parents.get(node)
    named = [made.value for test in tests for name in names_in(test) for made in training.seen_by(name) if isinstance(made.value, cst.Comparison)]
    return any(_compares(test, target, value) for test in (*tests, *named))


def _compares(test: cst.CSTNode, target: cst.BaseExpression, value: cst.BaseExpression) -> bool:
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1 and isinstance(test.comparisons[0].operator, _ORDERINGS):
        sides = (test.left, test.comparisons[0].comparator)
        return any(_mentions(first, target) and _mentions(second, value) for first, second in (sides, sides[::-1]))
    return any(_compares(child, target, value) for child in children(test))


def _mentions(node: cst.CSTNode, value: cst.BaseExpression) -> bool:
    return node.deep_equals(value) or any(_mentions(child, value) for child in children(node))


def _kept(training: TrainingFlow, statement: cst.Assign, target: cst.BaseExpression, value: cst.BaseExpression) -> Kept | None:
    if isinstance(target, cst.Name):
        made = next((made for made in training.made_by_statement(statement) if made.name == target.value), None)
        loop = _outlived(training, made) if made is not None else None
        if made is None or loop is None:
            return None
        return training.keeping.kept(Keeper(made.name, loop, training.fates.of(made)), statement, value)
    keeper = training.keeping.keepers.of_sum(target, training.keeping.region(statement)) if isinstance(target, cst.Attribute) else None
    # Comparing it with the next value is the one thing that is done with a best value, and stores it again.
    return training.keeping.kept(replace(keeper, fates=keeper.fates - {Fate.SUMMED}), statement, value) if keeper is not None else None


def _outlived(training: TrainingFlow, best: Definition) -> Region | None:
    """The innermost loop that begins with the name bound already."""
    loop = loop_of(best.event.region)
    before = [other for other in training.flow.chains.over[best.event.at] if other is not best]
    while loop is not None and not any(not encloses(loop, other.event.region) for other in before):
        loop = loop_of(loop.parent) if loop.parent is not None else None
    return loop
