"""Whatever user code does, it is contained, the verdict says what happened, and nothing is left behind."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.worker import ordinary_user
from tests.worker.faults import ENDLESS, FAULTS, LIMIT, MEMORY, Fault

pytestmark = pytest.mark.skipif(ordinary_user.interpreter() is None, reason="no interpreter with torch that an ordinary user can run")

# Each of these takes the whole time limit; one of a kind is enough for every day.
_SLOW = {fault.name for fault in (*ENDLESS[1:], *MEMORY)} | {"thread bomb", "overflow of the C stack"}


def _report(faults: list[Fault]) -> dict[str, Any]:
    with ordinary_user.own_folder() as folder:
        order = {"folder": str(folder), "limit": LIMIT, "cases": [fault.case() for fault in faults]}
        done = ordinary_user.run(["-m", "tests.worker.run_faults"], json.dumps(order), timeout=600)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    faults = [fault for fault in FAULTS if fault.name not in _SLOW]
    told = _report(faults)
    return {**told, "by_name": {fault.name: result for fault, result in zip(faults, told["results"], strict=True)}}


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.name not in _SLOW], ids=lambda fault: fault.name)
def test_is_contained(fault: Fault, report: dict[str, Any]) -> None:
    _check(fault, report["by_name"][fault.name])


def test_nothing_is_left_behind(report: dict[str, Any]) -> None:
    assert report["uid"] != 0
    assert report["after"] == report["before"]
    assert report["strays"] == []


@pytest.mark.long
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.name in _SLOW], ids=lambda fault: fault.name)
def test_is_contained_however_slow(fault: Fault) -> None:
    told = _report([fault])
    _check(fault, told["results"][0])
    assert told["after"] == told["before"]
    assert told["strays"] == []


def _check(fault: Fault, result: dict[str, Any]) -> None:
    assert re.fullmatch(fault.status, result["status"]), result
    assert re.search(fault.reason, result["reason"] or ""), result
    assert result["seconds"] < 3 * LIMIT
