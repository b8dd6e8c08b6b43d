"""Processes of this machine: each fault costs its own file, and the rest is finished."""

from __future__ import annotations

from pathlib import Path

from lintorch.engine.run import Mode, Task, run_files
from lintorch.settings import Settings
from tests.catalogue.packs import installed
from tests.engine.small_rules import HEAD, module
from tests.engine.test_run import DEADLY


def test_several_files_that_kill_their_process_cost_those_alone(tmp_path: Path) -> None:
    paths = [tmp_path / f"m{number:03}.py" for number in range(120)]
    deadly = {3, 40, 41, 119}
    for number, path in enumerate(paths):
        dead = HEAD + "class Dead(nn.Module):\n    def die(self):\n        pass\n" if number in deadly else ""
        path.write_text(HEAD + module("Net", "y = x.relu()", "return y") + dead)
    settings = Settings()
    with installed(tmp_path / "site", {"deadly.py": DEADLY}):
        results = run_files([Task(path, settings, Mode.CHECK) for path in paths], 2)
    assert {index for index, result in enumerate(results) if result.failures} == deadly
    assert all(len(result.diagnostics) == 1 for index, result in enumerate(results) if index not in deadly)
    assert all(result.skipped == "the process that judged it died" for index, result in enumerate(results) if index in deadly)
