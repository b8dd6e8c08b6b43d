"""What a page shows of a run is what was measured, and nothing is measured for it where no page is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lintorch.settings import Settings
from lintorch.verify.verdict import Change, Status, Verdict
from lintorch.verify.verifier import Verifier

NAMED = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 64)

    def forward(self, x):
        a = x.sin()
        b = a.cos()
        c = b.tanh()
        d = c.exp()
        return self.layer(d)
"""
NESTED = NAMED.partition("        a =")[0] + "        return self.layer(x.sin().cos().tanh().exp())\n"
OTHER = NAMED.replace("d = c.exp()", "d = c.exp() * 2")
UNIT = 32 * 64 * 4  # bytes of the input, and of each activation


@pytest.fixture(scope="module")
def drawing() -> Iterator[Verifier]:
    settings = Settings(min_isolation="none", illustrated=True, examples={"Net": ("Net(), torch.randn(32, 64)",)})
    with Verifier(settings) as verifier:
        yield verifier


def judge(verifier: Verifier, tmp_path: Path, new: str) -> Verdict:
    path = tmp_path / "net.py"
    path.write_text(NAMED)
    return verifier.verify(Change(path, "Net", NAMED, new, (10, 11, 12, 13, 14)))


def test_live_bytes_follow_the_names_in_inference(drawing: Verifier, tmp_path: Path) -> None:
    verdict = judge(drawing, tmp_path, NESTED)
    assert verdict.status is Status.SAME_TRACE, verdict
    assert verdict.figures is not None
    assert verdict.figures.forward is not None
    before, after = verdict.figures.forward
    assert [size // UNIT for _, size in before][:5] == [1, 2, 3, 4, 5]
    assert max(size for _, size in before) == (verdict.peak_bytes or ())[0] >= 6 * UNIT
    assert max(size for _, size in after) == (verdict.peak_bytes or (0, 0))[1] <= 3 * UNIT
    assert [place for place, _ in before] == list(range(len(before)))


def test_gradients_are_told_by_name_and_equal(drawing: Verifier, tmp_path: Path) -> None:
    figures = judge(drawing, tmp_path, NESTED).figures
    assert figures is not None
    assert [(one.name, one.kind) for one in figures.gradients] == [
        ("layer.weight", "float32[64, 64]"), ("layer.bias", "float32[64]"), ("argument 0", "float32[32, 64]"),
    ]  # fmt: skip
    assert all(one.equal and one.largest[0] == one.largest[1] for one in figures.gradients)
    assert figures.left_out == 0


def test_a_refuted_change_shows_which_gradients_differ(drawing: Verifier, tmp_path: Path) -> None:
    verdict = judge(drawing, tmp_path, OTHER)
    assert verdict.status is Status.REFUTED
    assert verdict.figures is not None
    told = {one.name: one for one in verdict.figures.gradients}
    assert (told["layer.weight"].equal, told["layer.bias"].equal) == (False, True)
    before, after = told["layer.weight"].largest
    assert before is not None
    assert after == pytest.approx(2 * before)


def test_where_no_page_is_made_nothing_is_measured_for_it(verifier: Verifier, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(NAMED)
    verdict = verifier.verify(Change(path, "Net", NAMED, NESTED, (10,)), ["Net(), torch.randn(32, 64)"])
    assert (verdict.status, verdict.figures, verdict.peak_bytes) == (Status.SAME_TRACE, None, None)
