"""Many files through an executor: results in the order of the files, whatever process they came from."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lintorch.engine.executor import Executor
from lintorch.engine.pool import Local, Onlooker, usable_cores
from lintorch.engine.remembered import Remembered
from lintorch.engine.result import FileResult
from lintorch.engine.workshop import Mode, Task, Worked, Workshop
from lintorch.settings import UsageError
from lintorch.source.leftover import sweep
from lintorch.source.text import SourceError
from lintorch.source.write import write

__all__ = ["Executor", "Mode", "Onlooker", "Task", "Workshop", "run_files", "run_text", "usable_cores", "written"]


def run_files(
    tasks: Sequence[Task], jobs: int = 0, onlooker: Onlooker | None = None, executor: Executor | None = None, remembered: Remembered | None = None
) -> tuple[FileResult, ...]:
    """The results of all tasks in their order; what is to be fixed is written as soon as it is known. What `remembered` knows is not worked on.

    Raises UsageError where the run cannot go on, unless a file was written by then: that must be told, so the files left over say why they are.
    """
    onlooker, remembered = onlooker or Onlooker(), remembered or Remembered(None)
    sweep(target_folders(task for task in tasks if task.mode is Mode.FIX))
    results = {index: written(result, task.mode) for index, task in enumerate(tasks) if (result := remembered.recall(task)) is not None}
    for _ in results:
        onlooker.file()
    try:
        for index, worked in _worked(tasks, results, executor or Local(jobs), onlooker, remembered):
            results[index] = written(worked.result, tasks[index].mode)
            onlooker.file()
    except UsageError as error:
        if not any(tasks[index].mode is Mode.FIX and result.changed for index, result in results.items()):
            raise
        results = {**_given_up(tasks, str(error), results), **results}
    remembered.prune()
    return tuple(results[index] for index in range(len(tasks)))


def _worked(tasks: Sequence[Task], done: Collection[int], executor: Executor, onlooker: Onlooker, remembered: Remembered) -> Iterator[tuple[int, Worked]]:
    left = [index for index in range(len(tasks)) if index not in done]
    if left:
        for number, worked in executor.run([replace(tasks[index], digest=remembered.digest(tasks[index])) for index in left], onlooker):
            remembered.keep(tasks[left[number]], worked)
            yield left[number], worked


def target_folders(tasks: Iterable[Task]) -> set[Path]:
    """The folders in which files are written where these tasks are fixed."""
    return {Path(os.path.realpath(task.path)).parent for task in tasks}


def _given_up(tasks: Sequence[Task], reason: str, done: Collection[int]) -> dict[int, FileResult]:
    """The files that a run which could not go on left as they were; the reason is told once."""
    left = [index for index in range(len(tasks)) if index not in done]
    told = f"{reason}; {len(left)} of {len(tasks)} files were left as they were"
    return {index: FileResult(str(tasks[index].path), failures=(told,) * (index == left[0]), skipped="the run ended before it") for index in left}


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
    ((_, worked),) = Local(1).run([task], Onlooker())
    return worked.result
