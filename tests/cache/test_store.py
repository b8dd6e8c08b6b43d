"""The store: whole entries or none, whatever is killed, damaged or full, and never more than its bound."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lintorch.cache.store import FOLDER_VARIABLE, Store, cache_folder

KEY = "ab" + "0" * 30

# Writes entries of one key without end; each content says what it must be.
WRITER = """
import sys
from pathlib import Path
from lintorch.cache.store import Store
store, number = Store(Path(sys.argv[1])), 0
print("ready", flush=True)
while True:
    number += 1
    store.put(sys.argv[2], (b"%d," % (number % 10)) * 40_000)
"""


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "CACHEDIR.TAG"]


def test_what_was_put_is_got(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    assert store.get(KEY) is None
    store.put(KEY, b"one")
    store.put(KEY, b"two")
    assert Store(tmp_path / "cache").get(KEY) == b"two"
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("damage", [lambda raw: b"", lambda raw: raw[:-1], lambda raw: raw[:-1] + b"!", lambda raw: b"x" + raw[1:], lambda raw: raw[:12]])
def test_a_damaged_entry_is_absent(tmp_path: Path, damage) -> None:
    store = Store(tmp_path)
    store.put(KEY, b"content")
    (path,) = files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert store.get(KEY) is None
    store.put(KEY, b"content")
    assert store.get(KEY) == b"content"


def test_an_entry_under_a_wrong_name_is_absent(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(KEY, b"content")
    (path,) = files(tmp_path)
    path.rename(path.with_name("1" * 30))
    assert store.get(KEY[:2] + "1" * 30) is None


def test_killed_writers_leave_whole_entries(tmp_path: Path) -> None:
    store, seen = Store(tmp_path), set()
    for _ in range(4):
        writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), KEY], stdout=subprocess.PIPE) for _ in range(2)]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        end = time.monotonic() + random.uniform(0.02, 0.1)
        while time.monotonic() < end:
            seen.add(store.get(KEY))
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
        seen.add(store.get(KEY))
    assert len(seen) > 1
    assert all(content is None or (len(set(content)) == 2 and len(content) == 80_000) for content in seen)


def test_what_killed_writers_left_is_swept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(KEY, b"content")
    folder = files(tmp_path)[0].parent
    old, new = folder / "x.1-ab.tmp", folder / "y.2-cd.tmp"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    store.prune()
    assert (old.exists(), new.exists(), store.get(KEY)) == (False, True, b"content")


def test_the_bound_holds_and_what_was_used_last_stays(tmp_path: Path) -> None:
    store = Store(tmp_path, bound=10_000)
    keys = [f"{number:032x}" for number in range(20)]
    for age, key in enumerate(keys):
        store.put(key, bytes(1000))
        (path,) = (path for path in files(tmp_path) if path.parent.name + path.name == key)
        os.utime(path, (time.time() - 90_000 + age, time.time() - 90_000 + age))
    assert store.get(keys[0]) is not None  # used just now
    store.prune()
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 7_500
    assert [store.get(key) is not None for key in (keys[0], keys[1], keys[12], keys[19])] == [True, False, False, True]


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file" / "cache")
    store.put(KEY, b"content")
    store.prune()
    assert store.get(KEY) is None
    assert store.clean() == 0


def test_cleaning_takes_entries_and_leaves_strangers(tmp_path: Path) -> None:
    (tmp_path / "entries").mkdir()
    (tmp_path / "entries" / "mine.txt").write_text("precious")
    assert Store(tmp_path).clean() == 0
    assert (tmp_path / "entries" / "mine.txt").exists()
    store = Store(tmp_path / "cache")
    store.put(KEY, b"content")
    assert store.clean() > 0
    assert files(tmp_path / "cache") == []


def test_the_folder_is_the_one_given_else_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "named"))
    assert cache_folder() == tmp_path / "named"
    assert cache_folder(tmp_path / "given") == tmp_path / "given"
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert cache_folder().name == "lintorch"
