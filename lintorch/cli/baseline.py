"""Baseline files: the findings a project has today, so that a run can speak of new ones alone."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lintorch.engine.concern import Known, known_as
from lintorch.engine.result import Run
from lintorch.settings import UsageError
from lintorch.source.leftover import sweep
from lintorch.source.text import Source, SourceError
from lintorch.source.write import write
from lintorch.there import exists, is_folder

VERSION = 1
_KEYS = {"code": str, "symbol": str, "line": str, "times": int}


@dataclass(frozen=True)
class Baseline:
    """What is known of each file, by its path from the folder of the baseline."""

    folder: Path
    known: Mapping[str, tuple[Known, ...]]

    def of(self, path: Path) -> tuple[Known, ...]:
        """What is known of a file."""
        return self.known.get(_named(path, self.folder), ())


def read_baseline(file: Path) -> Baseline:
    """The baseline in a file; raises UsageError naming what is wrong with it."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{file}: there is no such baseline; --write-baseline {file} makes it") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); check its permissions") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: is no baseline ({error}); make it anew with --write-baseline {file}") from None
    return Baseline(file.absolute().parent, _checked(file, document))


def _checked(file: Path, document: Any) -> dict[str, tuple[Known, ...]]:
    files = document.get("files") if isinstance(document, dict) and document.get("version") == VERSION else None
    if not isinstance(files, dict):
        raise UsageError(f"{file}: is no baseline of version {VERSION}; make it anew with --write-baseline {file}")
    return {path: tuple(_entry(file, path, entry) for entry in entries) for path, entries in files.items() if isinstance(entries, list)}


def _entry(file: Path, path: str, entry: Any) -> Known:
    if not isinstance(entry, dict) or any(not isinstance(entry.get(key), kind) for key, kind in _KEYS.items()):
        raise UsageError(f"{file}: an entry of {path!r} does not have {', '.join(_KEYS)}; make it anew with --write-baseline {file}")
    return Known(*(entry[key] for key in _KEYS))


def write_baseline(file: Path, run: Run) -> None:
    """Put the findings of a run into a file, those that are alike as one, in an order that makes small diffs; raises UsageError."""
    by_path: dict[str, Counter[Known]] = {}
    for diagnostic in run.diagnostics:
        by_path.setdefault(_named(Path(diagnostic.path), file.absolute().parent), Counter())[known_as(diagnostic)] += 1
    files = {path: _entries(by_path[path].items()) for path in sorted(by_path)}
    _save(file, json.dumps({"version": VERSION, "files": files}, indent=1, ensure_ascii=True) + "\n")


def _entries(alike: Iterable[tuple[Known, int]]) -> list[dict[str, object]]:
    return [dict(zip(_KEYS, (*known[:3], times), strict=True)) for known, times in sorted(alike)]


def _named(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.absolute(), folder)).as_posix()


def _save(file: Path, text: str) -> None:
    if is_folder(file):
        raise UsageError(f"{file}: is a folder; name a file with --write-baseline")
    sweep([file.absolute().parent])
    try:
        if exists(file):
            write(Source.read(file), text)
        else:
            file.write_text(text, encoding="utf-8", newline="")
    except SourceError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror}); name another --write-baseline") from None
