"""What flow claims about random functions, held against running them."""

from __future__ import annotations

import ast
import itertools
from typing import Any

import libcst as cst
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lintorch.fix.compose import compose
from lintorch.flow.dataflow import Chains, chain
from lintorch.flow.event import Binding, Event, Graph, Kind
from lintorch.flow.gate import Seed, seeds
from lintorch.flow.lowering import lower_function
from lintorch.flow.segment import cut
from lintorch.rule import moves
from lintorch.source.text import Source
from tests.flow.flows import flow_of
from tests.flow.programs import programs, run

SEEDS = range(4)
# The profile `search` (HYPOTHESIS_PROFILE) looks at 2,000 programs; the suite at a few.
relaxed = settings(
    max_examples=min(settings.default.max_examples, 40) if settings.default.derandomize else settings.default.max_examples,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def _analysed(code: str) -> tuple[Graph, Chains]:
    function = ast.parse(code).body[0]
    assert isinstance(function, ast.FunctionDef)
    graph = lower_function(cut(Source.from_bytes("program.py", code.encode()), function).function, lambda _: True)
    return graph, chain(graph)


def _call_number(event: Event) -> int | None:
    return _number(event.node) if event.kind is Kind.CALL else None


def _runs(code: str) -> list[list[tuple[Any, ...]]]:
    return [run(code, seed) for seed in SEEDS]


@relaxed
@given(programs())
def test_calls_follow_each_other_as_the_graph_says(code: str) -> None:
    graph, _ = _analysed(code)
    followers = {number: _next_calls(graph, event) for event in graph.events if (number := _call_number(event)) is not None}
    for log in _runs(code):
        numbers = [entry[1] for entry in log if entry[0] == "call"]
        for one, other in itertools.pairwise(numbers):
            assert other in followers[one], f"{other} follows {one}\n{code}"


def _next_calls(graph: Graph, event: Event) -> set[int]:
    """The calls that may be the next one after `event`."""
    rest = graph.blocks[event.block].events
    found = _first_call([later for later in rest if later.at > event.at])
    if found is not None:
        # An exception leaves the block early: what the block's successors do may come next, too.
        return {found} | _first_calls_behind(graph, event.block)
    return _first_calls_behind(graph, event.block)


def _first_calls_behind(graph: Graph, block: int) -> set[int]:
    found: set[int] = set()
    pending, seen = list(graph.blocks[block].successors), set()
    while pending:
        number = pending.pop()
        if number in seen:
            continue
        seen.add(number)
        call = _first_call(graph.blocks[number].events)
        if call is not None:
            found.add(call)
        else:
            pending.extend(graph.blocks[number].successors)
        # A call may raise before it is logged only if one of its operands does; those are calls of their own.
    return found


def _first_call(events: list[Event]) -> int | None:
    return next((number for event in events if (number := _call_number(event)) is not None), None)


@relaxed
@given(programs())
def test_a_use_sees_only_reaching_definitions(code: str) -> None:
    graph, chains = _analysed(code)
    allowed = {number: _argument_origins(graph, chains, event) for event in graph.events if (number := _call_number(event)) is not None}
    for log in _runs(code):
        for entry in log:
            if entry[0] == "call" and allowed.get(entry[1]) is not None:
                for argument, origins in zip(entry[2:], allowed[entry[1]], strict=False):
                    assert origins is None or argument in origins, f"{entry} but only {origins}\n{code}"


def _argument_origins(graph: Graph, chains: Chains, event: Event) -> list[set[int] | None]:
    """For each argument of a call that is a bare name: the numbers of the tokens it may hold, where each has a known origin."""
    assert isinstance(event.node, cst.Call)
    loads = {load.node: load for load in graph.events if load.kind is Kind.LOAD}
    origins = []
    for arg in event.node.args[1:]:
        load = loads.get(arg.value)
        origins.append(_origins(graph, chains, load) if load is not None and not arg.star else None)
    return origins


def _origins(graph: Graph, chains: Chains, load: Event) -> set[int] | None:
    numbers: set[int] = set()
    for definition in chains.reaching.get(load.at, ()):
        if definition.binding is Binding.PARAMETER:
            numbers.add(-1 - "abcd".index(definition.name))
        elif definition.binding in (Binding.ASSIGNED, Binding.WALRUS) and (number := _number(definition.value)) is not None:
            numbers.add(number)
        else:
            return None
    return numbers


def _number(value: cst.CSTNode | None) -> int | None:
    """The number of the effect call that is the whole value."""
    if not isinstance(value, cst.Call) or not value.args or not isinstance(value.args[0].value, cst.Integer):
        return None
    return int(value.args[0].value.value)


@relaxed
@given(programs())
def test_a_dead_value_is_never_seen(code: str) -> None:
    graph, chains = _analysed(code)
    assume("lambda" not in code)
    made = [definition for definition in graph.definitions.values() if definition.binding is Binding.ASSIGNED and chains.dead(definition)]
    dead = {_number(definition.value) for definition in made} - {None}
    for log in _runs(code):
        seen = {argument for entry in log if entry[0] != "bool" for argument in entry[2:]}
        assert not seen & dead, f"{seen & dead}\n{code}"


@relaxed
@given(programs())
def test_the_gate_lets_every_dead_store_through(code: str) -> None:
    flow = flow_of(code)
    if any(map(flow.is_dead, flow.assignments)):
        assert Seed.DEAD_STORE in seeds(flow.entry), code


@relaxed
@given(programs(), st.integers(20, 100))
def test_all_moves_together_keep_every_effect_in_order(code: str, line_length: int) -> None:
    flow = flow_of(code, line_length=line_length)
    operations = [move for inlining in flow.inlinings for move in moves(flow, inlining)]
    assume(operations)
    candidate = compose(flow.module.source, operations)
    for before, after in zip(_runs(code), _runs(candidate.text), strict=True):
        # A name unbound by `del` raises where it is read, and reading a local name is not an effect that keeps its place.
        if before[-1] != ("raised", "UnboundLocalError"):
            assert before == after, f"{code}\n->\n{candidate.text}"
    again = flow_of(candidate.text, line_length=line_length)
    assert not again.inlinings, f"not stable\n{code}\n->\n{candidate.text}"


@relaxed
@given(programs())
def test_each_move_alone_keeps_every_effect_in_order(code: str) -> None:
    flow = flow_of(code)
    assume(flow.inlinings)
    for inlining in flow.inlinings:
        candidate = compose(flow.module.source, moves(flow, inlining))
        for before, after in zip(_runs(code), _runs(candidate.text), strict=True):
            if before[-1] != ("raised", "UnboundLocalError"):
                assert before == after, f"{code}\n->\n{candidate.text}"
