"""The server on standard input and output."""

from __future__ import annotations

import os

from lintorch.lsp.handlers import register
from lintorch.lsp.server import Server


def start() -> None:
    """Serve on standard input and output."""
    # User code, and whatever prints by mistake, must not write into the protocol.
    outgoing = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    server = Server()
    register(server)
    try:
        server.start_io(stdout=outgoing)
    finally:
        server.end()
