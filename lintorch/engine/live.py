"""A file while it is edited: an edit inside one function has that function judged again, and nothing else until there is time for the whole."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace

from lintorch.engine.check import Checker
from lintorch.engine.edited import EditedFunction, Lines, edited_function
from lintorch.engine.result import Diagnostic, Patch, fingerprinted
from lintorch.engine.workshop import checked
from lintorch.settings import Settings
from lintorch.source.discover import is_left_out
from lintorch.source.generated import is_generated
from lintorch.source.parse import parse
from lintorch.source.text import Position, Source


@dataclass(frozen=True)
class Judgment:
    """What is known of one text; `whole` says that every function was judged on this very text, `passed_over` that the file is not to be judged at all."""

    source: Source
    settings: Settings
    tree: ast.Module
    diagnostics: tuple[Diagnostic, ...] = ()
    failures: tuple[str, ...] = ()
    whole: bool = True
    passed_over: bool = False


def judge(checker: Checker, source: Source, settings: Settings) -> Judgment:
    """Judge a whole text; raises SourceError where it cannot be parsed."""
    tree = parse(source)
    if (not settings.include_generated and is_generated(source)) or is_left_out(source.path, settings):
        return Judgment(source, settings, tree, passed_over=True)
    result = checked(checker.analyse(source, settings, tree))
    return Judgment(source, settings, tree, result.diagnostics, result.failures)


def judge_edit(checker: Checker, known: Judgment, source: Source) -> Judgment | None:
    """Judge the one function that differs from what is known and keep the findings of all others; None where the edit is not inside one function.

    What others say of the edited function, such as its callers, is what they said before it: the whole text has yet to be judged.
    """
    if known.passed_over or known.settings.unused_ignores or (not known.settings.include_generated and is_generated(source)):
        return None
    edited = edited_function(known.source, known.tree, source)
    if edited is None:
        return None
    result = checked(checker.analyse(source, known.settings, edited.tree, lines=edited.after))
    kept = _kept(known.diagnostics, edited)
    told = sorted((*kept, *result.diagnostics), key=lambda one: (one.start, one.code))
    return replace(known, source=source, tree=edited.tree, diagnostics=fingerprinted(told), failures=result.failures, whole=False)


def _kept(diagnostics: Iterable[Diagnostic], edited: EditedFunction) -> Iterable[Diagnostic]:
    """The findings outside the function, where they stand now."""
    growth = edited.after.last - edited.before.last
    for one in diagnostics:
        if not edited.before.first <= one.start.line <= edited.before.last:
            yield _moved(one, edited.before, growth)


def _moved(one: Diagnostic, before: Lines, growth: int) -> Diagnostic:
    """A finding where it stands now. The line numbers in what it says are put right when the whole file is judged."""

    def moved(position: Position) -> Position:
        return Position(position.line + growth, position.column) if position.line > before.last else position

    # A fix may reach into the function that was edited, where nothing is as it was.
    fix = None if one.fix and any(edit.start.line <= before.last and before.first <= edit.end.line for edit in one.fix.edits) else one.fix
    if not growth:
        return replace(one, fix=fix)
    start, end = moved(one.start), moved(one.end)
    return replace(one, start=start, end=end, file_lines=(start.line, end.line), fix=_patch_moved(fix, before, growth))


def _patch_moved(fix: Patch | None, before: Lines, growth: int) -> Patch | None:
    if fix is None:
        return None

    def moved(position: Position) -> Position:
        return Position(position.line + growth, position.column) if position.line > before.last else position

    edits = tuple(replace(edit, start=moved(edit.start), end=moved(edit.end)) for edit in fix.edits)
    return replace(fix, edits=edits, hunks=tuple(replace(hunk, line=moved(Position(hunk.line, 1)).line) for hunk in fix.hunks))
