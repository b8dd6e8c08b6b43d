"""Results of earlier runs: recalled where neither the file nor anything that its result rests on has changed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from lintorch.cache.codec import Undecodable, decoded, encoded
from lintorch.cache.store import Store
from lintorch.engine.concern import EVERYTHING
from lintorch.engine.result import FileResult
from lintorch.engine.tool import tool_mark
from lintorch.engine.workshop import Mode, Task, Worked
from lintorch.project.consulted import Seen, digest
from lintorch.project.locate import Locator, installed_folders
from lintorch.project.present import Present
from lintorch.settings import Settings
from lintorch.source.read import read_source
from lintorch.source.root import find_root
from lintorch.source.text import SourceError
from lintorch.verify.supervisor import default_interpreter

# What these say changes no finding: it decides which files are taken, what of them is shown, or how code is run.
_WITHOUT_BEARING = frozenset({"exclude", "allow", "fail_on", "examples", "python", "jobs", "time_limit", "memory_limit", "min_isolation", "illustrated"})


class _Ticket(NamedTuple):
    key: str
    digest: str


class Remembered:
    """What a store knows of the results of tasks; without a store nothing. Make one for each run: it looks at every file once."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._present = Present()
        self._tickets: dict[Path, _Ticket | None] = {}
        self._contexts: dict[tuple[int, Path], tuple[Settings, str]] = {}
        self._searches: dict[Path, str] = {}

    def recall(self, task: Task) -> FileResult | None:
        """The result of a task, where it is known and would come out the same."""
        ticket = self._ticket(task)
        if ticket is None:
            return None
        result = self._known(task, ticket.key)
        if not _is_plain(task) and (result is None or not result.is_clean):
            result = self._known(task, _fix_key(ticket, task)) if task.concern is EVERYTHING else None
        if result is not None and result.text is not None:
            return self._with_original(task, result, ticket)
        return task.concern.applied(result) if result is not None and task.mode is Mode.CHECK else result

    def digest(self, task: Task) -> str | None:
        """The digest of the bytes that a result is to be kept for; None where it is not to be kept."""
        ticket = self._ticket(task)
        return ticket.digest if ticket is not None else None

    def keep(self, task: Task, worked: Worked) -> None:
        """Keep a result for later runs."""
        ticket = self._ticket(task)
        kept = worked.kept
        if self._store is None or ticket is None or kept is None:
            return
        content = json.dumps({"result": None if replace(kept, path="") == FileResult("") else encoded(kept), **_grouped(worked.seen)}, separators=(",", ":"))
        if kept.is_clean or _is_plain(task):
            self._store.put(ticket.key, content.encode())
        elif task.concern is EVERYTHING:
            self._store.put(_fix_key(ticket, task), content.encode())

    def prune(self) -> None:
        """Hold the store to its bound."""
        if self._store is not None:
            self._store.prune()

    def _known(self, task: Task, key: str) -> FileResult | None:
        content = self._store.get(key) if self._store is not None else None
        return self._decoded(task, content) if content is not None else None

    def _with_original(self, task: Task, result: FileResult, ticket: _Ticket) -> FileResult | None:
        """A result that changes its file, with the text that it changes; None where that is no longer there."""
        try:
            raw = task.path.read_bytes()
            return replace(result, original=read_source(task.path, raw)) if digest(raw) == ticket.digest else None
        except (OSError, SourceError):
            return None

    def _decoded(self, task: Task, content: bytes) -> FileResult | None:
        """The result that an entry holds, None where something that it rests on has changed or where it is no entry."""
        try:
            entry = json.loads(content)
            if not self._present.holds(_ungrouped(entry)):
                return None
            result: FileResult = FileResult(str(task.path)) if entry["result"] is None else decoded(FileResult, entry["result"])
            return result
        except (ValueError, KeyError, TypeError, AttributeError, Undecodable):
            return None

    def _ticket(self, task: Task) -> _Ticket | None:
        """The place of a task's result; None where it has none: text that is in no file, and results that carry the text of their files."""
        if self._store is None or task.raw is not None or task.settings.illustrated:
            return None
        if task.path not in self._tickets:
            self._tickets[task.path] = self._made(task)
        return self._tickets[task.path]

    def _made(self, task: Task) -> _Ticket | None:
        path = os.path.abspath(task.path)  # noqa: PTH100 (links stay, as in names of modules)
        of_text = self._present.answer("file", path)
        if not of_text:
            return None
        key = "\0".join((self._context(task.settings, Path(path).parent), str(task.path), path, of_text))
        return _Ticket(digest(key.encode(errors="surrogatepass")), of_text)

    def _context(self, settings: Settings, folder: Path) -> str:
        """What all results of a folder depend on: lintorch, Python, the settings, and where imports are looked for."""
        known = self._contexts.get((id(settings), folder))
        if known is None:
            bearing = {name: value for name, value in asdict(settings).items() if name not in _WITHOUT_BEARING}
            text = "\0".join((tool_mark(), sys.version, repr(sorted(bearing.items())), self._searched(find_root(folder))))
            # The stored settings keep their identity from being used again.
            known = self._contexts[id(settings), folder] = (settings, digest(text.encode(errors="surrogatepass")))
        return known[1]

    def _searched(self, root: Path) -> str:
        if root not in self._searches:
            self._searches[root] = repr((root, Locator(root, installed_folders()).searches))
        return self._searches[root]


def _is_plain(task: Task) -> bool:
    return task.mode is Mode.CHECK and not task.witness


def _fix_key(ticket: _Ticket, task: Task) -> str:
    """Where the outcome of a fix or a measurement is: what decides about verdicts and what is done with them counts too."""
    from lintorch.engine.judgements import environment  # late: a check asks for no verdict

    settings = task.settings
    run = (environment(settings.python or default_interpreter()), sorted(settings.examples.items()), settings.time_limit, settings.memory_limit)
    return digest(repr((ticket, task.mode, task.witness, settings.allow, settings.min_isolation, run)).encode(errors="surrogatepass"))


def _grouped(seen: frozenset[Seen]) -> Mapping[str, Any]:
    """What was seen as files with their digests, folders with the names that they held and did not hold, and the rest."""
    files: dict[str, str] = {}
    folders: dict[str, tuple[list[str], list[str]]] = {}
    rest: list[list[str]] = []
    for one in sorted(seen):
        if one.kind == "file":
            files[one.what] = one.answer
        elif one.kind == "entry":
            folder, name = os.path.split(one.what)
            folders.setdefault(folder, ([], []))[not one.answer].append(name)
        else:
            rest.append(list(one))
    return {"files": files, "folders": folders, "rest": rest}


def _ungrouped(entry: Mapping[str, Any]) -> Iterator[Seen]:
    for path, answer in entry["files"].items():
        yield Seen("file", path, answer)
    for folder, (held, missed) in entry["folders"].items():
        for name in held:
            yield Seen("entry", os.path.join(folder, name), "1")  # noqa: PTH118
        for name in missed:
            yield Seen("entry", os.path.join(folder, name), "")  # noqa: PTH118
    for kind, what, answer in entry["rest"]:
        yield Seen(kind, what, answer)
