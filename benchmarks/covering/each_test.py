"""A pytest plugin: which lines of the product each test that passed ran in its own process."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).parents[2]


_FAILED: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what fails: where it fails without a mutant, it says nothing of one."""
    if report.failed:
        _FAILED.add(report.nodeid)


@functools.cache
def _data_of(measured: coverage.Coverage) -> coverage.CoverageData:
    """Where a measurement writes: asked for once, since each asking looks through the sources for files that never ran."""
    return measured.get_data()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let what is measured during a test carry its name, and write it down."""
    measured = coverage.Coverage.current()
    if measured is None:
        yield
        return
    measured.switch_context(item.nodeid)
    began = time.process_time()
    yield
    seconds = time.process_time() - began
    measured.switch_context("")
    if item.nodeid in _FAILED:
        return
    data = _data_of(measured)
    data.set_query_context(item.nodeid)
    lines = {Path(file).relative_to(ROOT).as_posix(): sorted(data.lines(file) or ()) for file in data.measured_files()}
    data.set_query_contexts(None)
    with Path(os.environ["LINTORCH_COVERED"], "tests.jsonl").open("a") as file:
        file.write(json.dumps({"test": item.nodeid, "seconds": round(seconds, 3), "lines": {name: some for name, some in lines.items() if some}}) + "\n")
