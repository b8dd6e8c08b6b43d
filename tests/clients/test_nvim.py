"""The language server in a real editor: Neovim, headless."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.documents import FIXED, NET, SERVER, TITLES

NVIM = shutil.which("nvim")
SESSION = Path(__file__).with_name("nvim_session.lua")


@pytest.mark.skipif(NVIM is None, reason="needs Neovim")
def test_shown_explained_verified_and_applied(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    file, out = tmp_path / "net.py", tmp_path / "out.json"
    file.write_text(NET)
    environment = {**os.environ, "FILE": str(file), "OUT": str(out), "SERVER": json.dumps(SERVER), "XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    command = [str(NVIM), "--headless", "-n", "-u", "NONE", "-c", f"luafile {SESSION}"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)
    assert out.exists(), done.stderr
    seen = json.loads(out.read_text())
    assert "failed" not in seen
    assert seen["diagnostics"] == [["LT101", 10, 8]]
    assert seen["moved"] == [["LT101", 11, 8]]
    assert seen["hover"].startswith("**LT101** `y` is bound only to be returned")
    assert [title.split(":")[0] for title in seen["titles"]] == TITLES
    (said,) = seen["said"]
    assert said.startswith("lintorch: Net: applied; same-trace: ")
    assert "\n".join(seen["lines"]) + "\n" == "# 𝄞\n" + FIXED == file.read_text()
