"""Any text whatever: no crash, no hang, and a fix parses, touches nothing else, is stable and leaves what was reported."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from lintorch.source.text import Source
from tests.fuzz import grammar, mutated
from tests.fuzz.invariants import Broken, Hangs, examine, examine_fix, fix, limited

SHORT, LONG = 700, 20_000
RELAXED = settings(suppress_health_check=list(HealthCheck))

# What fuzzing found, each as small as it could be made.
FOUND = {
    "a form feed on the line below a loop's header": (
        "import torch\nfrom torch import nn\n\n\ndef accuracy(net: nn.Module, loader):\n    correct = 0\n    for x, y in loader:\n\x0c\n"
        "        scores = net(torch.autograd.Variable(x, volatile=True))\n        correct += (scores.argmax(1) == y).sum().item()\n    return correct\n"
    )
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in FOUND.items()])
def test_what_was_found_stays_fixed(text: str) -> None:
    assert examine(text.encode()) in ("found", "fixed")


@pytest.mark.parametrize("first", range(0, SHORT, 100))
def test_mutated_programs(first: int) -> None:
    outcomes = [examine(mutated.program(seed)) for seed in range(first, first + 100)]
    assert {"rejected", "clean", "fixed"} <= set(outcomes), "mutants that are all alike test little"


@pytest.mark.long
def test_many_mutated_programs() -> None:
    for seed in range(SHORT, LONG):
        examine(mutated.program(seed))


@given(grammar.programs())
@settings(RELAXED, max_examples=60)
def test_grammatical_programs(text: str) -> None:
    examine(text.encode())


@pytest.mark.long
@given(grammar.programs())
@settings(RELAXED, max_examples=5_000)
def test_many_grammatical_programs(text: str) -> None:
    examine(text.encode())


def test_the_invariants_can_fail() -> None:
    """A fix that touches what it does not report, and one that leaves something to fix, would be seen."""
    source = Source.from_bytes("a.py", mutated.corpus()[0].encode())
    result = fix(source)
    assert result.text is not None
    with pytest.raises(Broken, match="outside the reported edits"):
        examine_fix(source, replace(result, text=result.text + "x = 1\n"))
    with pytest.raises(Broken, match="not stable"):
        examine_fix(source, replace(result, text=source.text, rewrites=()))


def test_what_takes_too_long_is_ended() -> None:
    with pytest.raises(Hangs), limited(0.05):
        while True:
            pass
