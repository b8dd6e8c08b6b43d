"""What the host works out from texts and digests alone: canary texts, lines that must run, comparisons."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintorch.source.text import Span
from lintorch.verify import compare
from lintorch.verify.canary import canary_text
from lintorch.verify.executable import never_ran


def probe(text: str, part: str) -> Span:
    start = text.index(part)
    return Span(start, start + len(part))


WRAPPED = [
    ("return f(x)\n", ["f(x)"], "return __lintorch_canary__(0, (f(x)))\n"),
    ("return f(g(x))\n", ["f(g(x))", "g(x)"], "return __lintorch_canary__(0, (f(__lintorch_canary__(1, (g(x))))))\n"),
    ("return f(g(x))\n", ["g(x)", "f(g(x))"], "return __lintorch_canary__(1, (f(__lintorch_canary__(0, (g(x))))))\n"),
    ("return a, b\n", ["a, b"], "return __lintorch_canary__(0, (a, b))\n"),
    ("return a + a\n", ["a + a", "a"], "return __lintorch_canary__(0, (__lintorch_canary__(1, (a)) + a))\n"),
    ("return f(\n    x,\n)\n", ["f(\n    x,\n)"], "return __lintorch_canary__(0, (f(\n    x,\n)))\n"),
]


@pytest.mark.parametrize(("text", "parts", "expected"), WRAPPED, ids=[text for text, *_ in WRAPPED])
def test_probes_are_wrapped(text: str, parts: list[str], expected: str) -> None:
    assert canary_text(text, [probe(text, part) for part in parts]) == expected


def binary(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("({} {} {})".format, part, st.sampled_from(["+", "*", "-"]), part)


@given(st.recursive(st.sampled_from(["a", "b", "1"]), binary))
def test_every_expression_can_be_probed_at_once(expression: str) -> None:
    text = f"def f(a, b):\n    return {expression}\n"
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.expr)]
    line = len("def f(a, b):\n")
    probes = [Span(line + node.col_offset, line + (node.end_col_offset or 0)) for node in nodes]
    seen: list[int] = []

    def canary(number: int, value: Any) -> Any:
        seen.append(number)
        return value

    plain: dict[str, Any] = {}
    probed: dict[str, Any] = {"__lintorch_canary__": canary}
    exec(text, plain)
    exec(canary_text(text, probes), probed)
    assert probed["f"](2, 3) == plain["f"](2, 3)
    assert sorted(seen) == list(range(len(probes)))


TEXT = '''\
"""Module."""

class Net:
    """A net."""

    size: int

    @property
    def forward(self, x):  # a comment
        """Forward."""
        # only a comment
        y = self.f(
            x,
        )
        if x is None:
            return None
        for z in y:
            pass
        match y:
            case 1:
                return 2
        try:
            return y
        except ValueError:
            return 3
'''

NEVER = [
    ((12,), (12,), ()),
    ((12,), (13,), ()),
    ((14,), (12, 13), ()),
    ((12,), (15,), (12,)),
    ((15,), (12,), (15,)),
    ((16,), (15,), (16,)),
    ((16,), (15, 16), ()),
    ((11,), (), ()),
    ((2,), (), ()),
    ((10,), (), ()),
    ((6,), (6,), ()),
    ((8,), (8,), (8,)),  # a decorator has run when the function has
    ((8,), (12,), ()),
    ((9,), (8, 9), (9,)),
    ((9,), (15,), ()),
    ((20, 21), (19, 20), (21,)),
    ((24, 25), (22, 23), (24, 25)),
    ((12, 16), (12, 15), (16,)),
    ((), (), ()),
]


@pytest.mark.parametrize(("edited", "ran", "missing"), NEVER)
def test_lines_that_never_ran(edited: tuple[int, ...], ran: tuple[int, ...], missing: tuple[int, ...]) -> None:
    assert never_ran(TEXT, edited, frozenset(ran)) == missing


def run(key: str = "seed 0, train, call 1", outlook: str = "good", raised: str | None = None, **digests: str) -> dict[str, Any]:
    sections = dict.fromkeys((*compare.DECIDING, *compare.HEARD), "0")
    return {"key": key, "outlook": outlook, "raised": raised, "digests": {**sections, **digests}}


def test_differences_are_told_run_by_run() -> None:
    old = [run(), run("seed 1, train, call 1")]
    new = [run(prints="1"), run("seed 1, train, call 1", output="1", state="2")]
    assert [str(found) for found in compare.differences(old, new, compare.DECIDING)] == [
        "output differs (seed 1, train, call 1)",
        "state differs (seed 1, train, call 1)",
    ]
    assert [str(found) for found in compare.differences(old, new, compare.HEARD)] == ["prints differ (seed 0, train, call 1)"]
    assert compare.differences(old, old, compare.DECIDING) == []
    assert compare.differences(old, old[:1], compare.DECIDING)


VACUOUS = [
    ([run(outlook="nan"), run(outlook="nan")], "every output is NaN or infinite"),
    ([run(outlook="flat"), run(outlook="flat")], "outputs are constant"),
    ([run("seed 0, train, call 1", "flat", output="1"), run("seed 0, eval, call 1", "flat", output="2")], "outputs are constant"),
    ([run("seed 0, train, call 1", "flat", output="1"), run("seed 1, train, call 1", "flat", output="2")], None),
    ([run(outlook="flat"), run(outlook="good")], None),
]


@pytest.mark.parametrize(("runs", "reason"), VACUOUS)
def test_runs_that_show_nothing(runs: list[dict[str, Any]], reason: str | None) -> None:
    assert compare.vacuous(runs) == reason


def test_what_was_raised_first() -> None:
    assert compare.first_raise([run(), run(raised="ValueError: x"), run(raised="other")]) == ("seed 0, train, call 1", "ValueError: x")
    assert compare.first_raise([run()]) is None
    assert compare.is_out_of_memory("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")
    assert not compare.is_out_of_memory("ValueError: x")


def test_initial_values() -> None:
    before = {"w": ("1", False), "b": ("2", True), "gone": ("3", True)}
    assert compare.initial_difference(before, {"w": ("1", False), "b": ("2", True)}) is None
    assert compare.initial_difference(before, {"w": ("9", False), "b": ("2", True)}) == ("w", False)
    assert compare.initial_difference(before, {"w": ("1", False), "b": ("9", True)}) == ("b", True)
