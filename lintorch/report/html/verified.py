"""The page of `lintorch verify`: each file once with what differs, and a verdict for each class and function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from lintorch.report.comparison import summary
from lintorch.report.html.sidebyside import side_by_side
from lintorch.report.html.verdicts import verdict_view
from lintorch.report.html.view import ChangeView, FileView, PageView
from lintorch.verify.pairs import Compared


def verified(results: Sequence[Compared], failures: Sequence[str]) -> PageView:
    """Every verdict, file by file."""
    by_status = Counter(result.verdict.status.value for result in results)
    figures = tuple((f"{number:,}", status) for status, number in by_status.items())
    files = tuple(_file(number, path, list(same)) for number, (path, same) in enumerate(groupby(results, key=lambda result: result.path), 1))
    return PageView("lintorch verify", summary(results), figures, (), files, tuple(failures), (), compares=True)


def _file(number: int, path: str, results: list[Compared]) -> FileView:
    change = next((result.change for result in results if result.change is not None), None)
    changes = tuple(
        ChangeView(f"module-{number}-{place}", result.name, "", (), (), verdict_view(result.verdict, result.name)) for place, result in enumerate(results, 1)
    )
    return FileView(f"file-{number}", path, (), changes, side_by_side(change.old, change.new) if change else ())
