"""The command line as tests use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.doors import Doors


@pytest.fixture
def doors(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doors:
    folder = tmp_path / "work"
    (folder / ".git").mkdir(parents=True)  # the end of every search upward
    return Doors(folder, capfd, monkeypatch)
