"""What must hold after `lintorch --fix`, judged from lintorch's JSON and from git alone: a second opinion that imports nothing of lintorch."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.packages import git

WRITTEN_BY_DEFAULT = frozenset({"same-trace", "tested"})
Json = Mapping[str, Any]


def audit(folder: Path, report: Json, *also: str) -> list[str]:
    """Every promise that the working copy in `folder` breaks, given the JSON of the `--fix` run that changed it; `also` are verdicts allowed besides."""
    changed = changed_files(folder)
    broken = [f"{path} changed and is not reported" for path in sorted(set(changed) - set(report["files"]["changed"]))]
    broken += [f"{path} is reported as changed and did not" for path in sorted(set(report["files"]["changed"]) - set(changed))]
    broken += [
        f"{rewrite['path']}: {rewrite['symbol']} was written with {rewrite['verdict']['status']}" for rewrite in _written(report) if not _allowed(rewrite, also)
    ]
    for path in sorted(set(changed) & published_files(folder)):
        broken += _audit_file(folder, path, report)
    return broken


def published_files(folder: Path) -> set[str]:
    """The files of the copy before anything ran."""
    return set(git(folder, "ls-tree", "-r", "-z", "--name-only", "HEAD").decode().split("\0"))


def changed_files(folder: Path) -> list[str]:
    """What git sees as changed or new, as paths from the top of the copy."""
    return [entry[3:] for entry in git(folder, "status", "--porcelain", "-z", "--untracked-files=all").decode().split("\0") if entry]


def _audit_file(folder: Path, path: str, report: Json) -> Iterator[str]:
    before, after = git(folder, "show", f"HEAD:{path}"), (folder / path).read_bytes()
    try:
        ast.parse(after)
    except (SyntaxError, ValueError) as error:
        yield f"{path} no longer parses: {error}"
    edits = [edit for rewrite in _written(report) if rewrite["path"] == path for edit in rewrite["edits"]]
    if splice(decode(before), edits) != decode(after):
        yield f"{path} is not the original with the reported edits"
    strays = _lines(edits) - reported_lines(report, path)
    if strays:
        yield f"{path} changed outside the reported places, lines {sorted(strays)[:10]}"


def decode(raw: bytes) -> str:
    """The text of a Python file by its own declaration, without a byte order mark."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    return raw.decode(encoding)


def _written(report: Json) -> list[Json]:
    fixed = {finding["rewrite"] for finding in report["findings"] if finding["fixed"]}
    return [rewrite for rewrite in report["rewrites"] if rewrite["id"] in fixed]


def _allowed(rewrite: Json, also: Sequence[str]) -> bool:
    return rewrite["verdict"] is not None and rewrite["verdict"]["status"] in {*WRITTEN_BY_DEFAULT, *also}


def reported_lines(report: Json, path: str) -> set[int]:
    """The lines of the original that findings marked as fixed say they change."""
    fixed = [finding for finding in report["findings"] if finding["fixed"] and finding["path"] == path]
    return _lines([edit for finding in fixed for edit in finding["fix"]["edits"]])


def _lines(edits: list[Json]) -> set[int]:
    return {line for edit in edits for line in range(edit["line"], edit["end_line"] + 1)}


def splice(text: str, edits: list[Json]) -> str:
    """`text` with edits applied that count lines and columns from 1 in code points, end exclusive."""
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]
    places = sorted((starts[edit["line"] - 1] + edit["column"] - 1, starts[edit["end_line"] - 1] + edit["end_column"] - 1, edit["text"]) for edit in edits)
    for start, end, replacement in reversed(places):
        text = text[:start] + replacement + text[end:]
    return text


def plain_reason(reason: str | None) -> str:
    """A verdict's reason with names and numbers taken out, so that like reasons count together."""
    text = re.sub(r"(['\"`]).*?\1", "…", reason or "no reason given")
    text = re.sub(r"\b[A-Za-z_]\w*(?:\.\w+)+\b", "…", text)
    return re.sub(r"-?\d[\d.,e+-]*", "#", text)[:110].strip()


def kind_of(reason: str) -> str:
    """A plain reason cut to its stage and the kind of error, so that a table of them stays short."""
    if "is not installed here and was used" in reason:
        return "a package that is not installed here was used"
    match = re.match(r"no inputs found: (\w+): (?:(\w+(?:Error|Exception|Interrupt))\b)?", reason)
    return f"no inputs found: {match[1]} raises {match[2] or 'an error of its own'}" if match else reason
