"""Verdicts on changes: the one object the rest of lintorch asks."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from lintorch.settings import Settings
from lintorch.verify.exchange import TIMED_OUT
from lintorch.verify.grounds import Grounds, Judged
from lintorch.verify.hints import HintMaker, has_forward
from lintorch.verify.job import Order, RunChild, decide
from lintorch.verify.loops import decide_loop
from lintorch.verify.place import import_place
from lintorch.verify.supervisor import LEVELS, Outcome, Supervisor, VerifierUnavailable
from lintorch.verify.told import is_answer
from lintorch.verify.verdict import Change, Status, Verdict

__all__ = ["Verifier", "VerifierUnavailable"]

# The search for inputs gives up by the clock after a third of the time for everything, and on one trial sooner: what took a fifteenth met no limit.
_QUICK = 15
_NO_ANSWER = "sent a result of another form than was asked for"


class Verifier:
    """Runs both versions of changes in confined worker processes. Use as a context manager; the workers end with it.

    `peak` also measures peak live bytes before and after; without `trace` no verdict is better than tested. Entering raises VerifierUnavailable
    where the interpreter has no torch, or where processes cannot be confined as far as `settings.min_isolation` asks.
    """

    def __init__(self, settings: Settings | None = None, root: Path | None = None, *, peak: bool = False, trace: bool = True) -> None:
        self.settings = settings or Settings()
        self._peak, self._trace = peak, trace
        self._supervisor = Supervisor(self.settings.python, root)
        self._hint_maker = HintMaker(self.settings)
        self._lock = threading.Lock()

    def __enter__(self) -> Verifier:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._supervisor.close()

    @property
    def isolation(self) -> str:
        """How far workers are confined here: "full", "no-userns", "rlimits only" or "none"."""
        return self.start()

    def start(self) -> str:
        """Start the worker if it does not run yet; the isolation it reached."""
        with self._lock:
            reached = self._supervisor.start().isolation
        if LEVELS.index(reached) < LEVELS.index(self.settings.min_isolation):
            self._supervisor.close()
            raise VerifierUnavailable(
                f"worker processes can only be confined to level '{reached}' here", f"pass --min-isolation '{reached}' to run code all the same"
            )
        return reached

    def verify(self, change: Change, examples: Sequence[str] = ()) -> Verdict:
        """The verdict on one change; never raises for what user code does. `examples` are tried before all other inputs."""
        return self.judge(change, examples).verdict

    def judge(self, change: Change, examples: Sequence[str] = ()) -> Judged:
        """The verdict on one change with what took part in it."""
        self.start()
        started = time.monotonic()
        grounds = Grounds()

        def run(kind: str, head: Mapping[str, Any], blobs: Sequence[bytes]) -> Outcome:
            left = self.settings.time_limit - (time.monotonic() - started)
            if left <= 0:
                return grounds.noted(self._timed_out())
            outcome = self._supervisor.run({**head, "kind": kind}, blobs, seconds=left, memory=self.settings.memory_limit)
            if not is_answer(kind, outcome.frames):
                outcome = replace(outcome, frames=(), lost=_NO_ANSWER)
            return grounds.noted(self._timed_out() if outcome.lost == TIMED_OUT and not outcome.frames else outcome)

        decided = self._decide_retention(change, examples, run) if change.retention else decide(self._order(change, examples), run)
        return grounds.judged(decided, quick=self.settings.time_limit / _QUICK)

    def _decide_retention(self, change: Change, examples: Sequence[str], run: RunChild) -> Verdict:
        """A module is built and called; what trains or evaluates, and modules that cannot be built, are run as loops."""
        order = self._order(change, examples)
        if has_forward(change.old, change.symbol):
            verdict = decide(order, run)
            if verdict.status is not Status.UNDECIDED:
                return verdict
            loop = decide_loop(change, order.spec, run)
            return verdict if loop.status is Status.UNDECIDED else loop
        return decide_loop(change, order.spec, run)

    def verify_many(self, changes: Sequence[Change], examples: Sequence[Sequence[str]] = ()) -> list[Verdict]:
        """The verdicts on many changes, in their order, `settings.jobs` at a time (0: one per processor); `examples` are those of each change."""
        self.start()
        given = examples or [()] * len(changes)
        with ThreadPoolExecutor(self.settings.jobs or os.cpu_count() or 1) as pool:
            return list(pool.map(self.verify, changes, given))

    def _timed_out(self) -> Outcome:
        return Outcome(lost=f"{TIMED_OUT} ({self.settings.time_limit:.0f} s for everything)")

    def _order(self, change: Change, examples: Sequence[str]) -> Order:
        module, roots = import_place(change.path)
        return Order(
            change=change,
            module=module,
            roots=roots,
            hints=self._hint_maker.hints(change, examples),
            search_seconds=self.settings.time_limit / 3,
            search_bytes=self.settings.memory_limit // 4,
            peak=self._peak,
            trace=self._trace,
            figures=self.settings.illustrated,
        )
