"""Settings of the test run itself: one thread a process, a cache of its own, and the same random examples every time."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

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
