"""Run lintorch over real packages, hold it to its promises, and write the table into docs/ecosystem.md.

    python -m benchmarks.ecosystem [--select LT1] [--again] [PACKAGE ...]

Each package is unpacked fresh into a git repository, checked, fixed, and what changed is fixed again. The run uses the command line and its JSON only,
and judges the outcome with git and its own few lines (audit.py). Finished packages are kept in .bench/ecosystem and not run again unless --again is given.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.audit import Json, audit, plain_reason
from benchmarks.packages import CACHE, DOCS, PINNED, Package, download, environment, git, table, unpack, write_between

STATUSES = ("same-trace", "tested", "close", "undecided", "refuted")


@dataclass(frozen=True)
class Run:
    """One run of the command: its seconds, exit status, JSON and what it said on standard error."""

    seconds: float
    status: int
    report: Json
    errors: str


def lintorch(folder: Path, *arguments: str) -> Run:
    """Run lintorch in `folder` with JSON output; a crash shows as a report without findings and its text in `errors`."""
    command = [str(Path(sys.executable).with_name("lintorch")), *arguments, "--format", "json", "--no-cache"]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        report = {"findings": [], "rewrites": [], "files": {"checked": 0, "skipped": [], "changed": []}, "summary": {}}
        return Run(seconds, done.returncode, report, done.stderr or "no JSON on standard output")
    return Run(seconds, done.returncode, report, done.stderr)


def study(package: Package, select: Sequence[str]) -> dict[str, Any]:
    """Everything the documents say of one package."""
    folder = unpack(download(package), CACHE / "ecosystem" / package.name)
    return study_folder(folder, str(package), select)


def study_folder(folder: Path, title: str, select: Sequence[str]) -> dict[str, Any]:
    """Check, fix, fix again, and audit a copy that is under git and clean."""
    chosen = [word for code in select for word in ("--select", code)]
    facts = {"title": title, **published(folder), "ret504": ret504(folder)}
    default, check, fix = lintorch(folder, "check", "."), lintorch(folder, "check", *chosen, "."), lintorch(folder, "--fix", *chosen, ".")
    broken = [*_crashes(default, check, fix), *audit(folder, fix.report)]
    written = git(folder, "diff", "HEAD")
    # Only the files that changed: what a file that stayed as it was would give is what it gave.
    again = lintorch(folder, "--fix", *chosen, *(fix.report["files"]["changed"] or ["."]))
    if git(folder, "diff", "HEAD") != written:
        broken.append("a second --fix changed files")
    return {**facts, **_counts(default, check, fix), "broken": [*broken, *_crashes(again)], "again_seconds": again.seconds}


def _crashes(*runs: Run) -> list[str]:
    """Tracebacks, unknown exit statuses, and a status of 2 that no skipped file accounts for."""
    return [f"ended with {run.status}: {run.errors[-600:]}" for run in runs if _crashed(run)]


def _crashed(run: Run) -> bool:
    if "Traceback (most recent call last)" in run.errors or run.status not in {0, 1, 2}:
        return True
    return run.status == 2 and not run.report["files"]["skipped"]


def published(folder: Path) -> dict[str, int]:
    """How many Python files and lines a copy has."""
    files = list(folder.rglob("*.py"))
    return {"files": len(files), "lines": sum(path.read_bytes().count(b"\n") for path in files)}


def ret504(folder: Path) -> int:
    """How often ruff's RET504 fires."""
    ruff = environment("ruff-0.17.6", ["ruff==0.17.6"]) / "ruff"
    command = [str(ruff), "check", "--isolated", "--no-cache", "--select", "RET504", "--output-format", "json", "--exit-zero", "."]
    out = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    return sum(item["code"] == "RET504" for item in json.loads(out))


def _counts(default: Run, check: Run, fix: Run) -> dict[str, Any]:
    verdicts = [rewrite["verdict"] or {"status": "undecided", "reason": "no verdict"} for rewrite in fix.report["rewrites"]]
    return {
        "skipped": Counter(plain_reason(item["reason"]) for item in fix.report["files"]["skipped"]),
        "changed": len(fix.report["files"]["changed"]),
        "default": Counter(finding["code"] for finding in default.report["findings"]),
        "found": Counter(finding["code"] for finding in check.report["findings"]),
        "fixed": Counter(finding["code"] for finding in fix.report["findings"] if finding["fixed"]),
        "verdicts": Counter(verdict["status"] for verdict in verdicts),
        "undecided": Counter(plain_reason(verdict["reason"]) for verdict in verdicts if verdict["status"] == "undecided"),
        "refuted": [f"{rewrite['path']}: {rewrite['symbol']}" for rewrite in fix.report["rewrites"] if (rewrite["verdict"] or {}).get("status") == "refuted"],
        "default_seconds": default.seconds,
        "check_seconds": check.seconds,
        "fix_seconds": fix.seconds,
    }


OVERVIEW = ("package", "files", "lines", "RET504 (ruff)", "findings, default rules", "findings, selected rules", "fixed", "files changed", "check s", "fix s")


def summary(results: Sequence[Json], select: Sequence[str]) -> str:
    """The Markdown that goes into docs/ecosystem.md."""
    chosen = ", ".join(select) or "the default rules"
    parts = [
        f"Selected: {chosen}. Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}, {date.today()}.",
        table(OVERVIEW, [_overview(result) for result in results]),
        "Rewrites (one for all edits of a class or function) by verdict:",
        table(("package", "rewrites", *STATUSES, "allowed %"), [_verdicts(result) for result in results]),
        "Findings by code, found / fixed:",
        _by_code(results),
        "Why rewrites stay undecided:",
        _reasons(results),
        f"Promises broken: {_broken(results)}",
    ]
    return "\n\n".join(parts)


def _overview(result: Json) -> tuple[object, ...]:
    totals = [sum(result[key].values()) for key in ("default", "found", "fixed")]
    seconds = [round(result[key], 1) for key in ("check_seconds", "fix_seconds")]
    return (result["title"], result["files"], result["lines"], result["ret504"], *totals, result["changed"], *seconds)


def _verdicts(result: Json) -> tuple[object, ...]:
    counts = [result["verdicts"].get(status, 0) for status in STATUSES]
    total = sum(counts)
    return (result["title"], total, *counts, round(100 * (counts[0] + counts[1]) / total) if total else "–")


def _by_code(results: Sequence[Json]) -> str:
    codes = sorted({code for result in results for code in result["found"]})
    rows = [(result["title"], *(f"{result['found'].get(code, 0):,} / {result['fixed'].get(code, 0):,}" for code in codes)) for result in results]
    return table(("package", *codes), rows)


def _reasons(results: Sequence[Json], limit: int = 25) -> str:
    total: Counter[str] = Counter()
    for result in results:
        total.update(result["undecided"])
    rows = [(reason, count, *(result["undecided"].get(reason, 0) for result in results)) for reason, count in total.most_common(limit)]
    rest = sum(total.values()) - sum(row[1] for row in rows)
    return table(("reason", "all", *(result["title"].split()[0] for result in results)), [*rows, ("every other reason", rest, *("" for _ in results))])


def _broken(results: Sequence[Json]) -> str:
    lines = [f"- {result['title']}: {line}" for result in results for line in result["broken"]]
    return "\n\n" + "\n".join(lines) if lines else "none."


def main(argv: Sequence[str] | None = None) -> int:
    """Study the packages, print as they finish, write the document; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"of {', '.join(PINNED)}; all where none is named")
    parser.add_argument("--select", action="append", default=[], metavar="CODES")
    parser.add_argument("--again", action="store_true", help="run packages anew that already have a result")
    arguments = parser.parse_args(argv)
    kept = CACHE / "ecosystem" / "results" / ("-".join(arguments.select) or "default")
    kept.mkdir(parents=True, exist_ok=True)
    results = [_kept(kept / f"{name}.json", PINNED[name], arguments.select, arguments.again) for name in arguments.packages or PINNED]
    text = summary(results, arguments.select)
    print(text)
    write_between(DOCS / "ecosystem.md", f"ecosystem {' '.join(arguments.select) or 'default'}", text)
    return int(any(result["broken"] for result in results))


def _kept(path: Path, package: Package, select: Sequence[str], again: bool) -> dict[str, Any]:
    if again or not path.is_file():
        print(f"{package} ...", file=sys.stderr, flush=True)
        path.write_text(json.dumps(study(package, select), indent=1))
    return dict(json.loads(path.read_text()))


if __name__ == "__main__":
    raise SystemExit(main())
