"""A tree that would leave a mark if any of it were imported, executed, obeyed or shown as it is."""

from __future__ import annotations

import json
from pathlib import Path

NET = "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n        y = x.pick('''{comment} ''')\n        return y\n"
ESCAPE = "\x1b]0;owned\x07\x1b[31m\u202e"
MARKUP = "<script>alert(1)</script>&\"'"
ORDER = "\n::set-output name=x::y"
# What is found on sys.path, by pytest, by packaging tools, and what lintorch itself imports.
IMPORTED = (
    "conftest", "sitecustomize", "usercustomize", "setup", "__init__", "__main__", "libcst", "rich", "ast", "json", "tomllib", "pathspec", "typing",
    "lintorch", "lintorch_rules", "flake8", "pyflakes", "nbformat", "noxfile", "tasks",
)  # fmt: skip
CONFIGURATION = """\
[tool.lintorch]
python = "./run-me"
exclude = ["../../../../etc/*", "/etc/**"]
per-file-ignores = {{ "../../*" = ["LT2"] }}
examples = {{ Net = ["__import__('pathlib').Path({mark!r}).touch()"] }}

[project]
name = "hostile"
version = "0"
entry-points."lintorch.rules" = {{ evil = "evil" }}
entry-points."flake8.extension" = {{ LT = "evil:Plugin" }}

[tool.pytest.ini_options]
addopts = "-p evil"

[tool.flake8.local-plugins]
extension = ["X = evil:Plugin"]
"""


def plant(folder: Path, mark: Path) -> None:
    """Fill a folder; whatever of it runs makes the file `mark`."""
    bomb = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n"
    (folder / "evil.py").write_text(bomb)
    for name in IMPORTED:
        (folder / f"{name}.py").write_text(bomb + NET.format(comment="plain"))
    for package in ("lintorch_rules_evil", "pkg"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text(bomb)
    metadata = folder / "evil-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[lintorch.rules]\nevil = evil\n\n[flake8.extension]\nLT = evil:Plugin\n")
    program = folder / "run-me"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(0o755)
    (folder / "evil.pth").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n")
    (folder / "pyproject.toml").write_text(CONFIGURATION.format(mark=str(mark)))
    (folder / "model.pt").write_bytes(b"cposix\nsystem\n(S'touch mark'\ntR.")
    _plant_names(folder)
    (folder / "book.ipynb").write_text(json.dumps(_notebook(mark)))


def _plant_names(folder: Path) -> None:
    (folder / f"a{ESCAPE}.py").write_text(NET.format(comment=ESCAPE))
    (folder / f"b{MARKUP.replace('/', '')}.py").write_text(NET.format(comment=MARKUP))
    (folder / f"c{ORDER}.py").write_text(NET.replace("class Net", "class Ünet").format(comment=f"{ORDER.strip()} ]]> --> %0A::error::"))


def _notebook(mark: Path) -> dict:
    shown = {"output_type": "display_data", "data": {"text/html": MARKUP, "application/javascript": "alert(1)"}, "metadata": {}}
    order = f"!touch {mark}\n%run evil.py\nget_ipython().system('touch {mark}')\n"
    cell = {"cell_type": "code", "metadata": {}, "execution_count": 1, "id": "a", "outputs": [shown], "source": order + NET.format(comment=MARKUP)}
    metadata = {"kernelspec": {"name": f"../../{mark}", "language": "python", "display_name": MARKUP}, "language_info": {"name": "python"}}
    return {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
