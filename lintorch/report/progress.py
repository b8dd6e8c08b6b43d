"""How far a long run is, on a terminal; nothing at all where nobody looks."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from lintorch.engine.run import Onlooker
from lintorch.report.words import counted

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_PATIENCE = 0.5  # seconds of a check before a bar is worth its place


class Progress(Onlooker):
    """Counts files and verdicts; draws nothing by itself."""

    def __init__(self) -> None:
        self.files = self.verdicts = 0

    def verdict(self) -> None:
        """Count a verdict."""
        self.verdicts += 1
        self._draw()

    def file(self) -> None:
        """Count a file."""
        self.files += 1
        self._draw()

    def _draw(self) -> None:
        """Show the counts, where there is something to show them on."""


class _Drawn(Progress):
    """Drawn when something has happened, never by a thread: a run forks processes."""

    def __init__(self, total: int, stream: TextIO, runs_code: bool) -> None:
        super().__init__()
        self._total, self._stream, self._runs_code = total, stream, runs_code
        self._due = time.monotonic() + (0 if runs_code else _PATIENCE)
        self._bar: Bar | None = None

    def _draw(self) -> None:
        if time.monotonic() < self._due:
            return
        if self._bar is None:
            self._bar = _bar(self._stream)
            self._bar.start()
            self._bar.add_task("", total=self._total)
        # Until the first event the bar stands still, so it says what takes the time.
        said = f", {counted(self.verdicts, 'verdict')}" if self.verdicts else "" if self.files or not self._runs_code else ", starting PyTorch"
        self._bar.update(self._bar.task_ids[0], completed=self.files, description=f"{self.files} of {counted(self._total, 'file')}{said}")
        self._bar.refresh()

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self._bar is not None:
            self._bar.stop()


@contextlib.contextmanager
def shown(total: int, runs_code: bool, quiet: bool) -> Iterator[Progress]:
    """The progress of a run over so many files: a bar on standard error if both streams are terminals, at once where code is run."""
    if quiet or not total or not (_looks(sys.stdout) and _looks(sys.stderr)):
        yield Progress()
        return
    drawn = _Drawn(total, sys.stderr, runs_code=runs_code)
    drawn._draw()
    try:
        yield drawn
    finally:
        drawn.close()


def _looks(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _bar(stream: TextIO) -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(file=stream), auto_refresh=False, transient=True)
