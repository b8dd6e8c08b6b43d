"""`lintorch --witness`: retention findings with what was measured, and those that the measurement contradicts withdrawn."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lintorch.verify.verdict import Retained, Status, Verdict
from tests.cli.doors import Doors

LOOP = """\
import torch


def train(model, optimizer, batches):
    total = 0
    for x in batches:
        loss = model(x).mean()
        loss.backward()
        optimizer.step()
        total += loss
    print(float(total))
"""
GROWS = Retained(4, (21.0, 0.0), (8192.0, 0.0), (84, 0), (65536, 64), (70000, 2000))
STILL = Retained(4, (0.0, 0.0), (0.0, 0.0), (3, 3), (64, 64), (2000, 2000))


def test_what_was_measured_stands_under_the_finding(doors: Doors) -> None:
    doors.verdict = Verdict(Status.TESTED, retained=GROWS)
    doors.write({"a.py": LOOP})
    outcome = doors.run("--witness", "--select", "LT201")
    assert outcome.status == 1
    assert "= witness: nodes +21 per step, bytes +8.2 kB per step; after the fix 0 / 0\n" in outcome.out
    assert doors.read("a.py") == LOOP
    assert [change.retention for change in doors.asked] == [True]


def test_measured_figures_in_json(doors: Doors) -> None:
    doors.verdict = Verdict(Status.TESTED, retained=GROWS)
    doors.write({"a.py": LOOP})
    (finding,) = json.loads(doors.run("--witness", "--select", "LT201", "--format", "json").out)["findings"]
    assert finding["witness"]["steps"] == 4
    assert finding["witness"]["nodes_per_step"] == {"before": 21, "after": 0}
    assert finding["witness"]["held_bytes"] == {"before": 65536, "after": 64}


def test_a_contradicted_finding_is_withdrawn_and_counted(doors: Doors) -> None:
    doors.verdict = Verdict(Status.UNDECIDED, "nothing less is kept alive", retained=STILL)
    doors.write({"a.py": LOOP})
    outcome = doors.run("--witness", "--select", "LT201")
    assert (outcome.status, outcome.out) == (0, "Nothing found in 1 file.\nWithdrew 1 finding of LT201: nothing was kept alive when it was run.\n")
    document = json.loads(doors.run("--witness", "--select", "LT201", "--format", "json").out)
    assert (document["findings"], [one["code"] for one in document["withdrawn"]]) == ([], ["LT201"])


def test_with_fix_a_contradicted_finding_is_withdrawn_too(doors: Doors) -> None:
    doors.verdict = Verdict(Status.UNDECIDED, "nothing less is kept alive", retained=STILL)
    doors.write({"a.py": LOOP})
    assert "Withdrew 1 finding of LT201" in doors.run("--fix", "--witness", "--select", "LT201").out
    assert doors.read("a.py") == LOOP


def test_what_could_not_be_measured_stays_and_says_why(doors: Doors) -> None:
    doors.verdict = Verdict(Status.UNDECIDED, "line 10 never ran")
    doors.write({"a.py": LOOP})
    outcome = doors.run("--witness", "--select", "LT201")
    assert outcome.status == 1
    assert "= witness: not measured: line 10 never ran\n" in outcome.out


@pytest.mark.parametrize(
    ("change", "falls", "shows_nothing"),
    [
        ({}, True, False),
        ({"nodes_per_step": (21.0, 21.0), "bytes_per_step": (8.0, 8.0), "held_nodes": (9, 9), "held_bytes": (9, 9), "peak_bytes": (9, 9)}, False, False),
        ({"nodes_per_step": (0.0, 0.0), "bytes_per_step": (0.0, 0.0)}, True, False),
        ({"nodes_per_step": (21.0, 0.0), "bytes_per_step": (0.0, 64.0)}, False, False),
    ],
)
def test_what_a_measurement_says(change: dict, falls: bool, shows_nothing: bool) -> None:
    retained = replace(GROWS, **change)
    assert (retained.falls, retained.shows_nothing) == (falls, shows_nothing)
    assert STILL.shows_nothing
