"""Packages' own tests on the sources as published and as `lintorch --fix` leaves them, compared test by test.

    python -m benchmarks.suites [--select LT1,LT2] [--allow undecided] [--seconds 600] PACKAGE ...

Takes the source distribution of a pinned package, whose tests must lie in it and run with what is installed here; nothing is installed. Where it has no test
files, the examples in its docstrings are run, as its own checks do. 1 where a test's outcome differs, a promise was broken or nothing was shown.
"""

from __future__ import annotations

import argparse
import json
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


def code(folder: Path) -> Path:
    """Where a source distribution's packages lie."""
    return folder / "src" if (folder / "src").is_dir() else folder


def packages(folder: Path) -> list[Path]:
    """Its packages other than tests and documents."""
    return [path.parent for path in sorted(code(folder).glob("*/__init__.py")) if path.parent.name not in _ASIDE]


def tests(folder: Path) -> list[str]:
    """pytest's arguments: the folders of tests, outside the packages or within, or else the docstrings' examples."""
    roots = [folder, code(folder), *packages(folder)]
    found = sorted({str(root / name) for root in roots for name in ("tests", "test") if (root / name).is_dir()})
    return found or ["--doctest-modules", "--doctest-continue-on-failure", *map(str, packages(folder))]


def outcomes(folder: Path, seconds: int) -> dict[str, str]:
    """What became of each test: passed, failed, error or skipped; raises TimeoutExpired."""
    told = folder.parent / "junit.xml"
    told.unlink(missing_ok=True)
    own = next(folder / name for name in ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg") if (folder / name).is_file())
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--continue-on-collection-errors", "-c", str(own), "-o", "addopts=", f"--junitxml={told}"]
    command = [sys.executable, "-m", "pytest", *options, *tests(folder)]
    settings = {**os.environ, **_SETTINGS, "PYTHONPATH": str(code(folder))}
    subprocess.run(command, cwd=folder, env=settings, capture_output=True, timeout=seconds)
    cases = ElementTree.parse(told).getroot().iter("testcase")
    return {f"{case.get('classname')}::{case.get('name')}": next((child.tag for child in case if child.tag in _OTHER), "passed") for case in cases}


_SETTINGS = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "EINOPS_TEST_BACKENDS": "numpy,torch"}
_ALLOWED: dict[str, tuple[str, ...]] = {"tested": (), "close": ("close",), "undecided": ("close", "undecided")}
_ASIDE = frozenset({"tests", "test", "docs", "benchmarks", "examples"})
_OTHER = frozenset({"failure", "error", "skipped"})


def compared(package: Package, select: str, allow: str, seconds: int) -> list[str]:
    """Fix one of two copies, run the tests in both, and say what differs."""
    archive, folder = source(package), CACHE / "suites" / package.name
    before, after = unpacked(archive, folder / "before"), unpacked(archive, folder / "after")
    run = lintorch(after, "--fix", "--jobs", "1", "--select", select, "--allow", allow, *(path.relative_to(after).as_posix() for path in packages(after)))
    (folder / "report.json").write_text(json.dumps(run.report))  # what benchmarks.independent asks for
    broken = [*crashes(run), *audit(after, run.report, *_ALLOWED[allow])]
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
    parser.add_argument("--allow", default="tested", choices=sorted(_ALLOWED), help="write these rewrites too: the tests judge what the verifier cannot")
    parser.add_argument("--seconds", type=int, default=600, help="for one run of a package's tests")
    arguments = parser.parse_args(argv)
    lines = [line for name in arguments.packages for line in compared(PINNED[name], arguments.select, arguments.allow, arguments.seconds)]
    print("\n".join(lines))
    return int(bool(lines))


if __name__ == "__main__":
    raise SystemExit(main())
