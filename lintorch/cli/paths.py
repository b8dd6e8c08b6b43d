"""The paths that a user names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from lintorch.settings import UsageError, nearest
from lintorch.there import is_folder


def required(name: str, commands: Iterable[str] = ()) -> Path:
    """The path of something that is there; raises UsageError where nothing is, with the nearest command where it may have been meant for one."""
    if not name:
        raise UsageError("'' is no path; name a file or folder, or `.` for the current folder")
    try:
        Path(name).stat()
        if is_folder(Path(name)):
            os.scandir(name).close()
    except PermissionError as error:
        raise UsageError(f"{name}: cannot be looked at ({error.strerror}); check its permissions and those of the folders that it is in") from None
    except OSError:
        raise UsageError(f"{name}: there is no such file or folder{nearest(name, commands) if name.isalpha() else ''}") from None
    return Path(name)
