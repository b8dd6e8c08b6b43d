"""One self-contained page: what was found, each fix side by side, what a verdict rests on, and pictures of what was measured. Nothing on it is executed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lintorch.settings import UsageError

if TYPE_CHECKING:
    from lintorch.catalogue import Catalogue
    from lintorch.engine.result import Run
    from lintorch.verify.pairs import Compared

_NEEDED = ("jinja2", "matplotlib")


def require() -> None:
    """Raise UsageError where the packages that make the page are missing."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"--format html needs {' and '.join(missing)}, which this Python does not have; install `lintorch[html]`")


def render(run: Run, catalogue: Catalogue) -> str:
    """The page of a check."""
    require()
    from lintorch.report.html.checked import checked
    from lintorch.report.html.environment import page

    return page(checked(run, catalogue))


def render_comparison(results: Sequence[Compared], failures: Sequence[str]) -> str:
    """The page of `lintorch verify`."""
    require()
    from lintorch.report.html.environment import page
    from lintorch.report.html.verified import verified

    return page(verified(results, failures))
