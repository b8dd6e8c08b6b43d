"""Asking git: what it says, or one line on why it says nothing."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lintorch.settings import UsageError
from lintorch.there import exists

Lines = tuple[tuple[int, int], ...]

_HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
_EVERY_LINE: Lines = ((1, 1 << 62),)
# Whatever the user's settings make of diffs, these are read by a program.
_PLAIN = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-relative", "--ignore-submodules")


def git(option: str, folder: Path, *arguments: str) -> bytes:
    """What `git ARGUMENTS` prints in a folder, for the sake of an option; raises UsageError with git's own reason."""
    try:
        # A repository's own settings may name a program that git asks for changes.
        return subprocess.run(["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments], capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise UsageError(f"{option} needs git, which is not installed") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        if lines and "not a git repository" in lines[-1]:
            raise UsageError(f"{option} needs a git repository, and {folder.absolute()} is in none") from None
        raise UsageError(f"{option}: git {arguments[0]} said: {lines[-1] if lines else 'nothing'}") from None


def changed_lines(revision: str, folder: Path) -> dict[Path, Lines]:
    """The lines of each file of the repository round `folder` that differ from a revision; `REVISION...` is where the branch left it.

    Files that git does not know yet are new throughout. Paths are absolute, without links.
    """
    top = Path(git("--diff-from", folder, "rev-parse", "--show-toplevel").decode(errors="surrogateescape").rstrip("\n"))
    base = _base(revision, top)
    names = _names(git("--diff-from", top, "diff", *_PLAIN, "--name-only", "-z", base, "--"))
    # The sections of the second answer are in the order of the names in the first, which are free of quotes.
    sections = _sections(_diff(top, base))
    if len(sections) != len(names):  # a file whose kind changed has two sections, one in conflict may have none
        sections = [_diff(top, base, f":(top,literal){name}") for name in names]
    changed = {(top / name).resolve(): _added(section) for name, section in zip(names, sections, strict=True)}
    new = _names(git("--diff-from", top, "ls-files", "-z", "--others", "--exclude-standard"))
    return {**changed, **{(top / name).resolve(): _EVERY_LINE for name in new}}


def _diff(top: Path, base: str, *paths: str) -> bytes:
    return git("--diff-from", top, "diff", *_PLAIN, "--unified=0", base, "--", *paths)


def _base(revision: str, top: Path) -> str:
    """The commit to compare with; nothing a user writes is read as an option. Raises UsageError where there is none."""
    named = revision.removesuffix("...")
    commit = require_revision("--diff-from", top, named)
    if named == revision:
        return commit
    try:
        return git("--diff-from", top, "merge-base", commit, "HEAD").decode().strip()
    except UsageError:
        raise UsageError(f"--diff-from: no commit is known at which HEAD left {named!r}; in a shallow clone fetch more of it") from None


def require_revision(option: str, folder: Path, named: str) -> str:
    """The commit that a user's word names in a repository, for the sake of an option; raises UsageError where there is none."""
    git(option, folder, "rev-parse", "--git-dir")  # is there a repository at all?
    try:
        return git(option, folder, "rev-parse", "--verify", "--end-of-options", f"{named}^{{commit}}").decode().split()[-1]
    except UsageError:
        raise UsageError(f"{option}: the repository {folder} knows no revision {named!r}; fetch it, or name another") from None


def _names(output: bytes) -> list[str]:
    return [name.decode(errors="surrogateescape") for name in output.split(b"\0") if name]


def _sections(output: bytes) -> list[bytes]:
    """The part of each file; without context every other line of a diff begins with a sign."""
    return re.split(rb"^diff --git ", output, flags=re.MULTILINE)[1:]


def _added(section: bytes) -> Lines:
    """The lines that are new or differ, as ranges of the new text; a place where lines went only is none."""
    found = (_range(line) for line in section.split(b"\n") if line.startswith(b"@@"))
    return tuple(place for place in found if place[0] <= place[1])


def _range(header: bytes) -> tuple[int, int]:
    match = _HUNK.match(header)
    assert match is not None
    first, count = int(match[1]), int(match[2] or 1)
    return first, first + count - 1


def concerned(files: Sequence[Path], revision: str) -> dict[Path, Lines]:
    """Of some files those that differ from a revision of their repositories, with the lines that do."""
    known: dict[Path, dict[Path, Lines]] = {}
    found: dict[Path, Lines] = {}
    for file in files:
        folder = file.absolute().parent
        top = next((place for place in (folder, *folder.parents) if exists(place / ".git")), folder)
        if not exists(top / ".git"):
            raise UsageError(f"--diff-from needs a git repository, and {file} is in none")
        if top not in known:
            known[top] = changed_lines(revision, top)
        lines = known[top].get(file.resolve())
        if lines:
            found[file] = lines
    return found
