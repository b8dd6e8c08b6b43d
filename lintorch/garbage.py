"""When Python's cyclic collector runs in processes of our own."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Let the collector run less often in this process.

    Syntax trees are many, live long and hold no cycles, and the collector walks them over and over: on diffusers beside transformers
    it took 22 of 40 s of processor time (`lintorch check -j1`). Peak memory is the same. A host such as flake8 keeps its own thresholds.
    """
    gc.set_threshold(20_000, 50, 100)
