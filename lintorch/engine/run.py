"""Many files through an executor: results in the order of the files, whatever process they came from."""

from __future__ import annotations

import concurrent.futures
import enum
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Analysis, Checker
from lintorch.engine.concern import EVERYTHING, Concern
from lintorch.engine.place import place
from lintorch.engine.result import FileResult, fingerprinted
from lintorch.engine.verdicts import Verifiers
from lintorch.garbage import collect_seldom
from lintorch.settings import Settings, UsageError
from lintorch.source.generated import is_generated
from lintorch.source.leftover import sweep
from lintorch.source.notebook import NotPython
from lintorch.source.read import read_source
from lintorch.source.text import Source, SourceError
from lintorch.source.write import write
from lintorch.verify.verdict import Change, Verdict

# Below this many files a pool costs more than it saves.
_FEW = 16
_CHUNK = 8


class Mode(enum.Enum):
    """What is done with a file: it is judged, its fix is worked out, or that fix is written too."""

    CHECK = "check"
    DIFF = "diff"
    FIX = "fix"


@dataclass(frozen=True)
class Task:
    """One file of a run; `raw` stands in for its bytes where they do not come from the disk. `witness` measures what retention findings keep alive.

    `concern` says which findings the run is about: no others are reported, measured or fixed.
    """

    path: Path
    settings: Settings
    mode: Mode
    raw: bytes | None = None
    witness: bool = False
    concern: Concern = EVERYTHING

    @property
    def runs_code(self) -> bool:
        """Is anything run, which takes its time?"""
        return self.witness or self.mode is not Mode.CHECK


class Workshop:
    """What a process keeps from file to file: the rules, the projects read so far, the workers that run user code."""

    def __init__(self, told: Callable[[], None] = lambda: None) -> None:
        """`told` is called with each verdict that becomes known."""
        self.checker = Checker(load_catalogue())
        self.verifiers = Verifiers(told)
        self._settings: list[Settings] = []

    def handle(self, task: Task) -> FileResult:
        """One file's result; whatever goes wrong with the file is told in it. What changed is returned, not written."""
        try:
            result = self._judge(self.read(task), self._shared(task.settings), task.mode, task.witness, task.concern)
            return result if task.mode is not Mode.CHECK else task.concern.applied(result)
        except SourceError as error:
            return _unread(task.path, error)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - one file must not cost the others
            detail = " ".join(f"{type(error).__name__}: {error}".split())
            return FileResult(str(task.path), failures=(f"{task.path}: internal error: {detail}; please report it, the file was left alone",))

    @staticmethod
    def read(task: Task) -> Source:
        """The text of a task; raises SourceError where it cannot be had."""
        return read_source(task.path, task.raw)

    def _shared(self, settings: Settings) -> Settings:
        """One object for equal settings: those of a task that came from another process are a copy, and each object has a verifier of its own."""
        if settings not in self._settings:
            self._settings.append(settings)
        return self._settings[self._settings.index(settings)]

    def _judge(self, source: Source, settings: Settings, mode: Mode, witness: bool, concern: Concern) -> FileResult:
        if not settings.include_generated and is_generated(source):
            return FileResult(str(source.path), skipped="says that it is generated")
        if mode is Mode.CHECK and witness:
            return self._witnessed(source, settings)
        if mode is Mode.CHECK:
            return checked(self.checker.analyse(source, settings), settings.illustrated)
        from lintorch.engine.repair import repair  # late: a check has no use for it

        def measure(change: Change) -> Verdict:
            return self.verifiers.under(settings, peak=True)(change)

        result = repair(self.checker, settings, self.verifiers.under(settings), source, in_place=mode is Mode.FIX, measure=measure, concern=concern)
        return self._without_contradicted(result) if witness else result

    def _witnessed(self, source: Source, settings: Settings) -> FileResult:
        from lintorch.engine.witnessing import witnessed  # late: a check has no use for it

        return witnessed(self.checker, settings, self.verifiers.under(settings), source)

    @staticmethod
    def _without_contradicted(result: FileResult) -> FileResult:
        from lintorch.engine.witnessing import withdrawn

        return withdrawn(result)

    def close(self) -> None:
        """End the workers."""
        self.verifiers.close()


def _unread(path: Path, error: SourceError) -> FileResult:
    """What is no fault of the user's, a notebook of another language, is left out and no failure."""
    place = "".join((f", cell {error.cell}" if error.cell else "", f", line {error.line}" if error.line else ""))
    failures = () if isinstance(error, NotPython) else (str(error),)
    return FileResult(str(path), failures=failures, skipped=error.reason + place)


def checked(analysis: Analysis, with_source: bool = False) -> FileResult:
    """The result of a file that was judged and nothing else."""
    source = analysis.source
    original = source if with_source else None
    diagnostics = fingerprinted(place(source, judged.finding) for judged in analysis.judged)
    return FileResult(str(source.path), diagnostics, failures=analysis.failures, withheld=analysis.withheld, original=original)


class Onlooker:
    """Is told how far a run is; this one does not mind."""

    def verdict(self) -> None:
        """One more verdict is known."""

    def file(self) -> None:
        """One more file is done."""


def run_files(tasks: Sequence[Task], jobs: int, onlooker: Onlooker | None = None) -> tuple[FileResult, ...]:
    """The results of all tasks in their order; what is to be fixed is written as soon as it is known.

    Raises UsageError where the run cannot go on, unless a file was written by then: that must be told, so the files left over say why they are.
    """
    onlooker = onlooker or Onlooker()
    sweep(Path(os.path.realpath(task.path)).parent for task in tasks if task.mode is Mode.FIX)
    jobs = min(jobs or usable_cores(), len(tasks))
    parallel = jobs > 1 and (len(tasks) > _FEW or any(task.runs_code for task in tasks))
    results: dict[int, FileResult] = {}
    try:
        for index, result in _in_processes(tasks, jobs, onlooker) if parallel else _in_process(tasks, onlooker):
            results[index] = written(result, tasks[index].mode)
            onlooker.file()
    except UsageError as error:
        if not any(tasks[index].mode is Mode.FIX and result.changed for index, result in results.items()):
            raise
        results = {**_given_up(tasks, str(error), results), **results}
    return tuple(results[index] for index in range(len(tasks)))


def _given_up(tasks: Sequence[Task], reason: str, done: Collection[int]) -> dict[int, FileResult]:
    """The files that a run which could not go on left as they were; the reason is told once."""
    left = [index for index in range(len(tasks)) if index not in done]
    told = f"{reason}; {len(left)} of {len(tasks)} files were left as they were"
    return {index: FileResult(str(tasks[index].path), failures=(told,) * (index == left[0]), skipped="the run ended before it") for index in left}


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def written(result: FileResult, mode: Mode) -> FileResult:
    """Put a file's new text in its place where the mode is to fix; where that fails the file stays as it was and the result says so."""
    if mode is not Mode.FIX or result.text is None or result.original is None:
        return result
    try:
        write(result.original, result.text)
    except SourceError as error:
        return FileResult(result.path, failures=(str(error),), skipped=f"could not be written ({error.reason})")
    return result


def run_text(task: Task) -> FileResult:
    """The result of one task, written nowhere."""
    ((_, result),) = _in_process([task], Onlooker())
    return result


def _in_process(tasks: Sequence[Task], onlooker: Onlooker) -> Iterator[tuple[int, FileResult]]:
    workshop = Workshop(onlooker.verdict)
    try:
        for index, task in enumerate(tasks):
            yield index, workshop.handle(task)
    finally:
        workshop.close()


def _in_processes(tasks: Sequence[Task], jobs: int, onlooker: Onlooker) -> Iterator[tuple[int, FileResult]]:
    """Largest files first, in chunks. A file on which a process dies costs that file only; its verdicts are told with the file."""
    load_catalogue()  # errors of rule packs are told once, and forked processes need not look again
    size = _CHUNK if not any(task.runs_code for task in tasks) else 1
    order = sorted(range(len(tasks)), key=lambda index: -_size(tasks[index].path))
    chunks = [order[start : start + size] for start in range(0, len(order), size)]
    lost: list[int] = []
    with _Pool(jobs) as pool:
        futures = {pool.submit(_handle, [tasks[index] for index in chunk]): chunk for chunk in chunks}
        for future in concurrent.futures.as_completed(futures):
            try:
                for index, result in zip(futures[future], future.result(), strict=True):
                    for _ in result.rewrites:
                        onlooker.verdict()
                    yield index, result
            except BrokenProcessPool:
                lost += futures[future]
    yield from _one_by_one(tasks, lost)


def _one_by_one(tasks: Sequence[Task], indices: Iterable[int]) -> Iterator[tuple[int, FileResult]]:
    """Files that shared a pool with one that killed its process, each in a process of its own."""
    for index in indices:
        with _Pool(1) as pool:
            try:
                yield index, pool.submit(_handle, [tasks[index]]).result()[0]
            except BrokenProcessPool:
                path = str(tasks[index].path)
                failure = f"{path}: internal error: the process that judged it died; please report it, the file was left alone"
                yield index, FileResult(path, failures=(failure,), skipped="the process that judged it died")


class _Pool:
    """A pool of processes that does not outlive an interruption."""

    def __init__(self, jobs: int) -> None:
        self._executor = concurrent.futures.ProcessPoolExecutor(jobs, initializer=_begin)

    def __enter__(self) -> concurrent.futures.ProcessPoolExecutor:
        return self._executor

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for child in multiprocessing.active_children():
                child.terminate()
        self._executor.shutdown(cancel_futures=kind is not None)


_workshop: Workshop | None = None


def _begin() -> None:
    """In each process of a pool: a workshop of its own, closed when the process ends; interruptions are the parent's to handle."""
    global _workshop
    collect_seldom()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    _workshop = Workshop()
    Finalize(None, _workshop.close, exitpriority=10)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed sends no task and hangs up nothing: its processes would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _end()


def _end(*_: object) -> None:
    """Told to stop in the middle of a file: end the workers, whose folders nobody else would remove, and go."""
    assert _workshop is not None
    _workshop.close()
    os._exit(1)


def _handle(tasks: list[Task]) -> list[FileResult]:
    assert _workshop is not None
    return [_workshop.handle(task) for task in tasks]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
