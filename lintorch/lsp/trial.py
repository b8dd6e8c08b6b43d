"""Running both versions for an editor: in a thread, cancelled at any time, the worker kept warm for the next question."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.engine.concern import EVERYTHING, Concern
from lintorch.engine.result import FileResult
from lintorch.engine.run import Mode, Task, Workshop
from lintorch.settings import Settings
from lintorch.source.text import Source


class Cancelled(BaseException):
    """Nobody waits for the verdict any more. No Exception, so that nothing on the way takes it for a fault of the file."""


class Bench:
    """The one workshop that runs user code; trials wait for each other."""

    def __init__(self) -> None:
        self._workshop = Workshop(self._told)
        self._turn = threading.Lock()
        self._trial: Trial | None = None

    def run(self, trial: Trial) -> FileResult:
        """The outcome of a trial; what changed is returned, not written. Raises Cancelled, and UsageError where nothing can be run here."""
        with self._turn:
            self._trial = trial
            self._told(count=False)
            self._workshop.checker = Checker(load_catalogue(), tells_seen=True)  # files may have changed since the last one
            try:
                return self._workshop.handle(trial.task)
            finally:
                self._trial = None

    def cancel(self, trial: Trial) -> None:
        """End a trial: what runs for it is killed, and what waits does not begin."""
        trial.cancelled.set()
        if self._trial is trial:
            self._workshop.verifiers.close()

    def close(self) -> None:
        """End the workers."""
        if self._trial is not None:
            self._trial.cancelled.set()
        self._workshop.close()

    def _told(self, count: bool = True) -> None:
        if self._trial is not None and self._trial.cancelled.is_set():
            self._workshop.verifiers.close()
            raise Cancelled
        if self._trial is not None and count:
            self._trial.told()


class Trial:
    """One question to the bench; `told` is called with every verdict on the way, from the bench's thread."""

    def __init__(self, source: Source, settings: Settings, concern: Concern, told: Callable[[], None]) -> None:
        self.task = Task(source.path, settings, Mode.FIX, source.raw, concern=concern)
        self.cancelled = threading.Event()
        self.told = told

    @classmethod
    def of_finding(cls, source: Source, settings: Settings, code: str, lines: tuple[int, int], told: Callable[[], None]) -> Trial:
        """Only the fix of one rule on some lines (first and last)."""
        alone = replace(settings, select=(code,), extend_select=(), ignore=(), per_file_ignores={})
        return cls(source, alone, Concern(lines=(lines,)), told)

    @classmethod
    def of_file(cls, source: Source, settings: Settings, told: Callable[[], None]) -> Trial:
        """Every fix in the file that is allowed."""
        return cls(source, settings, EVERYTHING, told)
