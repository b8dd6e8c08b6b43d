"""One verifier for all tests of this folder: its worker imports torch once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lintorch.settings import Settings
from lintorch.verify.verifier import Verifier


@pytest.fixture(scope="session")
def verifier() -> Iterator[Verifier]:
    with Verifier(Settings(time_limit=30, min_isolation="none")) as running:
        yield running
