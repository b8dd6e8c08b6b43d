"""Writing a file so that at every moment, whatever happens, it is whole: either as it was or as it shall be."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lintorch.source.leftover import TEMPORARY, hold, making
from lintorch.source.text import Source, SourceError

# Attributes that only the system may set; where it refuses, the new file has those the system gives it.
_SYSTEM_ATTRIBUTES = ("security.", "trusted.", "system.nfs4_acl")


class _State(NamedTuple):
    """What tells whether a file was touched: the file itself and everything that changes with its content or its rights."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


def write(source: Source, text: str) -> None:
    """Make `text` the text of the file that `source` was read from; raises SourceError, the file untouched, where that cannot be done safely.

    Links are followed and stay links. Not written are files that are not regular, have several names (hard links), are write-protected, or no
    longer hold the bytes that `source` was read from. Mode, owner and extended attributes are kept.
    """
    content = source.encode(text)
    if content == source.raw:
        return
    target = Path(os.path.realpath(source.path))
    try:
        _replace(source, target, content, _checked(source, target))
    except OSError as error:
        raise SourceError(source.path, f"cannot be written ({error.strerror or error})", "see to the rights and the free space of its folder") from None


def _checked(source: Source, target: Path) -> _State:
    """The state of the file, once everything that speaks against writing it has been asked."""
    status = target.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(source.path, "is not a regular file", "it is left alone")
    if status.st_nlink > 1:
        raise SourceError(source.path, f"has {status.st_nlink} names (hard links)", "copy it over one of them to part them")
    if not status.st_mode & 0o222 or not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise SourceError(source.path, "is write-protected", "change its permissions to have it fixed")
    state = _state(target)
    if target.read_bytes() != source.raw:
        raise _changed(source)
    return state


def _state(path: Path) -> _State:
    status = path.lstat()
    return _State(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _changed(source: Source) -> SourceError:
    return SourceError(source.path, "was changed by something else since it was read", "run lintorch again")


def _replace(source: Source, target: Path, content: bytes, state: _State) -> None:
    with _temporary(target.parent) as (path, file):
        with file:
            file.write(content)
            file.flush()
            _copy_attributes(source, target, file.fileno())
            os.fsync(file.fileno())
        # An editor may have saved the file while this one was being written.
        if _state(target) != state or target.read_bytes() != source.raw:
            raise _changed(source)
        path.replace(target)
    _sync_folder(target.parent)


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file, locked also after it is closed, and removed at the end unless it was renamed."""
    path = folder / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}.tmp"
    with contextlib.ExitStack() as stack:
        with making():
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb")
            stack.callback(path.unlink, missing_ok=True)
            stack.callback(file.close)
            if sys.platform != "win32":  # pragma: no branch (Windows)
                held = os.dup(file.fileno())
                stack.callback(os.close, held)
                hold(held)
        yield path, file


def _copy_attributes(source: Source, target: Path, descriptor: int) -> None:
    """Give the new file the owner, mode and extended attributes of the old one; raises SourceError where it would change hands."""
    if sys.platform == "win32":  # pragma: no cover (Windows)
        return  # the folder's rights hold
    status, new = target.stat(), os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        except PermissionError:
            raise SourceError(source.path, "belongs to another user or group, whom the new file could not be given to", "fix it as that user") from None
    if sys.platform == "linux":  # pragma: no branch (macOS)
        _copy_extended(target, descriptor)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))  # after the owner, whose change clears setuid


if sys.platform == "linux":  # pragma: no branch (macOS)

    def _copy_extended(target: Path, descriptor: int) -> None:
        for name in os.listxattr(target):
            try:
                os.setxattr(descriptor, name, os.getxattr(target, name))
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTSUP) or not name.startswith(_SYSTEM_ATTRIBUTES):
                    raise


def _sync_folder(folder: Path) -> None:
    """Make the renaming last; some systems and file systems cannot, and the file is whole in any case."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
