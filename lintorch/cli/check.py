"""`lintorch [check] PATH...`: find, and with --fix rewrite what verifies."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from lintorch.catalogue import load_catalogue
from lintorch.cli.adoption import about, record_baseline, record_ignores, refuse_contradictions
from lintorch.cli.arguments import COMMANDS, Arguments
from lintorch.cli.clean import store
from lintorch.cli.configure import configuration, warn_of_unused
from lintorch.cli.interpreter import require_torch
from lintorch.cli.output import deliver, require_output, warn
from lintorch.cli.paths import required
from lintorch.config import Configuration
from lintorch.engine.executor import executor
from lintorch.engine.remembered import Remembered
from lintorch.engine.result import FileResult, Run, numbered
from lintorch.engine.run import Mode, Onlooker, Task, run_files, run_text
from lintorch.report import html
from lintorch.report.progress import shown
from lintorch.rule import Severity
from lintorch.settings import Settings, UsageError
from lintorch.source.discover import Skipped, discover
from lintorch.source.notebook import SUFFIX
from lintorch.there import is_folder

STDIN = "-"


def check(arguments: Arguments) -> int:
    """Check (and fix) paths or standard input; the exit status. Raises UsageError before any file was changed."""
    stdin = STDIN in arguments.paths or bool(arguments.stdin_filename and not arguments.paths)
    refuse_contradictions(arguments, stdin)
    if arguments.watch:
        from lintorch.cli.watch import watch

        return watch(arguments, lambda: _check(replace(arguments, watch=False), stdin))
    return _check(arguments, stdin)


def _check(arguments: Arguments, stdin: bool) -> int:
    config = configuration(arguments)
    require_output(arguments)
    mode = Mode.CHECK if arguments.add_ignore else Mode.DIFF if arguments.diff else Mode.FIX if arguments.fix else Mode.CHECK
    if stdin:
        return _check_stdin(arguments, config, mode)
    tasks, skipped = _tasks(arguments, config, mode)
    tasks = about(tasks, arguments)
    _require(config, mode is not Mode.CHECK or arguments.witness)
    warn_of_unused(arguments.example, (_text(task.path) for task in tasks))
    with shown(len(tasks), any(task.runs_code for task in tasks), arguments.quiet) as progress:
        files = _run(tasks, arguments, progress)
    run = Run(numbered(files), skipped, fixing=mode is not Mode.CHECK, written=mode is Mode.FIX)
    if arguments.write_baseline:
        return record_baseline(run, arguments.write_baseline, arguments.quiet)
    if arguments.add_ignore:
        return record_ignores(run, tasks, arguments)
    deliver(run, arguments, sys.stdout)
    return status(run, arguments, config)


def _run(tasks: list[Task], arguments: Arguments, progress: Onlooker) -> tuple[FileResult, ...]:
    cache = store(arguments)
    jobs = tasks[0].settings.jobs if tasks else 1
    return run_files(tasks, jobs, progress, executor(arguments.executor, jobs, cache), Remembered(cache))


def _check_stdin(arguments: Arguments, config: Configuration, mode: Mode) -> int:
    """Check what standard input holds. With --fix the fixed text goes to standard output and the report to standard error."""
    if arguments.paths not in ((), (STDIN,)):
        raise UsageError("- (standard input) cannot be checked together with other paths")
    path = Path(arguments.stdin_filename or STDIN)
    (task,) = about([Task(path, config.settings_for(path), mode, sys.stdin.buffer.read(), arguments.witness)], arguments)
    _require(config, mode is not Mode.CHECK or arguments.witness)
    result = run_text(task)
    run = Run(numbered([result]), fixing=mode is not Mode.CHECK, written=mode is Mode.FIX)
    if mode is Mode.FIX:
        sys.stdout.buffer.write(_fixed(result, task))
        sys.stdout.flush()
    deliver(run, arguments, sys.stderr if mode is Mode.FIX else sys.stdout)
    return status(run, arguments, config)


def _fixed(result: FileResult, task: Task) -> bytes:
    """The fixed text as the file would hold it; what could not be fixed comes back as it was."""
    if result.original is None or result.text is None:
        return task.raw or b""
    return result.original.with_text(result.text).raw


def _require(config: Configuration, runs_code: bool) -> None:
    """Raise UsageError for an unknown code, or where fixes could not be verified, before anything runs."""
    for settings in config.distinct:
        if settings.illustrated:
            html.require()
        _require_codes(config, settings)
        if runs_code:
            require_torch(settings)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _require_codes(config: Configuration, settings: Settings) -> None:
    """Raise UsageError for a code of a configuration file that no rule has, naming the file; those of the command line have been looked at."""
    try:
        load_catalogue().select(settings)
    except UsageError as error:
        file = config.file(settings.root)
        raise UsageError(f"{file}: {error}" if file else str(error)) from None


def _tasks(arguments: Arguments, config: Configuration, mode: Mode) -> tuple[list[Task], tuple[tuple[str, str], ...]]:
    """The files of a run, each with its settings, and what was left out; raises UsageError for paths that hold nothing to check."""
    tasks: dict[Path, Task] = {}
    skipped: dict[str, str] = {}
    for name in arguments.paths or (".",):
        path = required(name, COMMANDS)
        files, left_out = _readable(path, *discover([path], config.settings_for(path), arguments.force_exclude))
        tasks.update((file, Task(file, config.settings_for(file), mode, witness=arguments.witness)) for file in files)
        skipped.update((str(place), reason) for place, reason in left_out)
        if is_folder(path) and not files:
            warn(f"{name}: no Python files here" + (f" ({len(left_out)} left out)" if left_out else ""))
    return list(tasks.values()), tuple(skipped.items())


def _readable(path: Path, files: list[Path], left_out: list[Skipped]) -> tuple[list[Path], list[Skipped]]:
    """What was found without the notebooks, where the package that reads them is missing and none was asked for by name."""
    notebooks = [file for file in files if file.suffix == SUFFIX and file != path]
    if not notebooks or find_spec("nbformat") is not None:
        return files, left_out
    reason = "is a notebook, which needs `lintorch[notebook]` to be read"
    return [file for file in files if file not in notebooks], [*left_out, *(Skipped(file, reason) for file in notebooks)]


def status(run: Run, arguments: Arguments, config: Configuration) -> int:
    """2 where something could not be checked, 1 where findings are left (or a rewrite was refuted), else 0."""
    if run.failures:
        return 2
    if arguments.exit_zero:
        return 0
    return int(run.refuted or any(_counts(diagnostic.severity, config.settings_for(Path(diagnostic.path))) for diagnostic in run.left))


def _counts(severity: Severity, settings: Settings) -> bool:
    return severity.rank >= Severity(settings.fail_on).rank
