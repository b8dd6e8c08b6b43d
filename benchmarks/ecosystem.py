"""Run lintorch over real packages, hold it to its promises, and write the table into docs/ecosystem.md.

    python -m benchmarks.ecosystem [--select LT1] [--check-only] [--again] [PACKAGE ...]

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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.audit import Json, audit, kind_of, plain_reason
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


def study(package: Package, select: Sequence[str], *, fixing: bool) -> dict[str, Any]:
    """Everything the documents say of one package."""
    folder = unpack(download(package), CACHE / "ecosystem" / package.name)
    return study_folder(folder, str(package), select, fixing=fixing)


def study_folder(folder: Path, title: str, select: Sequence[str], *, fixing: bool = True) -> dict[str, Any]:
    """Check a copy that is under git and clean; with `fixing` also fix it, audit what changed, and fix that again."""
    chosen = [word for code in select for word in ("--select", code)]
    facts = {"title": title, "fixing": fixing, **published(folder), "ret504": len(ret504(folder))}
    default, check = lintorch(folder, "check", "."), lintorch(folder, "check", *chosen, ".")
    fix = lintorch(folder, "--fix", *chosen, ".") if fixing else check
    broken = [*crashes(default, check, fix), *audit(folder, fix.report)]
    if fixing:
        broken += _second_pass(folder, chosen, fix.report["files"]["changed"])
    return {**facts, **_counts(default, check, fix), "broken": broken}


def _second_pass(folder: Path, chosen: Sequence[str], changed: Sequence[str]) -> list[str]:
    """Fix again the files that changed (what another file would give is what it gave): nothing more may change."""
    written = git(folder, "diff", "HEAD")
    again = lintorch(folder, "--fix", *chosen, *(changed or ["."]))
    more = ["a second --fix changed files"] if git(folder, "diff", "HEAD") != written else []
    return [*crashes(again), *more]


def crashes(*runs: Run) -> list[str]:
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


def ret504(folder: Path) -> list[dict[str, Any]]:
    """What ruff's RET504 reports, every item as its JSON has it."""
    ruff = environment("ruff-0.17.6", ["ruff==0.17.6"]) / "ruff"
    command = [str(ruff), "check", "--isolated", "--no-cache", "--select", "RET504", "--output-format", "json", "--exit-zero", "."]
    out = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    return [item for item in json.loads(out) if item["code"] == "RET504"]


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
        table(("package", "rewrites", *STATUSES, "allowed %"), [_verdicts(result) for result in results if result["fixing"]]),
        "Findings by code, found / fixed:",
        _by_code(results),
        "Why rewrites stay undecided:",
        _reasons(results),
        f"Promises broken: {_broken(results)}",
    ]
    return "\n\n".join(parts)


def _overview(result: Json) -> tuple[object, ...]:
    totals = [sum(result[key].values()) for key in ("default", "found")]
    fixed = [sum(result["fixed"].values()), result["changed"]] if result["fixing"] else ["–", "–"]
    seconds = [round(result["check_seconds"], 1), round(result["fix_seconds"], 1) if result["fixing"] else "–"]
    return (result["title"], result["files"], result["lines"], result["ret504"], *totals, *fixed, *seconds)


def _verdicts(result: Json) -> tuple[object, ...]:
    counts = [result["verdicts"].get(status, 0) for status in STATUSES]
    total = sum(counts)
    return (result["title"], total, *counts, round(100 * (counts[0] + counts[1]) / total) if total else "–")


def _by_code(results: Sequence[Json]) -> str:
    codes = sorted({code for result in results for code in (*result["found"], *result["fixed"])})
    rows = [(result["title"], *(f"{result['found'].get(code, 0):,} / {result['fixed'].get(code, 0):,}" for code in codes)) for result in results]
    return table(("package", *codes), rows)


def _reasons(results: Sequence[Json], limit: int = 20) -> str:
    by_package = [Counter[str]() for _ in results]
    for counted, result in zip(by_package, results, strict=True):
        for reason, count in result["undecided"].items():
            counted[kind_of(reason)] += count
    total = sum(by_package, Counter[str]())
    rows: list[Sequence[object]] = [(reason, count, *(counted[reason] for counted in by_package)) for reason, count in total.most_common(limit)]
    rest = total.total() - sum(count for _, count in total.most_common(limit))
    if rest:
        rows.append(("every other reason", rest, *("" for _ in results)))
    return table(("reason", "all", *(result["title"].split()[0] for result in results)), rows)


def _broken(results: Sequence[Json]) -> str:
    lines = [f"- {result['title']}: {line}" for result in results for line in result["broken"]]
    return "\n\n" + "\n".join(lines) if lines else "none."


def main(argv: Sequence[str] | None = None) -> int:
    """Study the packages, print as they finish, write the document; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"of {', '.join(PINNED)}; all where none is named")
    parser.add_argument("--select", action="append", default=[], metavar="CODES")
    parser.add_argument("--again", action="store_true", help="run packages anew that already have a result")
    parser.add_argument("--check-only", action="store_true", help="run nothing of the packages")
    arguments = parser.parse_args(argv)
    results = list(_results(arguments))
    text = summary(results, arguments.select)
    print(text)
    write_between(DOCS / "ecosystem.md", f"ecosystem {' '.join(arguments.select) or 'default'}", text)
    return int(any(bool(result["broken"]) for result in results))


def _results(arguments: argparse.Namespace) -> Iterator[Json]:
    """The results of the packages asked for, run where there is none yet, and those kept of earlier runs."""
    folder = CACHE / "ecosystem" / "results" / ("-".join(arguments.select) or "default")
    folder.mkdir(parents=True, exist_ok=True)
    for name, package in PINNED.items():
        path = folder / f"{name}.json"
        kept = json.loads(path.read_text()) if path.is_file() else None
        if name in (arguments.packages or PINNED) and (arguments.again or kept is None or kept["fixing"] < (not arguments.check_only)):
            print(f"{package} ...", file=sys.stderr, flush=True)
            kept = study(package, arguments.select, fixing=not arguments.check_only)
            path.write_text(json.dumps(kept, indent=1))
        if kept is not None:
            yield kept


if __name__ == "__main__":
    raise SystemExit(main())
