"""The output formats by name; each is imported when it is asked for."""

from __future__ import annotations

import importlib

from lintorch.catalogue import Catalogue
from lintorch.engine.result import Run

FORMATS = ("text", "concise", "json", "github", "gitlab", "sarif", "junit", "html")


def render(name: str, run: Run, catalogue: Catalogue) -> str:
    """A run in a format, as text that ends with a newline."""
    rendered = importlib.import_module(f"lintorch.report.{name}").render(run, catalogue)
    assert isinstance(rendered, str)
    return rendered
