"""Packages' own tests on the sources as published and as `lintorch --fix` leaves them, compared test by test.

    python -m benchmarks.suites [--select LT1,LT2] [--seconds 600] PACKAGE ...

Takes the source distribution of a pinned package, whose tests must lie in it and run with what is installed here; nothing is installed.
1 where a test's outcome differs or a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.audit import audit, changed_files
from benchmarks.ecosystem import crashes, lintorch
from benchmarks.packages import CACHE, PINNED, Package, put_under_git


def source(package: Package) -> Path:
    """The source distribution, from the cache or the index; raises CalledProcessError where pip cannot get it."""
    folder = CACHE / "sdists"
    pattern = f"{package.name.replace('-', '_')}-{package.version}.tar.gz"
    if not list(folder.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(folder), f"{package.name}=={package.version}"]
        subprocess.run(command, check=True)
    return next(folder.glob(pattern))


def unpacked(archive: Path, folder: Path) -> Path:
    """A fresh copy of the sources under git."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    top = next(folder.iterdir())
    put_under_git(top)
    return top


def outcomes(folder: Path, seconds: int) -> dict[str, str]:
    """What became of each test: passed, failed, error or skipped; raises TimeoutExpired."""
    told = folder.parent / "junit.xml"
    places = [name for name in ("tests", "test") if (folder / name).is_dir()] or ["."]
    settings = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", f"--junitxml={told}", *places]
    subprocess.run(command, cwd=folder, env=settings, capture_output=True, timeout=seconds)
    cases = ElementTree.parse(told).getroot().iter("testcase")
    return {f"{case.get('classname')}::{case.get('name')}": next((child.tag for child in case if child.tag in _OTHER), "passed") for case in cases}


_OTHER = frozenset({"failure", "error", "skipped"})


def compared(package: Package, select: str, seconds: int) -> list[str]:
    """Fix one of two copies, run the tests in both, and say what differs."""
    archive, folder = source(package), CACHE / "suites" / package.name
    before, after = unpacked(archive, folder / "before"), unpacked(archive, folder / "after")
    code = [path.parent.name for path in sorted(after.glob("*/__init__.py")) if path.parent.name not in {"tests", "test", "docs"}]
    run = lintorch(after, "--fix", "--jobs", "1", "--select", select, *code)
    broken = [*crashes(run), *audit(after, run.report)]
    changed = changed_files(after)
    old, new = outcomes(before, seconds), outcomes(after, seconds)
    differing = [
        f"{name}: {old.get(name)} as published, {new.get(name)} as fixed" for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)
    ]
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(old.values()).items()))
    fixed = sum(bool(finding["fixed"]) for finding in run.report["findings"])
    print(f"{package}: {fixed} findings fixed in {len(changed)} files; {counts}; {len(differing)} tests differ", flush=True)
    vacuous = [] if "passed" in old.values() else [f"{package}: no test passes as published, so that nothing is shown"]
    return [*broken, *differing, *vacuous]


def main(argv: Sequence[str] | None = None) -> int:
    """Compare each package asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="+", metavar="PACKAGE", choices=sorted(PINNED))
    parser.add_argument("--select", default="LT1,LT2", metavar="CODES")
    parser.add_argument("--seconds", type=int, default=600, help="for one run of a package's tests")
    arguments = parser.parse_args(argv)
    lines = [line for name in arguments.packages for line in compared(PINNED[name], arguments.select, arguments.seconds)]
    print("\n".join(lines))
    return int(bool(lines))


if __name__ == "__main__":
    raise SystemExit(main())
