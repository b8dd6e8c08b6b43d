"""Settings of the test run itself: one thread a process, a cache of its own, the same random examples every time, and a limit of time for long tests."""

from __future__ import annotations

import atexit
import os
import random
import shutil
import tempfile
import time

import pytest
from hypothesis import settings

# Before torch is imported anywhere: the tests run side by side, each on one core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What the tests judge is not for the cache of whoever runs them.
_CACHE = tempfile.mkdtemp(prefix="lintorch-tests-")
os.environ["LINTORCH_CACHE_DIR"] = _CACHE
atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)

settings.register_profile("steady", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--budget", type=float, help="begin no test after that many seconds; the tests come in an order drawn by --seed")
    parser.addoption("--seed", default="", help="draws the order of the tests under --budget, such as the commit")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--budget") is not None:
        random.Random(config.getoption("--seed")).shuffle(items)
        config.stash[_ENDS] = time.monotonic() + config.getoption("--budget")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if time.monotonic() > item.config.stash.get(_ENDS, float("inf")):
        pytest.skip("the budget of time is spent")


_ENDS = pytest.StashKey[float]()
