"""The command line: arguments in, exit status out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from lintorch.cli.arguments import Arguments, parse_arguments
from lintorch.garbage import collect_seldom
from lintorch.settings import UsageError

CLEAN, FOUND, FAILED, INTERRUPTED = 0, 1, 2, 130


def run() -> None:
    """The console script."""
    collect_seldom()
    raise SystemExit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run `lintorch ARGV` (by default this process's arguments); the exit status is returned, and no exception but an exit leaves."""
    _speak_any_text()
    try:
        arguments = parse_arguments(sys.argv[1:] if argv is None else argv)
        status = _command(arguments.command)(arguments)
        sys.stdout.flush()
        return status
    except UsageError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted; files fixed so far stay fixed, all others are as they were", INTERRUPTED)
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:
        if os.environ.get("LINTORCH_TRACEBACK"):
            raise
        detail = " ".join(f"{type(error).__name__}: {error}".split())
        return _fail(f"internal error: {detail}; please report it (LINTORCH_TRACEBACK=1 shows where)")


def _command(name: str) -> Callable[[Arguments], int]:
    """The function of a command, imported now: `--version` and `explain` need little."""
    if name in ("explain", "rules"):
        from lintorch.cli import tell

        return tell.explain if name == "explain" else tell.rules
    if name == "verify":
        from lintorch.cli.verify import verify

        return verify
    if name == "clean":
        from lintorch.cli.clean import clean

        return clean
    if name == "lsp":
        from lintorch.cli.lsp import lsp

        return lsp
    if name == "config":
        from lintorch.cli.config import config

        return config
    from lintorch.cli.check import check

    return check


def _fail(message: str, status: int = FAILED) -> int:
    from lintorch.report.escape import visible

    sys.stderr.write(f"lintorch: {visible(message)}\n")
    return status


def _speak_any_text() -> None:
    """Source and file names hold any character; a terminal that cannot show one gets an escape, not a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _reader_gone() -> int:
    """`lintorch | head` is no fault; the null device takes what Python would still flush at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FOUND
