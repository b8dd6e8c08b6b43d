"""Jobs and verdicts: what a changed class is run with, and what the two runs say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintorch.settings import Settings
    from lintorch.verify.pairs import Compared


def verify(old: str | os.PathLike[str], new: str | os.PathLike[str], settings: Settings | None = None, *, every: bool = False) -> list[Compared]:
    """Run what differs between two versions of a file or folder: does it still compute the same?

    Gives one `Compared(path, name, verdict)` for each class that changed, and for each changed function on tensors that no such class uses (for unchanged
    ones too with `every`). `verdict.status` is a `Status` (same-trace, tested, close, undecided, refuted); `verdict.reason` says why it is not one of the
    first two, `verdict.inputs`, `.seeds` and `.modes` what it rests on. An empty list means that nothing was found to compare.

    Raises UsageError for paths that cannot be compared, SourceError for a version that cannot be parsed, VerifierUnavailable where nothing can be run.
    """
    from lintorch.verify.pairs import verify_paths

    return verify_paths(Path(old), Path(new), settings, every)
