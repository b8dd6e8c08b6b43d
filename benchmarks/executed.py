"""Fix pinned packages, then execute each class that was rewritten, as published and as fixed (benchmarks.independent).

    python -m benchmarks.executed [--select LT1,LT2] PACKAGE ...

What the packages import has to be installed here. 1 where something differs or lintorch broke a promise.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from benchmarks import independent
from benchmarks.audit import audit
from benchmarks.ecosystem import crashes, lintorch
from benchmarks.packages import CACHE, PINNED, Package, download, unpack


def executed(package: Package, select: str) -> int:
    """Fix one of two copies, and run what changed in both."""
    folder = CACHE / "executed" / package.name
    before, after = unpack(download(package), folder / "before"), unpack(download(package), folder / "after")
    run = lintorch(after, "--fix", "--jobs", "1", "--select", select, ".")
    broken = [*crashes(run), *audit(after, run.report)]
    report = folder / "report.json"
    report.write_text(json.dumps(run.report))
    fixed = sum(bool(finding["fixed"]) for finding in run.report["findings"])
    print(f"{package}: {fixed} findings fixed in {len(run.report['files']['changed'])} files", *broken, sep="\n", flush=True)
    return independent.main([str(before), str(after), str(report)]) or int(bool(broken))


def main(argv: Sequence[str] | None = None) -> int:
    """Execute what changes in each package asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="+", metavar="PACKAGE", choices=sorted(PINNED))
    parser.add_argument("--select", default="LT1,LT2", metavar="CODES")
    arguments = parser.parse_args(argv)
    return max([executed(PINNED[name], arguments.select) for name in arguments.packages])


if __name__ == "__main__":
    raise SystemExit(main())
