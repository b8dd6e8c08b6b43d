"""The cache as users meet it: the same output with it and without, nothing kept where that is asked for, and a command that removes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.doors import CLEAN, NET, Doors


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "CACHEDIR.TAG"]


def test_output_is_the_same_with_the_cache_and_without(doors: Doors) -> None:
    doors.write({"a.py": NET, "b.py": CLEAN, "c.py": "def f(:\n"})
    cache = ("--cache-dir", "cache")
    for extra in ((), ("--format", "json"), ("--statistics",), ("--format", "sarif")):
        fresh = doors.run("a.py", "b.py", "c.py", "--no-cache", *extra)
        assert fresh.status == 2
        assert [doors.run("a.py", "b.py", "c.py", *cache, *extra) for _ in range(2)] == [fresh, fresh]
    assert len(files(doors.folder / "cache")) == 2


def test_a_baseline_and_changed_settings_are_heard_by_a_warm_run(doors: Doors) -> None:
    doors.write({"a.py": NET})
    cache = ("--cache-dir", "cache")
    assert doors.run("a.py", *cache).status == 1
    assert doors.run("a.py", *cache, "--fail-on", "error").status == 0
    assert doors.run("a.py", *cache, "--ignore", "LT101").status == 0
    assert doors.run("a.py", *cache, "--write-baseline", "known.json").status == 0
    assert doors.run("a.py", *cache, "--baseline", "known.json").status == 0
    assert doors.run("a.py", *cache).status == 1


def test_no_cache_keeps_nothing(doors: Doors) -> None:
    doors.write({"a.py": NET})
    doors.run("a.py", "--cache-dir", "cache", "--no-cache")
    assert not (doors.folder / "cache").exists()


def test_clean_removes_the_cache(doors: Doors) -> None:
    doors.write({"a.py": NET})
    first = doors.run("a.py", "--cache-dir", "cache")
    cleaned = doors.run("clean", "--cache-dir", "cache")
    assert (cleaned.status, cleaned.err) == (0, "")
    assert cleaned.out.startswith("cache: 0.0 MB removed")
    assert files(doors.folder / "cache") == []
    assert doors.run("clean", "--cache-dir", "cache").out == "cache: there is no cache here\n"
    assert doors.run("a.py", "--cache-dir", "cache") == first


def test_clean_leaves_other_folders_alone(doors: Doors) -> None:
    doors.write({"precious/entries/a.txt": "mine"})
    assert doors.run("clean", "--cache-dir", "precious").out == "precious: there is no cache here\n"
    assert doors.read("precious/entries/a.txt") == "mine"


# Says which modules a warm run did without.
WARM = """
import sys
from lintorch.cli import main
status = main(sys.argv[1:])
print([name for name in ("libcst", "rich", "torch", "lintorch.flow.function") if name in sys.modules])
raise SystemExit(status)
"""


def test_a_warm_run_parses_nothing(doors: Doors, tmp_path: Path) -> None:
    names = [f"m{number}.py" for number in range(20)]
    doors.write(dict.fromkeys(names, NET))
    command = [sys.executable, "-c", WARM, *names, "--cache-dir", str(tmp_path / "cache"), "-q", "--format", "concise"]
    cold, warm = (subprocess.run(command, capture_output=True, text=True, cwd=doors.folder) for _ in range(2))
    assert (cold.returncode, warm.returncode, warm.stderr) == (1, 1, "")
    assert warm.stdout.splitlines()[:-1] == cold.stdout.splitlines()[:-1]
    assert warm.stdout.splitlines()[-1] == "[]"


def test_an_unknown_executor_is_wrong_usage(doors: Doors) -> None:
    doors.write({"a.py": NET})
    outcome = doors.run("a.py", "--executor", "dusk")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err == "lintorch: unknown executor 'dusk'; it is 'dask' or 'dask:ADDRESS', such as dask:tcp://10.0.0.1:8786\n"


def test_a_file_in_place_of_the_cache_is_wrong_usage(doors: Doors) -> None:
    doors.write({"a.py": "x = 1\n"})
    outcome = doors.run("check", "--cache-dir", "a.py", "a.py")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err == "lintorch: --cache-dir a.py is a file; name a folder, or pass --no-cache\n"
