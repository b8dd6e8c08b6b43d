"""Verdicts of earlier runs: given again where nothing that was loaded to reach them has changed."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from lintorch.cache.codec import Undecodable, decoded, encoded
from lintorch.cache.store import Store
from lintorch.engine.tool import tool_mark
from lintorch.project.consulted import Seen, digest
from lintorch.project.present import Present
from lintorch.settings import Settings
from lintorch.verify.grounds import Judged
from lintorch.verify.supervisor import default_interpreter
from lintorch.verify.verdict import Change, Verdict

_PACKAGES = ("site-packages", "dist-packages")
_ASK = "import sys; print(sys.version.replace(chr(10), ' ')); print(*sys.path, sep=chr(10))"


class Judgements:
    """The verdicts that a store keeps; without a store none."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._present = Present()

    def recall(self, settings: Settings, peak: bool, change: Change) -> Judged | None:
        """The verdict on a change, where it was reached before and every file that took part is as it was."""
        content = self._store.get(_key(settings, peak, change)) if self._store is not None else None
        if content is None:
            return None
        try:
            entry = json.loads(content)
            same = self._present.holds(Seen("file", path, answer) for path, answer in entry["loaded"].items())
            return Judged(decoded(Verdict, entry["verdict"]), frozenset(entry["loaded"]), lasts=True) if same else None
        except (ValueError, KeyError, TypeError, AttributeError, Undecodable):
            return None

    def keep(self, settings: Settings, peak: bool, change: Change, judged: Judged) -> None:
        """Keep a verdict that lasts, with the files that took part beside the changed one, whose texts it is known by."""
        if self._store is None or not judged.lasts:
            return
        files = {seen.what: seen.answer for seen in files_seen(judged.loaded) if Path(seen.what) != change.path}
        self._store.put(_key(settings, peak, change), json.dumps({"verdict": encoded(judged.verdict), "loaded": files}, separators=(",", ":")).encode())


def files_seen(paths: Collection[str]) -> frozenset[Seen]:
    """Files as they are now, whatever was known of them before."""
    present = Present()
    return frozenset(Seen("file", path, present.answer("file", path)) for path in paths)


def _key(settings: Settings, peak: bool, change: Change) -> str:
    asked = (change.path.absolute(), change.symbol, change.old, change.new, change.old_lines, change.probes, change.retention, peak, settings.illustrated)
    limits = (sorted(settings.examples.items()), settings.time_limit, settings.memory_limit)
    text = repr((tool_mark(), environment(settings.python or default_interpreter()), limits, asked))
    return digest(text.encode(errors="surrogatepass"))


@functools.cache
def environment(python: str) -> str:
    """What tells one state of an interpreter and its installed packages, torch among them, from another: versions stand in the names of their folders."""
    version, folders = (sys.version, sys.path) if python == sys.executable else _asked(python)
    installed = [(folder, _names(folder)) for folder in folders if folder.rstrip("/\\").endswith(_PACKAGES)]
    return digest(repr((python, version, installed)).encode(errors="surrogatepass"))


def _asked(python: str) -> tuple[str, list[str]]:
    try:
        lines = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return "", []
    return (lines[0], lines[1:]) if lines else ("", [])


def _names(folder: str) -> list[str]:
    try:
        return sorted(entry.name for entry in Path(folder).iterdir() if entry.name != "__pycache__")
    except OSError:
        return []
