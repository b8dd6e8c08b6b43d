"""What a child says that it read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lintorch.worker import opened

PROGRAM = """\
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("opened", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
log = module.Opened([os.path.join(os.getcwd(), "package")], os.path.join(os.getcwd(), "temp"))
log.begin()
sys.path.insert(0, os.getcwd())
import helper, colorsys
for name in ("data.txt", "absent.txt", "package/known.txt", "temp/own.txt", "/proc/self/stat"):
    try:
        open(name).read()
    except OSError:
        pass
open("written.txt", "w").close()
os.close(os.open("raw.txt", os.O_RDONLY))
print(*log.files, sep="\\n")
"""


def test_files_read_and_looked_for_are_told_as_their_sources(tmp_path: Path) -> None:
    for name in ("helper.py", "data.txt", "raw.txt", "package/known.txt", "temp/own.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    for _ in range(2):  # the second time from a compiled file
        done = subprocess.run([sys.executable, "-c", PROGRAM, opened.__file__], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [str(tmp_path / name) for name in ("absent.txt", "data.txt", "helper.py", "raw.txt")]
