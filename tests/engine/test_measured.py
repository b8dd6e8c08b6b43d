"""Findings that a measurement must confirm: withheld by a check, written only where the peak falls."""

from __future__ import annotations

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.engine.repair import repair
from lintorch.settings import Settings
from lintorch.source.text import Source
from lintorch.verify.verdict import Status, Verdict

CODE = """\
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        a = self.one(x)
        b = self.two(a)
        return self.three(b)
"""
SETTINGS = Settings(select=("LT107",))


def _source() -> Source:
    return Source.from_bytes("/nowhere/net.py", CODE.encode())


def test_a_check_counts_and_withholds() -> None:
    analysis = Checker(load_catalogue()).analyse(_source(), SETTINGS)
    assert analysis.judged == ()
    assert analysis.withheld == {"LT107": 1}


@pytest.mark.parametrize(
    ("verdict", "written"),
    [
        pytest.param(Verdict(Status.SAME_TRACE, peak_bytes=(100, 60), peak_training=(200, 200)), True, id="the peak falls"),
        pytest.param(Verdict(Status.SAME_TRACE, peak_bytes=(100, 100)), False, id="the peak stays"),
        pytest.param(Verdict(Status.SAME_TRACE), False, id="nothing was measured"),
        pytest.param(Verdict(Status.UNDECIDED, "no input", peak_bytes=(100, 60)), False, id="the verdict does not allow it"),
    ],
)
def test_only_a_lower_peak_is_written(verdict: Verdict, written: bool) -> None:
    result = repair(Checker(load_catalogue()), SETTINGS, lambda change: verdict, _source(), in_place=True)
    assert (result.text is not None) is written
    fixed = [diagnostic for diagnostic in result.diagnostics if diagnostic.fixed]
    assert len(fixed) == (1 if written else 0)
    assert not written or "100 -> 60 bytes, in training no change" in fixed[0].message
