"""Begins the measurement of branches in every Python process that finds this file first on its path: a run's folder holds it beside the settings.

The worker's children may neither write files nor keep descriptors, so what they saw goes through memory shared with the process that forked them.
"""

from __future__ import annotations

import atexit
import marshal
import mmap
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import coverage

HERE = Path(__file__).parent
_BYTES = 4 << 20
_EXIT, _FORK, _WAIT, _WAIT4 = os._exit, os.fork, os.waitpid, os.wait4


class Shared:
    """What a tree of forked processes has seen: each hands its arcs to its parent, which asks when a child was waited for."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured = measured
        self.arcs: dict[str, set[tuple[int, int]]] = {}
        self.children: dict[int, mmap.mmap] = {}
        self.area: mmap.mmap | None = None

    def fork(self) -> int:
        """A child that has memory in common with this process."""
        area = mmap.mmap(-1, _BYTES)
        pid = _FORK()
        if pid == 0:
            self.area, self.children, self.arcs = area, {}, {}
        else:
            self.children[pid] = area
        return pid

    def collect(self, pid: int) -> None:
        """Take what a child left, and hand everything on."""
        area = self.children.pop(pid, None)
        if area is None:
            return
        size = int.from_bytes(area[:4], "little")
        if size:
            for file, arcs in marshal.loads(area[4 : 4 + size]).items():
                self.arcs.setdefault(file, set()).update(arcs)
        area.close()
        self.hand_on()

    def hand_on(self) -> None:
        """Write what was seen so far where the parent looks."""
        if self.area is None:
            return
        self._take_own()
        data = marshal.dumps({file: list(arcs) for file, arcs in self.arcs.items()})
        if len(data) + 4 <= _BYTES:
            self.area[:4] = b"\0\0\0\0"
            self.area[4 : 4 + len(data)] = data
            self.area[:4] = len(data).to_bytes(4, "little")

    def _take_own(self) -> None:
        data = self.measured.get_data()
        for file in data.measured_files():
            self.arcs.setdefault(file, set()).update(data.arcs(file) or ())

    def exit(self, status: int) -> NoReturn:
        """End as the process wanted to, having handed on."""
        try:
            sys.settrace(None)
            self.hand_on()
        finally:
            _EXIT(status)

    def wait(self, pid: int, options: int) -> Any:
        """As os.waitpid."""
        found = _WAIT(pid, options)
        self.collect(found[0])
        return found

    def wait4(self, pid: int, options: int) -> Any:
        """As os.wait4."""
        found = _WAIT4(pid, options)
        self.collect(found[0])
        return found

    def save(self) -> None:
        """Write a data file: for the first process of the tree, which may."""
        self._take_own()
        data = coverage.CoverageData(basename=str(HERE / f"data.worker.{os.getpid()}"))
        data.add_arcs(self.arcs)
        data.write()


def _begin_worker() -> None:
    measured = coverage.Coverage(data_file=None, config_file=str(HERE / "worker.ini"))
    shared = Shared(measured)
    changed: Any = os
    changed.fork, changed._exit, changed.waitpid, changed.wait4 = shared.fork, shared.exit, shared.wait, shared.wait4
    atexit.register(shared.save)
    measured.start()


if any(Path(argument).parts[-2:] == ("worker", "__main__.py") for argument in sys.orig_argv):
    _begin_worker()
else:
    os.environ["COVERAGE_PROCESS_START"] = str(HERE / "process.ini")
    coverage.process_startup()
