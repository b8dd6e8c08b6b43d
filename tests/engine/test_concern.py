"""What a run is not about: what the baseline knows, each finding once, its nearest kin first; and what stands on no changed line."""

from __future__ import annotations

import pytest

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.engine.concern import EVERYTHING, IN_BASELINE, UNCHANGED, Concern, Known, known_as
from lintorch.engine.result import FileResult
from lintorch.engine.workshop import checked
from lintorch.settings import Settings
from lintorch.source.text import Source

FORWARD = "    def {name}(self, x):\n        y = self.layer(x)\n        return y\n\n"
TEXT = "from torch import nn\n\n\nclass Net(nn.Module):\n" + FORWARD.format(name="forward") + "\nclass Other(nn.Module):\n" + FORWARD.format(name="forward")


@pytest.fixture(scope="module")
def result() -> FileResult:
    found = checked(Checker(load_catalogue()).analyse(Source.from_bytes("/nowhere/net.py", TEXT.encode()), Settings()))
    assert [one.symbol for one in found.diagnostics] == ["Net.forward", "Other.forward"]
    return found


def test_without_a_concern_everything_counts(result: FileResult) -> None:
    assert EVERYTHING.applied(result) is result


def known(result: FileResult, *indices: int, symbol: str = "", times: int = 1) -> tuple[Known, ...]:
    found = [known_as(result.diagnostics[index]) for index in indices]
    return tuple(one._replace(symbol=symbol or one.symbol, times=times) for one in found)


def test_what_the_baseline_knows_is_taken_from_its_own_function_first(result: FileResult) -> None:
    assert dict(Concern(known(result, 1)).aside(result.diagnostics)) == {1: IN_BASELINE}
    assert dict(Concern(known(result, 0)).aside(result.diagnostics)) == {0: IN_BASELINE}


def test_where_the_function_was_renamed_the_same_text_counts_once(result: FileResult) -> None:
    assert dict(Concern(known(result, 0, symbol="Gone.forward")).aside(result.diagnostics)) == {0: IN_BASELINE}
    assert dict(Concern(known(result, 0, symbol="Gone.forward", times=2)).aside(result.diagnostics)) == {0: IN_BASELINE, 1: IN_BASELINE}


def test_another_code_or_line_is_not_known(result: FileResult) -> None:
    (one,) = known(result, 0)
    assert not dict(Concern((one._replace(code="LT104"),)).aside(result.diagnostics))
    assert not dict(Concern((one._replace(line="z = self.layer(x)"),)).aside(result.diagnostics))


@pytest.mark.parametrize(
    ("lines", "touched"),
    [
        (((6, 6),), {0}),
        (((7, 7),), set()),
        (((1, 5),), set()),
        (((8, 10),), set()),
        (((1, 6),), {0}),
        (((6, 99),), {0, 1}),
        ((), set()),
        (((2, 3), (12, 12)), {1}),
    ],
)
def test_findings_on_changed_lines_are_left(result: FileResult, lines: tuple[tuple[int, int], ...], touched: set[int]) -> None:
    aside = dict(Concern(lines=lines).aside(result.diagnostics))
    assert aside == dict.fromkeys({0, 1} - touched, UNCHANGED)
    applied = Concern(lines=lines).applied(result)
    assert {result.diagnostics.index(one) for one in applied.diagnostics} == touched
    assert sum(applied.aside.values()) == 2 - len(touched)
