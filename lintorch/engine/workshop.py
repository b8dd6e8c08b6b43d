"""What one process does with one file after the other: judge it, work out its fix, measure what it keeps alive."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lintorch.cache.store import Store
from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Analysis, Checker
from lintorch.engine.concern import EVERYTHING, Concern
from lintorch.engine.place import place
from lintorch.engine.result import FileResult, fingerprinted
from lintorch.engine.verdicts import Verifiers
from lintorch.project.consulted import digest
from lintorch.settings import Settings, UsageError
from lintorch.source.generated import is_generated
from lintorch.source.notebook import NotPython
from lintorch.source.read import read_source
from lintorch.source.text import Source, SourceError
from lintorch.verify.verdict import Change, Verdict

if TYPE_CHECKING:
    from lintorch.project.consulted import Seen


class Mode(enum.Enum):
    """What is done with a file: it is judged, its fix is worked out, or that fix is written too."""

    CHECK = "check"
    DIFF = "diff"
    FIX = "fix"


@dataclass(frozen=True)
class Task:
    """One file of a run; `raw` stands in for its bytes where they do not come from the disk. `witness` measures what retention findings keep alive.

    `concern` says which findings the run is about: no others are reported, measured or fixed. `digest`, where there is one, asks to be told what the
    result rests on, provided that these are the bytes that were judged.
    """

    path: Path
    settings: Settings
    mode: Mode
    raw: bytes | None = None
    witness: bool = False
    concern: Concern = EVERYTHING
    digest: str | None = None

    @property
    def runs_code(self) -> bool:
        """Is anything run, which takes its time?"""
        return self.witness or self.mode is not Mode.CHECK


class Worked(NamedTuple):
    """A result, and what it rests on beside the file and the settings where that was asked for and can be said."""

    result: FileResult
    kept: FileResult | None = None
    seen: frozenset[Seen] = frozenset()


class Workshop:
    """What a process keeps from file to file: the rules, the projects read so far, the workers that run user code."""

    def __init__(self, told: Callable[[], None] = lambda: None, cache: Store | None = None) -> None:
        """`told` is called with each verdict that becomes known; `cache` keeps verdicts."""
        self.checker = Checker(load_catalogue(), tells_seen=True)
        self.verifiers = Verifiers(told, cache)
        self._settings: list[Settings] = []
        self._read = ""  # the digest of the bytes judged last

    def handle(self, task: Task) -> FileResult:
        """One file's result; whatever goes wrong with the file is told in it. What changed is returned, not written."""
        return self.work(task).result

    def work(self, task: Task) -> Worked:
        """One file's result with what it rests on."""
        try:
            self.checker.seen.clear()
            self.verifiers.begin()
            source = self.read(task)
            result = self._judge(source, self._shared(task.settings), task.mode, task.witness, task.concern)
            shown = result if task.mode is not Mode.CHECK else task.concern.applied(result)
            return self._with_grounds(shown, result, task) if task.digest is not None else Worked(shown)
        except SourceError as error:
            return Worked(_unread(task.path, error))
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - one file must not cost the others
            detail = " ".join(f"{type(error).__name__}: {error}".split())
            return Worked(FileResult(str(task.path), failures=(f"{task.path}: internal error: {detail}; please report it, the file was left alone",)))

    def _with_grounds(self, shown: FileResult, result: FileResult, task: Task) -> Worked:
        """Never kept is what failed, and what time or memory had a say in, since the next time it may come out otherwise."""
        if result.failures or not self.verifiers.last or self._read != task.digest:
            return Worked(shown)
        seen = self.checker.seen
        if self.verifiers.loaded:
            from lintorch.engine.judgements import files_seen  # late: a check asks for no verdict

            seen = seen | files_seen(self.verifiers.loaded)
        own = str(task.path.absolute())
        return Worked(shown, replace(result, original=None), frozenset(one for one in seen if one[:2] != ("file", own)))

    def read(self, task: Task) -> Source:
        """The text of a task; raises SourceError where it cannot be had."""
        if task.digest is None:
            return read_source(task.path, task.raw)
        try:
            raw = task.path.read_bytes() if task.raw is None else task.raw
        except OSError:
            return read_source(task.path)  # which says what is wrong
        self._read = digest(raw)
        return read_source(task.path, raw)

    def _shared(self, settings: Settings) -> Settings:
        """One object for equal settings: those of a task that came from another process are a copy, and each object has a verifier of its own."""
        if settings not in self._settings:
            self._settings.append(settings)
        return self._settings[self._settings.index(settings)]

    def _judge(self, source: Source, settings: Settings, mode: Mode, witness: bool, concern: Concern) -> FileResult:
        if not settings.include_generated and is_generated(source):
            return FileResult(str(source.path), skipped="says that it is generated")
        if mode is Mode.CHECK and witness:
            return self._witnessed(source, settings)
        if mode is Mode.CHECK:
            return checked(self.checker.analyse(source, settings), settings.illustrated)
        from lintorch.engine.repair import repair  # late: a check has no use for it

        def measure(change: Change) -> Verdict:
            return self.verifiers.under(settings, peak=True)(change)

        result = repair(self.checker, settings, self.verifiers.under(settings), source, in_place=mode is Mode.FIX, measure=measure, concern=concern)
        return self._without_contradicted(result) if witness else result

    def _witnessed(self, source: Source, settings: Settings) -> FileResult:
        from lintorch.engine.witnessing import witnessed  # late: a check has no use for it

        return witnessed(self.checker, settings, self.verifiers.under(settings), source)

    @staticmethod
    def _without_contradicted(result: FileResult) -> FileResult:
        from lintorch.engine.witnessing import withdrawn

        return withdrawn(result)

    def close(self) -> None:
        """End the workers."""
        self.verifiers.close()


def _unread(path: Path, error: SourceError) -> FileResult:
    """What is no fault of the user's, a notebook of another language, is left out and no failure."""
    place = "".join((f", cell {error.cell}" if error.cell else "", f", line {error.line}" if error.line else ""))
    failures = () if isinstance(error, NotPython) else (str(error),)
    return FileResult(str(path), failures=failures, skipped=error.reason + place)


def checked(analysis: Analysis, with_source: bool = False) -> FileResult:
    """The result of a file that was judged and nothing else."""
    source = analysis.source
    original = source if with_source else None
    diagnostics = fingerprinted(place(source, judged.finding) for judged in analysis.judged)
    return FileResult(str(source.path), diagnostics, failures=analysis.failures, withheld=analysis.withheld, original=original)
