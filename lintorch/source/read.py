"""A file as a source, whatever its kind."""

from __future__ import annotations

from pathlib import Path

from lintorch.source.notebook import SUFFIX, Notebook
from lintorch.source.text import Source


def read_source(path: Path, raw: bytes | None = None) -> Source:
    """The source of a file, from its bytes where they are given; raises SourceError where it cannot be had."""
    kind: type[Source] = Notebook if path.suffix == SUFFIX else Source
    return kind.read(path) if raw is None else kind.from_bytes(path, raw)
