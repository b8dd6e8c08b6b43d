"""The language server: findings as you type, rule pages on hover, fixes that are run before they are applied."""

from __future__ import annotations

import importlib.util

from lintorch.settings import UsageError


def serve() -> None:
    """Serve one editor on standard input and output until it says goodbye; raises UsageError where the extra is missing."""
    if importlib.util.find_spec("pygls") is None or importlib.util.find_spec("lsprotocol") is None:
        raise UsageError("`lintorch lsp` needs pygls, which this Python does not have; install `lintorch[lsp]`")
    from lintorch.lsp.server import start

    start()
