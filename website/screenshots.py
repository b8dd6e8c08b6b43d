"""The pictures of the documents, taken anew from what really happens: the tutorial's script, the real command, a real browser.

python -m website.screenshots       (needs Chromium)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.clients.chromium import Browser, browser
from tests.docs.walk import TUTORIAL, blocks

IMAGES = Path(__file__).parents[1] / "docs" / "images"
# Name of the picture, width of the window, dark or light, and how far down the page is shown.
SHOTS = (("report-light", 1200, False, 1500), ("report-dark", 1200, True, 1500), ("report-narrow", 420, False, 1700))


def main() -> None:
    """Take all of them."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        report = make_report(folder)
        with browser(folder / "browser") as opened:
            for name, width, dark, height in SHOTS:
                take(opened, report, name, width, dark, height)


def make_report(folder: Path) -> Path:
    """The report of the tutorial's script."""
    script = next(block for block in blocks(TUTORIAL.read_text(encoding="utf-8")) if block.title == "train.py")
    (folder / "train.py").write_text(script.text, encoding="utf-8")
    (folder / ".git").mkdir()
    command = [sys.executable, "-m", "lintorch", "--fix", "--diff", "--format", "html", "--output-file", "report.html", "train.py"]
    subprocess.run(command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    return folder / "report.html"


def take(opened: Browser, page: Path, name: str, width: int, dark: bool, height: int) -> None:
    """One picture of a page."""
    opened.open(page, width, dark)
    IMAGES.mkdir(exist_ok=True)
    opened.picture(IMAGES / f"{name}.png", height)


if __name__ == "__main__":
    main()
