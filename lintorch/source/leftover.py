"""What lintorch makes for the time it works and must not leave behind: told from other files by name, and from that of a living process by a lock."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from lintorch.there import is_folder

if sys.platform != "win32":  # pragma: no branch (Windows)
    import fcntl

# A leftover is named "<prefix><process>-<anything>" and locked for as long as the process that made it lives.
TEMPORARY = ".lintorch-"
SCRATCH = "lintorch-"
# Between making something and locking it, another thread of this process must not take it for a leftover.
_MAKING = threading.Lock()
_OLD_SECONDS = 3600


@contextlib.contextmanager
def making() -> Iterator[None]:
    """No sweep of this process sees what is made in here before it is locked, if it is."""
    with _MAKING:
        yield


def hold(descriptor: int) -> None:
    """Lock what was made until the descriptor is closed or its process ends."""
    if sys.platform != "win32":  # pragma: no branch (Windows)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sweep(folders: Iterable[Path]) -> None:
    """Remove the temporary files that writers who were killed left in `folders`; those of writers still at work stay."""
    for folder in set(folders):
        for path in _leftovers(folder, TEMPORARY, ".tmp"):
            with contextlib.suppress(OSError):
                path.unlink()


def sweep_scratch(folder: Path) -> None:
    """Remove the folders that verifiers who were killed left in `folder`, the system's place for such things."""
    for path in _leftovers(folder, SCRATCH, ""):
        if is_folder(path) and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


def _leftovers(folder: Path, prefix: str, suffix: str) -> Iterator[Path]:
    for path in folder.glob(f"{prefix}*{suffix}"):
        with contextlib.suppress(OSError), _MAKING:
            if _is_left_over(path, path.name.removeprefix(prefix).partition("-")[0]):
                yield path


if sys.platform == "win32":  # pragma: no cover (Windows)

    def _is_left_over(path: Path, _number: str) -> bool:
        """Windows has no such locks, and no harmless way to ask whether a process lives."""
        return time.time() - path.stat().st_mtime > _OLD_SECONDS

else:

    def _is_left_over(path: Path, number: str) -> bool:
        """Process numbers are used again (in containers nearly always), so the lock decides where the maker may be this process."""
        if not number.isdecimal():
            return False
        own = int(number) == os.getpid()
        return (own or not _is_alive(int(number))) and _is_unlocked(path, without_locks=not own)

    def _is_unlocked(path: Path, without_locks: bool) -> bool:
        """Does nobody hold the lock? Answers `without_locks` where the file system has none."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return without_locks
        finally:
            os.close(descriptor)
        return True

    def _is_alive(process: int) -> bool:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        except (OSError, OverflowError):
            return True
        return True
