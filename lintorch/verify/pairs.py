"""Two versions of files: which of their modules and functions differ, and what running both says about each."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lintorch.project.module import ClassEntry, Module
from lintorch.project.project import Project
from lintorch.settings import Settings, UsageError
from lintorch.source.discover import discover
from lintorch.source.notebook import SUFFIX
from lintorch.source.parse import parse
from lintorch.source.read import read_source
from lintorch.source.text import Source, Span
from lintorch.there import is_folder
from lintorch.verify.dependence import Dependence
from lintorch.verify.verdict import Change, Status, Verdict
from lintorch.verify.verifier import Verifier

_VALUED = (ast.Return, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)


@dataclass(frozen=True)
class Compared:
    """One class or function of a file, the verdict on its two versions, and the change that it is about."""

    path: str
    name: str
    verdict: Verdict
    change: Change | None = None


@dataclass(frozen=True)
class Pair:
    """Two versions of one file; both are run as the file at `new.path`. `old` is None where the file is new, `new` where it is gone."""

    path: Path
    old: Source | None
    new: Source | None


@dataclass(frozen=True)
class Question:
    """A class or function that two versions of a file are asked about: the change to run, or the verdict where there is nothing to run."""

    path: str
    name: str
    change: Change | None = None
    verdict: Verdict | None = None


def verify_paths(old: Path, new: Path, settings: Settings | None = None, every: bool = False) -> list[Compared]:
    """The verdicts on what differs between two files or folders (on everything, with `every`), several at a time.

    Raises UsageError for paths that cannot be compared, SourceError for a version that cannot be parsed, VerifierUnavailable where nothing can be run.
    """
    settings = settings or Settings()
    asked = [question for pair in file_pairs(old, new, settings) for question in questions(pair, every)]
    changes = [question.change for question in asked if question.change is not None]
    verdicts: Iterator[Verdict] = iter(())
    if changes:
        with Verifier(settings) as verifier:
            verdicts = iter(verifier.verify_many(changes))
    return [Compared(question.path, question.name, question.verdict or next(verdicts), question.change) for question in asked]


def file_pairs(old: Path, new: Path, settings: Settings) -> Iterator[Pair]:
    """The Python files of two folders by their place in them, or two files (notebooks too); raises UsageError for one of each."""
    if is_folder(old) != is_folder(new):
        raise UsageError(f"{old} and {new}: compare two files or two folders")
    if not is_folder(old):
        yield Pair(new, read_source(old), read_source(new))
        return
    before = {file.relative_to(old) for file in discover([old], settings)[0] if file.suffix != SUFFIX}
    after = {file.relative_to(new) for file in discover([new], settings)[0] if file.suffix != SUFFIX}
    for place in sorted(before | after):
        yield Pair(new / place, read_source(old / place) if place in before else None, read_source(new / place) if place in after else None)


def compare(pair: Pair, verify: Callable[[Change], Verdict], every: bool = False) -> Iterator[Compared]:
    """The verdicts on the modules of a file that changed (all of them with `every`) and on everything else in it that changed.

    Raises SourceError where a version cannot be parsed.
    """
    for question in questions(pair, every):
        if question.change is not None:
            yield Compared(question.path, question.name, verify(question.change), question.change)
        elif question.verdict is not None:
            yield Compared(question.path, question.name, question.verdict)


def questions(pair: Pair, every: bool = False) -> Iterator[Question]:
    """What is to be asked about two versions of a file; raises SourceError where one cannot be parsed."""
    if pair.old is None:
        return
    path = str(pair.path)
    old = _module(pair.path, pair.old)
    if pair.new is None:
        yield from (_open_question(path, name, "the new version has no such file") for name in _modules(old))
        return
    new = _module(pair.path, pair.new)
    differing = _Difference(Dependence(old), Dependence(new), every)
    yield from (_question(pair.path, old, new, name) for name in (*differing.modules, *differing.functions))
    yield from (_open_question(path, name, "it changed, and nothing in this file that can be run uses it") for name in differing.rest)


def _open_question(path: str, name: str, reason: str) -> Question:
    return Question(path, name, verdict=Verdict(Status.UNDECIDED, reason))


def _question(path: Path, old: Module, new: Module, name: str) -> Question:
    if name not in (new.classes.keys() | new.functions.keys()):
        return _open_question(str(path), name, f"the new version has no `{name}`")
    probes, lines = _changed_places(old, new, name)
    return Question(str(path), name, Change(path.absolute(), name, old.source.text, new.source.text, lines, probes))


def _module(path: Path, source: Source) -> Module:
    """One version of a file in a project of its own, so that neither version stands in for the other."""
    here = Source(path, source.raw, source.text, source.encoding)
    return Project.around(path.absolute()).load(here, parse(source))


def _modules(module: Module) -> list[str]:
    """The torch modules of a file, as names that can be looked up in it."""
    project = Project.around(module.source.path.absolute())
    project.load(module.source, module.tree)
    return [name for name, entry in module.classes.items() if "#" not in name and project.module_evidence(entry)]


@dataclass(frozen=True)
class _Difference:
    """What two versions of a file differ in: modules, functions no module uses, and definitions that neither of them uses."""

    before: Dependence
    after: Dependence
    every: bool

    def changed(self, name: str) -> bool:
        """Does a definition, or anything it rests on, read differently (or is everything asked for)?"""
        top = name.partition(".")[0]
        return self.every or self.before.meaning(top) != self.after.meaning(top)

    @cached_property
    def modules(self) -> list[str]:
        return [name for name in _modules(self.before.module) if self.changed(name)]

    @cached_property
    def functions(self) -> list[str]:
        used = self._used_by(self.modules)
        names = [name for name in self.before.module.functions if "." not in name and name in self.before.definitions]
        return [name for name in names if name not in used and self.changed(name)]

    @cached_property
    def rest(self) -> list[str]:
        used = self._used_by([*self.modules, *self.functions])
        return [name for name in self.before.own_names if name not in used and self.before.meaning(name) != self.after.meaning(name)]

    def _used_by(self, names: list[str]) -> set[str]:
        return {needed for name in names for needed in self.before.needed(name.partition(".")[0])}


def _changed_places(old: Module, new: Module, name: str) -> tuple[tuple[Span, ...], tuple[int, ...]]:
    """The values computed by new or rewritten statements, and the lines of old ones that are gone, as far as `name` needs them."""
    gone, come = _changed_lines(old.source, new.source)
    top = name.partition(".")[0]
    written = [node for node in _statements(new, top) if _touches(node, come)]
    replaced = [node for node in _statements(old, top) if _touches(node, gone)]
    values = (getattr(node, "value", None) for node in written)
    probes = [_value_span(new.source, value) for value in values if value is not None and not _is_text(value)]
    probes += [_value_span(new.source, arm) for arm in _new_arms(replaced, written)]
    return tuple(probes), tuple(sorted({node.lineno for node in replaced}))


def _new_arms(replaced: list[ast.stmt], written: list[ast.stmt]) -> Iterator[ast.expr]:
    """The arms of conditional expressions that no replaced statement has: an arm that never runs is as unseen as a line that never runs."""
    known = {ast.dump(arm) for node in replaced for arm in _arms(node)}
    yield from (arm for node in written for arm in _arms(node) if ast.dump(arm) not in known)


def _arms(node: ast.stmt) -> Iterator[ast.expr]:
    choices = (inner for inner in ast.walk(node) if isinstance(inner, ast.IfExp))
    yield from (arm for choice in choices for arm in (choice.body, choice.orelse) if not isinstance(arm, ast.Constant))


def _changed_lines(old: Source, new: Source) -> tuple[set[int], set[int]]:
    before, after = ([source.line(number) for number in range(1, len(source.line_starts) + 1)] for source in (old, new))
    gone: set[int] = set()
    come: set[int] = set()
    for tag, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            gone |= set(range(i + 1, j + 1))
            come |= set(range(k + 1, m + 1))
    return gone, come


def _statements(module: Module, top: str) -> Iterator[ast.stmt]:
    """The statements with a value inside the functions that a definition needs."""
    dependence = Dependence(module)
    unused = _overridden(module, top)
    for needed in sorted(dependence.needed(top)):
        for definition in dependence.definitions[needed]:
            for function in ast.walk(definition):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function not in unused:
                    yield from (node for node in _own_statements(function) if isinstance(node, _VALUED))


def _overridden(module: Module, top: str) -> set[ast.AST]:
    """The methods of a class's bases that the class replaces without calling them."""
    chain = _chain(module, top)
    unused: set[ast.AST] = set()
    for place, base in enumerate(chain[1:], start=1):
        for name, method in base.methods.items():
            replaced = [entry for entry in chain[:place] if name in entry.methods]
            if replaced and not any(_calls_super(entry.node, name) for entry in replaced):
                unused.add(method.node)
    return unused


def _chain(module: Module, top: str) -> list[ClassEntry]:
    """A class and its bases in the same file, first base first."""
    chain: list[ClassEntry] = []
    pending = [top]
    while pending:
        entry = module.classes.get(pending.pop(0))
        if entry is not None and entry not in chain:
            chain.append(entry)
            pending += [base.rpartition(".")[2] for base in entry.bases if base is not None and base.startswith(f"{module.name}.")]
    return chain


def _calls_super(tree: ast.AST, name: str) -> bool:
    """Is there a call of that method through super() or through a class?"""
    return any(isinstance(node, ast.Attribute) and node.attr == name and not _is_self(node.value) for node in ast.walk(tree))


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _own_statements(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.stmt]:
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            pending += ast.iter_child_nodes(node)


def _touches(node: ast.stmt, lines: set[int]) -> bool:
    return any(line in lines for line in range(node.lineno, (node.end_lineno or node.lineno) + 1))


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _value_span(source: Source, value: ast.expr) -> Span:
    return Span(source.ast_offset(value.lineno, value.col_offset), source.ast_offset(value.end_lineno or value.lineno, value.end_col_offset or 0))
