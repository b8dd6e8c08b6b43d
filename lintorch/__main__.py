"""`python -m lintorch`."""

from __future__ import annotations

import sys
from pathlib import Path

# The current folder is being checked, not trusted: a file in it called rich.py is none of ours. `import lintorch.cli` needs no path any more.
if sys.path and sys.path[0] in ("", str(Path.cwd())) and not getattr(sys.flags, "safe_path", False):
    del sys.path[0]

from lintorch.cli import run

run()
