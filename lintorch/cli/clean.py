"""`lintorch clean`, and the cache that the other commands use."""

from __future__ import annotations

import sys

from lintorch.cache.store import Store, cache_folder
from lintorch.cli.arguments import Arguments
from lintorch.settings import UsageError
from lintorch.there import exists, is_folder


def clean(arguments: Arguments) -> int:
    """Remove the cache and say how much that was."""
    folder = cache_folder(arguments.cache_dir)
    freed = Store(folder).clean()
    sys.stdout.write(f"{folder}: {freed / 1e6:.1f} MB removed\n" if freed else f"{folder}: there is no cache here\n")
    return 0


def store(arguments: Arguments) -> Store | None:
    """The cache of a run; None where it is to do without. Raises UsageError where what was named for it is no folder."""
    named = arguments.cache_dir
    if named is not None and exists(named) and not is_folder(named):
        raise UsageError(f"--cache-dir {named} is a file; name a folder, or pass --no-cache")
    return None if arguments.no_cache else Store(cache_folder(named))
