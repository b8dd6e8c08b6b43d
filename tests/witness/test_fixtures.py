"""The fixtures of the retention rules retain what they say: each bad function more than every good one of its file.

A fixture's first line names the rules it is for, the second the field of Witness that tells bad from good (`nothing` where there is no bad function).
Each `bad_*` and `good_*` function takes the batches of its loop.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from lintorch.worker.witness import Steps, Witness, measure_loop

FIXTURES = Path(__file__).parents[2] / "fixtures" / "retention"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.py"))
HEADER = re.compile(r"# select: (?P<codes>LT2\d*(, LT2\d\d)*)\n# retains: (?P<field>\w+)\n\"\"\"")


@cache
def namespace(name: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": f"fixture_{name}"}
    exec(compile((FIXTURES / f"{name}.py").read_text(encoding="utf-8"), name, "exec"), names)
    return names


def functions(name: str, kind: str) -> dict[str, Callable[[Any], object]]:
    return {key: value for key, value in namespace(name).items() if key.startswith(f"{kind}_")}


def measured(function: Callable[[Any], object]) -> Witness:
    def run(steps: Steps) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            function((torch.randn(32, 64), torch.randint(10, (32,))) for _ in steps)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        return measure_loop(run, steps=5, warmup=4)


def header(name: str) -> re.Match[str]:
    found = HEADER.match((FIXTURES / f"{name}.py").read_text(encoding="utf-8"))
    assert found, f"{name}.py begins with # select: and # retains:"
    return found


@pytest.mark.parametrize("name", NAMES)
def test_bad_functions_retain_more_than_good_ones(name: str) -> None:
    field, bad, good = header(name)["field"], functions(name, "bad"), functions(name, "good")
    assert good
    if field == "nothing":
        assert not bad
        assert {key: measured(function).nodes_per_step for key, function in good.items()} == dict.fromkeys(good, 0)
    else:
        kept = {key: getattr(measured(function), field) for key, function in (bad | good).items()}
        assert max(kept[key] for key in good) < min(kept[key] for key in bad), kept


@pytest.mark.parametrize("name", NAMES)
def test_marks_name_selected_rules_and_stand_in_bad_code(name: str) -> None:
    text = (FIXTURES / f"{name}.py").read_text(encoding="utf-8")
    marked = {code for codes in re.findall(r"  # error: \[([^\]]*)\]$", text, re.MULTILINE) for code in codes.split(", ")}
    assert marked <= set(header(name)["codes"].split(", "))
    assert bool(marked) == bool(functions(name, "bad"))


def test_every_rule_has_a_fixture() -> None:
    assert {code for name in NAMES for code in header(name)["codes"].split(", ")} >= {f"LT2{number:02}" for number in range(1, 23)}
