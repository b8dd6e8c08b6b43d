"""`python -m lintorch`."""

from __future__ import annotations

from lintorch.cli import run

run()
