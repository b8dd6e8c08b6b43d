"""Settings of the test run itself: one thread a process, and the same random examples every time."""

from __future__ import annotations

import os

from hypothesis import settings

# Before torch is imported anywhere: the tests run side by side, each on one core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("steady", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
