"""Flows of code given as text."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from lintorch.flow.function import FunctionFlow
from lintorch.flow.temporary import Temporary
from lintorch.project.project import Project
from lintorch.source.text import Source


def flow_of(code: str, name: str = "forward", line_length: int = 88, temporaries: Collection[Temporary] = tuple(Temporary)) -> FunctionFlow:
    """The flow of the function `name` (qualified, such as Net.forward) of a file with this text."""
    project = Project(Path("/nowhere"), ())
    module = project.load(Source.from_bytes("/nowhere/program.py", code.encode()))
    return FunctionFlow(module.functions[name], module, project, line_length, temporaries)
