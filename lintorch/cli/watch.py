"""`--watch`: the same run again whenever a file it may depend on has changed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from lintorch.cli.arguments import Arguments
from lintorch.cli.output import warn
from lintorch.cli.paths import required
from lintorch.settings import UsageError
from lintorch.there import exists

_PATIENCE = 200  # milliseconds
_WATCHED = (".py", ".ipynb")
_SETTINGS = {"pyproject.toml", "setup.cfg", "tox.ini", ".flake8", "ruff.toml", ".ruff.toml", ".gitignore"}


def watch(arguments: Arguments, run: Callable[[], int]) -> int:
    """Run, and run again after each change until interrupted; the exit status is the last run's. Raises UsageError where nothing can be watched."""
    try:
        from watchfiles import watch as changes
    except ImportError:
        raise UsageError("--watch needs the package watchfiles, which is not installed; install `lintorch[watch]`") from None
    paths = [required(name) for name in arguments.paths or (".",)]
    # It watches from the first question on, so that no change during the first run is missed; nothing changed is an answer too.
    watcher = changes(*paths, *_named(arguments), watch_filter=lambda _, path: _matters(path), yield_on_timeout=True, rust_timeout=_PATIENCE)
    next(watcher)
    status = run()
    try:
        _tell(arguments)
        for changed in watcher:
            if changed:
                status = _again(run, status)
                _tell(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
    return status


def _named(arguments: Arguments) -> list[Path]:
    return [file for file in (arguments.config, arguments.baseline) if file is not None and exists(file)]


def _matters(path: str) -> bool:
    return path.endswith(_WATCHED) or Path(path).name in _SETTINGS


def _again(run: Callable[[], int], status: int) -> int:
    """One more run. What is wrong for the moment, such as half a configuration file, is told and ends nothing."""
    try:
        return run()
    except UsageError as error:
        warn(str(error))
        return status or 2


def _tell(arguments: Arguments) -> None:
    sys.stdout.flush()
    if not arguments.quiet:
        sys.stderr.write(f"-- {time.strftime('%H:%M:%S')}: waiting for changes (Ctrl+C ends) --\n")
        sys.stderr.flush()
