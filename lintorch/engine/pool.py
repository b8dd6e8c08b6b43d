"""Many files in processes of this machine, or in this one. A file on which a process dies costs that file only."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from lintorch.cache.store import Store
from lintorch.catalogue import load_catalogue
from lintorch.engine.result import FileResult
from lintorch.engine.workshop import Task, Worked, Workshop
from lintorch.garbage import collect_seldom

# Below this many files a pool costs more than it saves.
_FEW = 16
_CHUNK = 8

Chunk = Sequence[int]


class Onlooker:
    """Is told how far a run is; this one does not mind."""

    def verdict(self) -> None:
        """One more verdict is known."""

    def file(self) -> None:
        """One more file is done."""


@dataclass(frozen=True)
class Local:
    """Runs tasks on this machine, in `jobs` processes (0: one for each core) where that pays; `cache` keeps verdicts."""

    jobs: int = 0
    cache: Store | None = None

    def run(self, tasks: Sequence[Task], onlooker: Onlooker) -> Iterator[tuple[int, Worked]]:
        """What came of each task with its index, in any order."""
        jobs = min(self.jobs or usable_cores(), len(tasks))
        if jobs > 1 and (len(tasks) > _FEW or any(task.runs_code for task in tasks)):
            return _in_processes(tasks, jobs, self.cache, onlooker)
        return _in_process(tasks, self.cache, onlooker)


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chunked(tasks: Sequence[Task], size: int = _CHUNK) -> list[Chunk]:
    """The indices of tasks in chunks, largest files first, so that no large one is left for the end; what runs code goes singly."""
    size = size if not any(task.runs_code for task in tasks) else 1
    order = sorted(range(len(tasks)), key=lambda index: -_size(tasks[index]))
    return [order[start : start + size] for start in range(0, len(order), size)]


def tell_verdicts(worked: Worked, onlooker: Onlooker) -> Worked:
    """The verdicts of a file that was worked on elsewhere are told with the file."""
    for _ in worked.result.rewrites:
        onlooker.verdict()
    return worked


def died(task: Task, what: str = "the process that judged it died") -> Worked:
    """What is told of a file that its process did not outlive."""
    failure = f"{task.path}: internal error: {what}; please report it, the file was left alone"
    return Worked(FileResult(str(task.path), failures=(failure,), skipped=what))


def _in_process(tasks: Sequence[Task], cache: Store | None, onlooker: Onlooker) -> Iterator[tuple[int, Worked]]:
    workshop = Workshop(onlooker.verdict, cache)
    try:
        for index, task in enumerate(tasks):
            yield index, workshop.work(task)
    finally:
        workshop.close()


def _in_processes(tasks: Sequence[Task], jobs: int, cache: Store | None, onlooker: Onlooker) -> Iterator[tuple[int, Worked]]:
    load_catalogue()  # errors of rule packs are told once, and forked processes need not look again
    chunks = chunked(tasks)
    # A pool that lost a process says nothing of which chunk it was: one of those that ran or were handed out, which come first.
    handed_out = 2 * jobs + 1
    while chunks:
        lost = yield from _round(tasks, chunks, jobs, cache, onlooker)
        yield from _apart(tasks, lost[:handed_out], cache, onlooker)
        chunks = lost[handed_out:]


def _round(tasks: Sequence[Task], chunks: list[Chunk], jobs: int, cache: Store | None, onlooker: Onlooker) -> Generator[tuple[int, Worked], None, list[Chunk]]:
    """One pool's work; the chunks that were lost with one of its processes, in the order in which they were handed out."""
    lost: list[int] = []
    with _Pool(jobs, cache) as pool:
        futures = {_submitted(pool, [tasks[index] for index in chunk]): number for number, chunk in enumerate(chunks)}
        for future in concurrent.futures.as_completed(futures):
            try:
                done = future.result()
            except BrokenProcessPool:
                lost.append(futures[future])
                continue
            for index, worked in zip(chunks[futures[future]], done, strict=True):
                yield index, tell_verdicts(worked, onlooker)
    return [chunks[number] for number in sorted(lost)]


def _submitted(pool: concurrent.futures.ProcessPoolExecutor, tasks: list[Task]) -> concurrent.futures.Future[list[Worked]]:
    try:
        return pool.submit(_work, tasks)
    except BrokenProcessPool as error:  # it broke while tasks were still handed in
        future: concurrent.futures.Future[list[Worked]] = concurrent.futures.Future()
        future.set_exception(error)
        return future


def _apart(tasks: Sequence[Task], chunks: Iterable[Chunk], cache: Store | None, onlooker: Onlooker) -> Iterator[tuple[int, Worked]]:
    """Each chunk in a process of its own; the files of one that kills it, each in a process of its own."""
    for chunk in chunks:
        lost = yield from _round(tasks, [chunk], 1, cache, onlooker)
        if lost and len(chunk) > 1:
            yield from _apart(tasks, [[index] for index in chunk], cache, onlooker)
        elif lost:
            yield chunk[0], died(tasks[chunk[0]])


class _Pool:
    """A pool of processes that does not outlive an interruption."""

    def __init__(self, jobs: int, cache: Store | None) -> None:
        self._executor = concurrent.futures.ProcessPoolExecutor(jobs, initializer=_begin, initargs=(cache.folder if cache is not None else None,))

    def __enter__(self) -> concurrent.futures.ProcessPoolExecutor:
        return self._executor

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for child in multiprocessing.active_children():
                child.terminate()
        self._executor.shutdown(cancel_futures=kind is not None)


_workshop: Workshop | None = None


def _begin(folder: Path | None) -> None:
    """In each process of a pool: a workshop of its own, closed when the process ends; interruptions are the parent's to handle."""
    global _workshop
    collect_seldom()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    _workshop = Workshop(cache=Store(folder) if folder is not None else None)
    Finalize(None, _workshop.close, exitpriority=10)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed sends no task and hangs up nothing: its processes would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _end(*_: object) -> None:
    """Told to stop in the middle of a file: end the workers, whose folders nobody else would remove, and go."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # told twice, it would wait for itself
    assert _workshop is not None
    _workshop.close()
    os._exit(1)


def _work(tasks: list[Task]) -> list[Worked]:
    assert _workshop is not None
    return [_workshop.work(task) for task in tasks]


def _size(task: Task) -> int:
    try:
        return len(task.raw) if task.raw is not None else task.path.stat().st_size
    except OSError:
        return 0
