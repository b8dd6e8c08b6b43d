"""Can fixes be verified at all? Asked before anything runs."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys

from lintorch.settings import Settings, UsageError
from lintorch.verify.supervisor import default_interpreter

_ASK = "import importlib.util; print('torch:', importlib.util.find_spec('torch') is not None)"


def require_torch(settings: Settings) -> None:
    """Raise UsageError where the interpreter that would run both versions has no torch."""
    python = settings.python or default_interpreter()
    if python == sys.executable and importlib.util.find_spec("torch") is None:
        remedy = "install `lintorch[verify]` or name an interpreter that has it with --python"
        raise UsageError(f"running both versions needs PyTorch, which this Python does not have; {remedy}{_for_hooks()}")
    if python != sys.executable:
        _require_of(python)


def _for_hooks() -> str:
    """pre-commit gives its hooks an environment of their own, whatever environment is active."""
    return " (in .pre-commit-config.yaml: `args: [--python, .venv/bin/python]`)" if os.environ.get("PRE_COMMIT") else ""


@functools.cache
def _require_of(python: str) -> None:
    try:
        said = subprocess.run([python, "-c", _ASK], capture_output=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(
            f"{python} cannot be run ({getattr(error, 'strerror', None) or error}); name a Python interpreter that has PyTorch with --python"
        ) from None
    if b"torch:" not in said:
        raise UsageError(f"{python} is no Python interpreter that works; name one that has PyTorch with --python")
    if b"torch: True" not in said:
        raise UsageError(
            f"{python} has no PyTorch, which running both versions needs; install torch there or name another interpreter with --python{_for_hooks()}"
        )
