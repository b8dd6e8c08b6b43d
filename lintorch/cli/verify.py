"""`lintorch verify OLD NEW`: do two versions compute the same?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lintorch.cache.store import Store
from lintorch.cli.arguments import Arguments
from lintorch.cli.clean import store
from lintorch.cli.configure import configuration, warn_of_unused
from lintorch.cli.git import git, require_revision
from lintorch.cli.interpreter import require_torch
from lintorch.cli.output import opened, require_output, show, warn
from lintorch.cli.paths import required
from lintorch.engine.verdicts import Verifiers, allows
from lintorch.report import comparison, html
from lintorch.report.progress import Progress, shown
from lintorch.settings import Settings, UsageError
from lintorch.source.discover import discover
from lintorch.source.read import read_source
from lintorch.source.text import Source, SourceError
from lintorch.there import exists, is_folder
from lintorch.verify.pairs import Compared, Pair, compare, file_pairs


def verify(arguments: Arguments) -> int:
    """Verify what differs between two versions; the exit status. Raises UsageError for versions that cannot be found."""
    new = _paths(arguments)
    settings = configuration(arguments).settings_for(new)
    require_torch(settings)
    require_output(arguments)
    if arguments.format == "html":
        html.require()
    try:
        pairs = list(_against(arguments.against, new, settings) if arguments.against else file_pairs(Path(arguments.paths[0]), new, settings))
    except SourceError as error:
        raise UsageError(str(error)) from None
    warn_of_unused(arguments.example, (pair.new.text for pair in pairs if pair.new))
    with shown(len(pairs), True, arguments.quiet) as progress:
        results, failures = _compared(pairs, settings, arguments.all, progress, store(arguments))
    _deliver(results, failures, arguments)
    return 2 if failures else int(not all(allows(settings, result.verdict) for result in results))


def _compared(pairs: Sequence[Pair], settings: Settings, every: bool, progress: Progress, cache: Store | None) -> tuple[list[Compared], list[str]]:
    """The verdicts, and a line for each file that could not be compared."""
    verifiers = Verifiers(progress.verdict, cache)
    results: list[Compared] = []
    failures: list[str] = []
    try:
        for pair in pairs:
            try:
                results += _told(pair, compare(pair, verifiers.under(settings), every))
            except SourceError as error:
                failures.append(str(error))
            progress.file()
    finally:
        verifiers.close()
    return results, failures


def _told(pair: Pair, compared: Iterable[Compared]) -> Iterator[Compared]:
    """The verdicts with lines as people find them: a notebook's by cell."""
    for one in compared:
        reason = pair.new.told(one.verdict.reason) if pair.new and one.verdict.reason else one.verdict.reason
        yield replace(one, verdict=replace(one.verdict, reason=reason))


def _paths(arguments: Arguments) -> Path:
    """The new version's path; raises UsageError for too many or too few, or for one that is not there."""
    wanted = 1 if arguments.against else 2
    if len(arguments.paths) != wanted:
        raise UsageError("give the old and the new version (`lintorch verify OLD NEW`), or --against GITREV and one PATH")
    return [required(name) for name in arguments.paths][-1]


def _against(revision: str, path: Path, settings: Settings) -> Iterator[Pair]:
    """The files of a path as a git revision has them, and as they are."""
    folder = path if is_folder(path) else path.parent
    require_revision("--against", folder, revision)
    names = git("--against", folder, "ls-tree", "-r", "-z", "--name-only", revision, "--", "." if is_folder(path) else path.name).decode().split("\0")
    suffixes = {".py"} if is_folder(path) else {path.suffix}  # of a folder its Python files, a notebook only by name
    before = {folder / name for name in names if Path(name).suffix in suffixes}
    after = {file for file in discover([path], settings)[0] if file.suffix in suffixes}
    for file in sorted(before | after):
        old = git("--against", folder, "show", f"{revision}:./{file.relative_to(folder).as_posix()}") if file in before else None
        yield Pair(file, _earlier(file, revision, old) if old is not None else None, read_source(file) if exists(file) else None)


def _earlier(file: Path, revision: str, raw: bytes) -> Source:
    """A file as a revision has it, called as git calls it where it cannot be used."""
    name = f"{revision}:{file}"
    try:
        return replace(read_source(file, raw), path=Path(name))
    except SourceError as error:
        raise SourceError(name, error.reason, error.remedy, error.line, error.cell) from None


def _deliver(results: list[Compared], failures: list[str], arguments: Arguments) -> None:
    with opened(arguments, sys.stdout) as target:
        if arguments.format == "json":
            target.write(json.dumps(comparison.document(results, failures), indent=2) + "\n")
        elif arguments.format == "html":
            target.write(html.render_comparison(results, failures))
        else:
            nothing = bool(failures) and not results  # that nothing differs was not seen then
            show(comparison.lines(results, quiet=arguments.quiet or nothing), target)
    for failure in failures:
        warn(failure)
