"""Run as a program, by an ordinary user: verifies a module with each fault of a list and says what came of it, as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

TEMPLATE = """\
import os, re, signal, socket, subprocess, sys, threading, time
import torch
import torch.utils.data
import torch.distributed
from torch import nn
USER_FILE = {user_file!r}
{prelude}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
{body}
{end}
"""
BEFORE = "        y = self.fc(x)\n        return y"
AFTER = "        return self.fc(x)"


def main() -> None:
    order = json.load(sys.stdin)
    folder = Path(order["folder"])
    user_file = folder / "precious.txt"
    user_file.write_text("precious")
    user_file.chmod(0o640)
    print(json.dumps(run_all(order["cases"], order["limit"], folder, user_file)))


def run_all(cases: list[dict[str, Any]], limit: float, folder: Path, user_file: Path) -> dict[str, Any]:
    from concurrent.futures import ThreadPoolExecutor

    from lintorch.settings import Settings
    from lintorch.verify.verifier import Verifier

    os.environ["LINTORCH_SECRET"] = "s3cret"
    for number, case in enumerate(cases):
        case["path"] = str(folder / f"net{number}.py")
        Path(case["path"]).write_text(text(case, BEFORE, user_file))
    before = snapshot(folder)
    with Verifier(Settings(time_limit=limit, memory_limit=1 << 30, min_isolation="none")) as verifier, ThreadPoolExecutor(2) as pool:
        isolation = verifier.isolation
        results = list(pool.map(lambda case: run(verifier, case, user_file), cases))
    return {"isolation": isolation, "uid": os.getuid(), "results": results, "before": before, "after": snapshot(folder), "strays": strays()}


def run(verifier: Any, case: dict[str, Any], user_file: Path) -> dict[str, Any]:
    from lintorch.verify.verdict import Change

    path = Path(case["path"])
    clean = {**case, "body": "pass"} if case["only_in_rewrite"] else case
    started = time.monotonic()
    verdict = verifier.verify(Change(path, "Net", text(clean, BEFORE, user_file), text(case, AFTER, user_file)), ["Net(), torch.randn(4, 3)"])
    return {"status": verdict.status.value, "reason": verdict.reason, "seconds": time.monotonic() - started}


def text(case: dict[str, Any], end: str, user_file: Path) -> str:
    body = "\n".join(f"        {line}" for line in (case["body"] or "pass").splitlines())
    return TEMPLATE.format(user_file=str(user_file), prelude=case["prelude"], body=body, end=end)


def snapshot(folder: Path) -> dict[str, list[Any]]:
    """Every file of the folder and of shared memory, with what must not change."""
    places = [*folder.rglob("*"), *Path("/dev/shm").iterdir()]
    found = {}
    for place in places:
        about = place.lstat()
        if place.is_file():
            found[str(place)] = [about.st_size, about.st_mode, about.st_uid, about.st_mtime_ns]
    return found


def strays() -> list[str]:
    """Processes that descend from this one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    return [str(pid) for pid, parent in parents.items() if parent == os.getpid()]


if __name__ == "__main__":
    sys.path.insert(0, os.environ["LINTORCH_ROOT"])
    main()
