"""The language server in a real editor: Emacs with eglot, in batch mode."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.documents import FIXED, NET, SERVER, TITLES

EMACS = shutil.which("emacs")
SESSION = Path(__file__).with_name("emacs_session.el")
_HAS_EGLOT = (
    EMACS is not None
    and subprocess.run([EMACS, "--batch", "-q", "-f", "package-initialize", "--eval", "(require 'eglot)"], capture_output=True).returncode == 0
)


@pytest.mark.skipif(not _HAS_EGLOT, reason="needs Emacs with eglot")
def test_shown_explained_verified_and_applied(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    file, out = tmp_path / "net.py", tmp_path / "out.json"
    file.write_text(NET)
    environment = {**os.environ, "FILE": str(file), "OUT": str(out), "SERVER": json.dumps(SERVER), "HOME": str(tmp_path)}
    command = [str(EMACS), "--batch", "-q", "-l", str(SESSION)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)
    assert out.exists(), done.stderr
    seen = json.loads(out.read_text())
    assert "failed" not in seen, done.stderr
    message = "lintorch [LT101]: `y` is bound only to be returned; return the expression"
    assert (seen["diagnostics"], seen["moved"]) == ([[message, 11]], [[message, 12]])
    assert seen["hover"].startswith("**LT101** `y` is bound only to be returned")
    assert [title.split(":")[0] for title in seen["titles"]] == TITLES
    (said,) = seen["said"]
    assert "lintorch: Net: applied; same-trace: " in said
    assert file.read_text() == "# 𝄞\n" + FIXED
