"""Taking lintorch up in code that is there already: what a run is about, and what it records instead of reporting."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lintorch.cli.arguments import Arguments
from lintorch.cli.baseline import read_baseline, write_baseline
from lintorch.cli.output import show, tell_failures
from lintorch.engine.concern import Concern
from lintorch.engine.result import Run
from lintorch.engine.run import Mode, Task, Workshop, target_folders
from lintorch.report import diff
from lintorch.report.escape import visible
from lintorch.report.words import counted
from lintorch.settings import UsageError
from lintorch.source.leftover import sweep

# Options that say two things at once: the first with any of the others.
_CONTRADICTIONS = {"write_baseline": ("baseline", "diff_from", "fix", "diff", "witness", "add_ignore", "watch"), "add_ignore": ("fix", "witness", "watch")}
_BESIDE_STDIN = ("diff_from", "write_baseline", "add_ignore", "watch")


def refuse_contradictions(arguments: Arguments, stdin: bool) -> None:
    """Raise UsageError for options that cannot be had together."""
    for one, others in _CONTRADICTIONS.items():
        for other in others:
            if getattr(arguments, one) and getattr(arguments, other):
                raise UsageError(f"{_option(one)} and {_option(other)} cannot be had together; run lintorch twice")
    if arguments.statistics and arguments.format not in ("text", "json"):
        raise UsageError(f"--statistics is told as text or json, not as {arguments.format}")
    for name in _BESIDE_STDIN if stdin else ():
        if getattr(arguments, name):
            raise UsageError(f"{_option(name)} needs files, not standard input")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def about(tasks: Iterable[Task], arguments: Arguments) -> list[Task]:
    """The tasks with what the run is about in each file, less those it is not about at all."""
    tasks = list(tasks)
    if arguments.diff_from:
        from lintorch.cli.git import concerned

        lines = concerned([task.path for task in tasks], arguments.diff_from)
        tasks = [replace(task, concern=Concern(lines=lines[task.path])) for task in tasks if task.path in lines]
    if arguments.baseline:
        baseline = read_baseline(arguments.baseline)
        tasks = [replace(task, concern=replace(task.concern, known=baseline.of(task.path))) for task in tasks]
    return tasks


def record_baseline(run: Run, file: Path, quiet: bool) -> int:
    """Write the baseline instead of a report; the exit status."""
    write_baseline(file, run)
    tell_failures(run)
    number, holding = sum(1 for _ in run.diagnostics), sum(bool(each.diagnostics) for each in run.files)
    if not quiet:
        sys.stdout.write(visible(f"Wrote {counted(number, 'finding')} of {counted(holding, 'file')} to {file}.") + "\n")
    return 2 if run.failures else 0


def record_ignores(run: Run, tasks: Sequence[Task], arguments: Arguments) -> int:
    """Write an ignore behind each finding instead of a report, or show it with --diff; the exit status."""
    from lintorch.engine.silence import silenced

    workshop = Workshop()
    found = {result.path for result in run.files if result.diagnostics}
    mode = Mode.DIFF if arguments.diff else Mode.FIX
    if mode is Mode.FIX:
        sweep(target_folders(tasks))
    changed = replace(run, files=tuple(silenced(replace(task, mode=mode), workshop) for task in tasks if str(task.path) in found))
    if arguments.diff:
        sys.stdout.write(diff.render(changed))
    tell_failures(run)
    tell_failures(changed)
    show(_summary(changed, arguments), sys.stderr if arguments.diff else sys.stdout)
    return 2 if run.failures or changed.failures else 0


def _summary(changed: Run, arguments: Arguments) -> Iterator[tuple[tuple[str, str], ...]]:
    verb = "Would silence" if arguments.diff else "Silenced"
    silent = [file for file in changed.files if file.changed]
    number = sum(len(file.diagnostics) for file in silent)
    if not arguments.quiet:
        yield ((f"{verb} {counted(number, 'finding')} in {counted(len(silent), 'file')}.", "path"),)
