"""`lintorch lsp`: the language server, for an editor on the other end of standard input and output."""

from __future__ import annotations

import sys

from lintorch.cli.arguments import Arguments
from lintorch.cli.output import warn


def lsp(_arguments: Arguments) -> int:
    """Serve until the editor says goodbye; raises UsageError where the extra is missing."""
    from lintorch.lsp import serve

    if sys.stdin.isatty():
        warn("the language server speaks with an editor on standard input; set one up as docs/editors shows, or press Ctrl-C")
    serve()
    return 0
