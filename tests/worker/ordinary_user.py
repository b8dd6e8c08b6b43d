"""Runs a program as an ordinary user: as oneself, or, for root, as nobody with an interpreter that nobody can read."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_NOBODY = 65534


def identity() -> dict[str, Any]:
    """What subprocess must be told to run as an ordinary user."""
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if hasattr(os, "getuid") and os.getuid() == 0 else {}


@functools.lru_cache
def interpreter() -> str | None:
    """An interpreter with torch that an ordinary user can run; None where there is none."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}", "/usr/bin/python3"):
        try:
            command = [candidate, "-c", "import torch, sys; print(sys.version_info[:2])"]
            done = subprocess.run(command, env=environment(), capture_output=True, text=True, **identity())
        except OSError:
            continue
        if done.returncode == 0 and done.stdout.strip() == str(tuple(sys.version_info[:2])):
            return candidate
    return None


def environment() -> dict[str, str]:
    """Where that interpreter finds this repository and its packages."""
    paths = [str(ROOT), sysconfig.get_path("purelib"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    kept = {name: os.environ[name] for name in os.environ if name.startswith("LINTORCH_")}
    search = os.pathsep.join(path for path in paths if path)
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": search, "LINTORCH_ROOT": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **kept}


def run(arguments: list[str], given: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `python ARGUMENTS` as an ordinary user with `given` on its standard input."""
    python = interpreter()
    assert python is not None
    return subprocess.run([python, *arguments], input=given, capture_output=True, text=True, env=environment(), **identity(), **options)


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder that belongs to the ordinary user."""
    folder = Path(tempfile.mkdtemp(prefix="lintorch-test-"))
    if identity():
        os.chown(folder, _NOBODY, _NOBODY)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
