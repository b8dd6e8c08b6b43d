"""No equivalent rewrite is ever refuted, and what is written otherwise but computes the same has the same trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintorch.verify.verdict import Status
from lintorch.verify.verifier import Verifier
from tests.verify.generated import one_of_each
from tests.verify.mutations import Mutant
from tests.verify.rewrites import REWRITES, rewrites
from tests.verify.specimens import SPECIMENS
from tests.verify.test_mutations import diff, verdicts


def all_rewrites(name: str) -> list[Mutant]:
    return [found for specimen in SPECIMENS for found in rewrites(specimen, name)]


@pytest.mark.parametrize("name", REWRITES)
def test_no_equivalent_rewrite_is_refuted(name: str, verifier: Verifier, tmp_path: Path) -> None:
    check(all_rewrites(name)[::5], verifier, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", REWRITES)
def test_no_equivalent_rewrite_at_any_place_is_refuted(name: str, verifier: Verifier, tmp_path: Path) -> None:
    check(all_rewrites(name), verifier, tmp_path)


@pytest.mark.parametrize("name", REWRITES)
def test_no_equivalent_rewrite_of_a_generated_module_is_refuted(name: str, verifier: Verifier, tmp_path: Path) -> None:
    check(one_of_each(rewrites, name, step=17), verifier, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", REWRITES)
def test_no_equivalent_rewrite_of_any_generated_module_is_refuted(name: str, verifier: Verifier, tmp_path: Path) -> None:
    check(one_of_each(rewrites, name), verifier, tmp_path)


def check(found: list[Mutant], verifier: Verifier, folder: Path) -> None:
    assert found
    told = list(zip(found, verdicts(verifier, found, folder), strict=True))
    assert [f"{verdict.reason}\n{diff(rewrite)}" for rewrite, verdict in told if verdict.status is not Status.SAME_TRACE] == []
