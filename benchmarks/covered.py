"""Branch coverage of the product by its tests, with all the processes they start: pools, command lines, language servers, workers and their children.

    python -m benchmarks.covered --into FOLDER [tests ...]    # measures, a folder of tests at a time; goes on where it stopped
    python -m benchmarks.covered --into FOLDER --report       # what was measured so far

Beside the data there is a list of which test runs which lines, which `benchmarks.mutants` asks for the tests of a mutant.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOOK = Path(__file__).parent / "covering"
_INI = """[run]
branch = true
parallel = true
data_file = {folder}/data
source =
    {root}/lintorch
    {root}/rules/lintorch_rules
"""


def folders() -> list[str]:
    """What is run at a time: the folders of tests."""
    return [f"tests/{path.name}" for path in sorted((ROOT / "tests").iterdir()) if path.is_dir() and any(path.glob("test_*.py"))]


def measure(tests: str, folder: Path, *options: str) -> int:
    """Run tests with every process measured; the status of pytest."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HOOK / "sitecustomize.py", folder)
    (folder / "process.ini").write_text(_INI.format(folder=folder, root=ROOT) + "patch =\n    _exit\n    fork\n")
    (folder / "worker.ini").write_text(_INI.format(folder=folder, root=ROOT))
    environment = {**os.environ, "PYTHONPATH": f"{folder}", "LINTORCH_COVERED": str(folder)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "benchmarks.covering.each_test", tests, *options]
    with (folder / "log").open("w") as log:
        return subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False).returncode


def report(into: Path) -> None:
    """Combine what was measured and print what is missed, by coverage.py's own report with the project's exclusions."""
    data = sorted(str(path) for path in into.glob("*/data.*") if path.stat().st_size)
    environment = {**os.environ, "COVERAGE_FILE": str(into / "all")}
    coverage = [sys.executable, "-m", "coverage"]
    subprocess.run([*coverage, "combine", "--keep", "--quiet", *data], cwd=ROOT, env=environment, check=True)
    subprocess.run([*coverage, "report"], cwd=ROOT, env=environment, check=False)
    subprocess.run([*coverage, "json", "-q", "-o", str(into / "all.json")], cwd=ROOT, env=environment, check=False)


def lines(into: Path) -> dict[str, dict[int, dict[str, float]]]:
    """By file and line the tests that run it, in their own process, and the seconds each took."""
    found: dict[str, dict[int, dict[str, float]]] = {}
    for path in into.glob("*/tests.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            for file, numbers in entry["lines"].items():
                for number in numbers:
                    found.setdefault(file, {}).setdefault(number, {})[entry["test"]] = entry["seconds"]
    return found


def main() -> int:
    """Measure or report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    into = options.into.absolute()
    for tests in [] if options.report else options.tests or folders():
        folder = into / tests.replace("/", ".")
        if not (folder / "status").exists():
            shutil.rmtree(folder, ignore_errors=True)
            status = measure(tests, folder)
            (folder / "status").write_text(str(status))
            print(tests, "passed" if status == 0 else f"pytest ended with {status}: {folder / 'log'}", flush=True)
    if options.report:
        report(into)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
