"""Where reports go: standard output in colour on a terminal, plain elsewhere, or a file."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from lintorch.catalogue import load_catalogue
from lintorch.cli.arguments import Arguments
from lintorch.engine.result import Run
from lintorch.report import diff, formats, text
from lintorch.report.escape import visible
from lintorch.settings import UsageError


def warn(message: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"lintorch: {visible(message)}\n")


def deliver(run: Run, arguments: Arguments, stream: TextIO) -> None:
    """Write the report of a run in the format asked for, and a line on standard error for each thing that could not be done."""
    with opened(arguments, stream) as target:
        if arguments.format == "text":
            _deliver_text(run, arguments, target)
        else:
            form = "statistics" if arguments.statistics else arguments.format
            target.write(formats.render(form, run, load_catalogue()))
            target.flush()
            tell_failures(run)


def _deliver_text(run: Run, arguments: Arguments, target: TextIO) -> None:
    """The report for people. With --diff the diff alone goes where output goes, so that it can be piped into `git apply`."""
    beside = sys.stderr if arguments.diff else target
    if arguments.diff:
        target.write(diff.render(run))
        target.flush()
    show(text.statistics(run, load_catalogue()) if arguments.statistics else text.report(run, shows_allowed=not arguments.diff), beside)
    tell_failures(run)
    if not arguments.quiet:
        show(text.summary(run), beside)


def tell_failures(run: Run) -> None:
    """A line on standard error for each thing that could not be done."""
    for failure in run.failures:
        sys.stderr.write(f"{visible(failure)}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def opened(arguments: Arguments, stream: TextIO) -> Iterator[TextIO]:
    """The file of --output-file, else `stream`; raises UsageError where it cannot be written."""
    try:
        if arguments.output_file is None:
            yield stream
            stream.flush()
        else:
            with arguments.output_file.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(arguments.output_file, error) from None


def require_output(arguments: Arguments) -> None:
    """Raise UsageError, before anything runs or is changed, where --output-file cannot be written."""
    if arguments.output_file is not None:
        try:
            arguments.output_file.open("ab").close()
        except OSError as error:
            raise _unwritable(arguments.output_file, error) from None


def _unwritable(file: Path | None, error: OSError) -> UsageError:
    return UsageError(f"{file or 'the report'}: cannot be written ({error.strerror}); name {'another' if file else 'an'} --output-file")


def show(lines: Iterable[text.Line], stream: TextIO) -> None:
    """Styled lines on a terminal, plain ones elsewhere and where NO_COLOR asks for it."""
    if stream.isatty() and not os.environ.get("NO_COLOR"):
        from lintorch.report import terminal

        terminal.show(lines, stream)
    else:
        stream.write(text.plain(lines))
    stream.flush()
