"""What `lintorch check` says of all pinned packages, kept as a file that is reviewed like code.

    python -m benchmarks.snapshot [--again] [PACKAGE ...]  check those not checked yet (.bench/snapshot), and write benchmarks/snapshot.json
    python -m benchmarks.snapshot --compare [PACKAGE ...]  check the smallest again; 1 where they differ from the file

All rules, opt-in ones too, in one process; nothing of the packages is run. Where the index gives no package, comparing ends well and says why.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.audit import plain_reason
from benchmarks.ecosystem import Run, crashes, lintorch, published
from benchmarks.packages import CACHE, DOCS, PINNED, Package, download, git, table, unpack, write_between

KEPT = DOCS.parent / "benchmarks" / "snapshot.json"
SMALL = ("einops", "pytorch-tabnet")


def checked(package: Package) -> dict[str, Any]:
    """One package's entry."""
    folder = unpack(download(package), CACHE / "snapshot" / package.name)
    run = lintorch(folder, "check", "--jobs", "1", "--select", "LT1,LT2", ".")
    touched = ["check changed files"] if git(folder, "status", "--porcelain") else []
    return {"version": package.version, **published(folder), **told(run), "broken": [*crashes(run), *touched]}


def told(run: Run) -> dict[str, Any]:
    """Findings by code, those that have a fix, what was skipped, and one digest of all places."""
    findings = run.report["findings"]
    places = sorted(f"{item['path']}:{item['line']}:{item['column']} {item['code']}" for item in findings)
    return {
        "skipped": dict(sorted(Counter(plain_reason(item["reason"]) for item in run.report["files"]["skipped"]).items())),
        "found": dict(sorted(Counter(item["code"] for item in findings).items())),
        "fixable": dict(sorted(Counter(item["code"] for item in findings if item["fix"]).items())),
        "places": hashlib.sha256("\n".join(places).encode()).hexdigest()[:16],
    }


def kept(name: str, again: bool) -> dict[str, Any]:
    """The entry of an earlier run, or a new one."""
    path = CACHE / "snapshot" / "results" / f"{name}.json"
    if again or not path.is_file():
        print(f"{PINNED[name]} ...", file=sys.stderr, flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(checked(PINNED[name])))
    entry: dict[str, Any] = json.loads(path.read_text())
    return entry


def compare(names: Sequence[str]) -> list[str]:
    """How today's entries differ from those of the file."""
    snapshot = json.loads(KEPT.read_text(encoding="utf-8"))
    return [line for name in names for line in differences(name, snapshot.get(name, {}), checked(PINNED[name]))]


def differences(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """A line for each part of an entry that is not as it was."""
    return [f"{name}: {key} was {old.get(key)} and is {new.get(key)}" for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]


def document(entries: dict[str, dict[str, Any]]) -> str:
    """The table of docs/ecosystem.md."""
    codes = sorted({code for entry in entries.values() for code in entry["found"]})
    rows: list[tuple[object, ...]] = [_row(f"{name} {entry['version']}", entry, codes) for name, entry in entries.items()]
    total = {key: sum(entry[key] for entry in entries.values()) for key in ("files", "lines")}
    found = sum((Counter(entry["found"]) for entry in entries.values()), Counter[str]())
    skipped = sum((Counter(entry["skipped"]) for entry in entries.values()), Counter[str]())
    broken = sum(len(entry["broken"]) for entry in entries.values())
    rows.append(_row(f"all {len(entries)}", {**total, "skipped": skipped, "found": found, "broken": [""] * broken}, codes))
    return table(("package", "files", "lines", "files left out", "crashes or files touched", *codes), rows)


def _row(title: str, entry: dict[str, Any], codes: Sequence[str]) -> tuple[object, ...]:
    counts = (entry["found"].get(code, 0) for code in codes)
    return (title, entry["files"], entry["lines"], sum(entry["skipped"].values()), len(entry["broken"]), *counts)


def main(argv: Sequence[str] | None = None) -> int:
    """Check or compare; 1 where something broke or differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"of {', '.join(PINNED)}")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--again", action="store_true", help="check packages anew that were checked earlier")
    arguments = parser.parse_args(argv)
    return _compared(arguments.packages or SMALL) if arguments.compare else _written(arguments.packages or tuple(PINNED), arguments.again)


def _compared(names: Sequence[str]) -> int:
    try:
        for name in names:
            download(PINNED[name])
    except subprocess.CalledProcessError as error:
        print(f"not compared: pip could not download {', '.join(names)} (status {error.returncode})")
        return 0
    lines = compare(names)
    advice = f"where that is meant: python -m benchmarks.snapshot --again {' '.join(names)}"
    print("\n".join([*lines, advice]) if lines else f"{', '.join(names)}: as in {KEPT.name}")
    return int(bool(lines))


def _written(names: Sequence[str], again: bool) -> int:
    before: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {}
    for name in names:
        before[name] = kept(name, again)
        entries = {known: before[known] for known in PINNED if known in before}
        KEPT.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
        write_between(DOCS / "ecosystem.md", "snapshot", document(entries))
    return int(any(entry["broken"] for entry in before.values()))


if __name__ == "__main__":
    raise SystemExit(main())
