"""Fixes of generated modules, all of them allowed unseen, executed by an oracle that shares no code with the verifier: every bit must agree."""

from __future__ import annotations

import warnings
from collections import Counter

import pytest
import torch

from lintorch.source.text import Source
from tests.fuzz.invariants import Broken, examine_fix, fix
from tests.fuzz.modules import EXAMPLE, module
from tests.pages.execute import differences


def outcome(seed: int) -> str:
    """What came of the module of that number; raises Broken where its fix computes something else."""
    source = Source.from_bytes(f"/nowhere/net{seed}.py", module(seed).encode())
    result = fix(source, "LT1")
    if result.text is None:
        return "nothing to fix"
    examine_fix(source, result, "LT1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not runs(source.text):
            return "does not run"
        try:
            found = differences(source.text, result.text, EXAMPLE)
        except Exception as error:
            raise Broken(f"seed {seed}: the fixed module raises {type(error).__name__}: {error}\n{result.text}") from error
    if found:
        raise Broken(f"seed {seed}: {found[:3]}\n{result.text}")
    return "equal"


def runs(text: str) -> bool:
    """Does the original run, and equal itself?"""
    try:
        return not differences(text, text, EXAMPLE)
    except Exception:  # noqa: BLE001 - generated code may fail in any way
        return False


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("first", [0, 40])
def test_fixes_of_generated_modules_compute_the_same(first: int) -> None:
    outcomes = Counter(outcome(seed) for seed in range(first, first + 40))
    assert outcomes["equal"] >= 8, outcomes


@pytest.mark.long
def test_fixes_of_many_generated_modules_compute_the_same() -> None:
    outcomes = Counter(outcome(seed) for seed in range(80, 3000))
    assert outcomes["equal"] >= 600, outcomes
