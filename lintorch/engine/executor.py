"""Where the files of a run are worked on, by the name that a user gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from lintorch.cache.store import Store
from lintorch.engine.pool import Local, Onlooker
from lintorch.engine.workshop import Task, Worked
from lintorch.settings import UsageError


class Executor(Protocol):
    """Works on tasks."""

    def run(self, tasks: Sequence[Task], onlooker: Onlooker) -> Iterator[tuple[int, Worked]]:
        """What came of each task with its index, in any order."""


def executor(name: str | None, jobs: int, cache: Store | None) -> Executor:
    """The processes of this machine, or for `dask[:ADDRESS]` a cluster; raises UsageError for any other name."""
    if name is None:
        return Local(jobs, cache)
    kind, _, address = name.partition(":")
    if kind != "dask" or name == "dask:":
        raise UsageError(f"unknown executor {name!r}; it is 'dask' or 'dask:ADDRESS', such as dask:tcp://10.0.0.1:8786")
    from lintorch.engine.cluster import Cluster  # late: few runs leave this machine

    return Cluster(address or None, jobs)
