"""flake8 within python-lsp-server, as editors use it: what an editor shows is what the command line reports.

The client is python-lsp-jsonrpc: what pylsp answers to `initialize` is more than lsprotocol 2025.0, and so pytest-lsp, can read.
"""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pylsp_jsonrpc.endpoint import Endpoint
from pylsp_jsonrpc.streams import JsonRpcStreamReader, JsonRpcStreamWriter

from tests.clients.documents import NET

ROOT = Path(__file__).parents[2]
SHOWN = ("shapes/chain.py", "models/leftovers.py", "retention/loss_summed_in_evaluation.py")
# pylsp runs `flake8` from the path unless told where it is.
FLAKE8 = {"enabled": True, "executable": str(Path(sys.executable).with_name("flake8"))}
SILENT = {name: {"enabled": False} for name in ("pycodestyle", "pyflakes", "mccabe", "jedi_completion", "rope_autoimport")}


class Client:
    """An editor at the other end of a server's standard input and output."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._published: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = JsonRpcStreamReader(process.stdout)
        self.endpoint = Endpoint({"textDocument/publishDiagnostics": self._published.put}, JsonRpcStreamWriter(process.stdin).write)
        threading.Thread(target=self._reader.listen, args=[self.endpoint.consume], daemon=True).start()

    def findings(self, path: Path, text: str) -> list[tuple[int, int, str]]:
        """Line and column (from 1) and code of what is shown for a document once it is opened."""
        document = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text}
        self.endpoint.notify("textDocument/didOpen", {"textDocument": document})
        while (published := self._published.get(timeout=60))["uri"] != path.as_uri():
            pass
        starts = ((one["range"]["start"], one["code"]) for one in published["diagnostics"])
        return sorted((start["line"] + 1, start["character"] + 1, code) for start, code in starts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pylsp")
    (folder / ".git").mkdir()
    shutil.copytree(ROOT / "fixtures", folder / "fixtures")
    (folder / "setup.cfg").write_text("[flake8]\nselect = LT\nlintorch-select = LT103\nmax-line-length = 120\n")
    return folder


@pytest.fixture(scope="module")
def pylsp(folder: Path) -> Iterator[Client]:
    with subprocess.Popen([sys.executable, "-m", "pylsp"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        client = Client(process)
        client.endpoint.request("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}}).result(60)
        client.endpoint.notify("initialized", {})
        settings = {"configurationSources": ["flake8"], "plugins": {"flake8": FLAKE8, **SILENT}}
        client.endpoint.notify("workspace/didChangeConfiguration", {"settings": {"pylsp": settings}})
        yield client
        client.endpoint.request("shutdown").result(20)
        client.endpoint.notify("exit")
        process.wait(20)


def test_pylsp_shows_what_the_command_line_reports(pylsp: Client, folder: Path) -> None:
    command = [sys.executable, "-m", "lintorch", "--format", "json", "--extend-select", "LT103", *SHOWN]
    report = json.loads(subprocess.run(command, cwd=folder / "fixtures", capture_output=True, text=True, timeout=120).stdout)
    assert {found["path"] for found in report["findings"]} == set(SHOWN)
    for name in SHOWN:
        expected = sorted((found["line"], found["column"], found["code"]) for found in report["findings"] if found["path"] == name)
        assert pylsp.findings(folder / "fixtures" / name, (folder / "fixtures" / name).read_text()) == expected


def test_pylsp_shows_what_was_typed_and_not_saved(pylsp: Client, folder: Path) -> None:
    assert pylsp.findings(folder / "unsaved.py", NET) == [(11, 9, "LT101")]
    assert pylsp.findings(folder / "silenced.py", NET.replace("self.layer(x)\n", "self.layer(x)  # noqa: LT101\n")) == []
