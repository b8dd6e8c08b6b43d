"""Judging one file: from its text to the findings that its selection of rules has about it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from lintorch.catalogue import Catalogue, RegisteredRule, best_fit, fit
from lintorch.engine.comments import ALL_COMMENTS, UNUSED_CODE, Comments
from lintorch.flow.gate import seeds
from lintorch.flow.training_gate import drives
from lintorch.garbage import keep, settle
from lintorch.rule import Finding, Measurement, Rule, Scope, Severity
from lintorch.settings import Settings
from lintorch.source.parse import parse
from lintorch.source.text import Position, Source

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow
    from lintorch.flow.temporary import Temporary
    from lintorch.project.consulted import Seen
    from lintorch.project.module import FunctionEntry, Module
    from lintorch.project.project import Project

_TORCH = re.compile(rb"^[ \t]*(?:from|import)[ \t][^#\n]*(?:torch|lightning|accelerate|transformers)", re.MULTILINE)
# Frameworks whose training looks like torch's.
_OTHER_FRAMEWORK = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(?:mxnet|paddle|mindspore|oneflow|chainer|tinygrad|jittor|tensorflow|jax)\b", re.MULTILINE)


@dataclass(frozen=True)
class Judged:
    """A finding and the class (or free function) whose rewrite its fix is part of."""

    finding: Finding
    group: str


@dataclass(frozen=True)
class Analysis:
    """What the rules say about one text of a file, sorted by place, suppressed findings left out."""

    source: Source
    judged: tuple[Judged, ...] = ()
    withheld: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[str, ...] = ()


class Checker:
    """Judges files, keeping the projects it has read for the files that follow; what it looked at is kept in `seen` where somebody will clear it."""

    def __init__(self, catalogue: Catalogue, *, tells_seen: bool = False) -> None:
        self._catalogue, self._tells_seen = catalogue, tells_seen
        self.seen: set[Seen] = set()  # what was looked at in other files since somebody cleared it
        self._projects: dict[Path, Project] = {}
        self._selected: dict[int, tuple[Settings, tuple[RegisteredRule, ...]]] = {}

    def analyse(
        self,
        source: Source,
        settings: Settings,
        tree: ast.Module | None = None,
        only: str | None = None,
        comments: str = ALL_COMMENTS,
        measuring: bool = False,
        lines: tuple[int, int] | None = None,
    ) -> Analysis:
        """Judge one text; `only` limits it to one class or free function, `lines` to the functions that begin and end within them.

        Raises SourceError where the text cannot be parsed.
        `measuring` asks for the findings that a measurement must confirm, and for no others; otherwise they are withheld and counted.
        `comments` says which suppressions count: all, or those that a running flake8 does not look after itself.
        """
        analysis = self._analysis(source, settings, tree or parse(source), _Part(only, lines), comments, measuring)
        return self._with_unused(analysis, settings, comments) if settings.unused_ignores and not (measuring or only or lines) else analysis

    def _analysis(self, source: Source, settings: Settings, tree: ast.Module, part: _Part, comments: str, measuring: bool) -> Analysis:
        rules = self.rules(settings, source.path)
        if not rules or not _may_hold_findings(source, rules):
            return Analysis(source)
        project = self._project(source.path)
        project.consulted.begin()
        module = project.load(source, tree)
        keep()
        if measuring:
            rules = tuple(registered for registered in rules if registered.rule.needs is Measurement.PEAK)
        analysis = _Pass(source, settings, project, module, part).run(rules, Comments(source, rules, comments), measuring)
        if self._tells_seen:
            self.seen |= project.consulted.seen()
        project.forget()
        settle()
        return analysis

    def _with_unused(self, analysis: Analysis, settings: Settings, honoured: str) -> Analysis:
        """Beside the findings the comments that silence none. Rules spare what a comment would be lost from, so they are asked in its absence."""
        source = analysis.source
        comments = Comments(source, self.rules(settings, source.path), honoured)
        bare = comments.absent()
        if bare is source:
            return analysis
        found = self._analysis(bare, settings, parse(bare), _Part(), honoured, measuring=False)
        idle = (Judged(finding, UNUSED_CODE) for finding in comments.unused(found, self._catalogue))
        return replace(analysis, judged=tuple(_ordered([*analysis.judged, *idle])))

    def rules(self, settings: Settings, path: Path) -> tuple[RegisteredRule, ...]:
        """The rules these settings switch on for that file; raises UsageError for an unknown code."""
        # Settings hold mappings, so they cannot be hashed; the stored reference keeps the identity from being used again.
        known = self._selected.get(id(settings))
        if known is None:
            known = self._selected[id(settings)] = (settings, self._catalogue.select(settings))
        ignored = [code for pattern, codes in settings.per_file_ignores.items() if matches(pattern, path, settings.root) for code in codes]
        return tuple(registered for registered in known[1] if best_fit(ignored, registered) is None)

    def _project(self, path: Path) -> Project:
        from lintorch.project.project import Project

        folder = path.absolute().parent
        if folder not in self._projects:
            found = Project.around(path.absolute())
            self._projects[folder] = next((known for known in self._projects.values() if known.root == found.root), found)
        return self._projects[folder]


def matches(pattern: str, path: Path, root: Path) -> bool:
    """Does a file fit a pattern: its name, or its path from the folder that patterns are relative to?"""
    if "/" not in pattern:
        return fnmatch(path.name, pattern)
    full = path.absolute().as_posix()
    return fnmatch(full, (root.absolute() / pattern).as_posix())


def _may_hold_findings(source: Source, rules: Iterable[RegisteredRule]) -> bool:
    """A look at the bytes: rules about modules need a class; the others need torch, backward or eval to be named, and not another framework's."""
    if _OTHER_FRAMEWORK.search(source.raw) and not _TORCH.search(source.raw):
        return False
    return any(
        b"class" in source.raw
        if registered.rule.scope in (Scope.FORWARD, Scope.CLASS)
        else any(word in source.raw for word in (b"torch", b"backward", b".eval()"))
        for registered in rules
    )


@dataclass(frozen=True)
class _Part:
    """The part of a file that is judged: one class or free function, or the functions within some lines, or (neither) all of it."""

    only: str | None = None
    lines: tuple[int, int] | None = None

    def holds(self, entry: FunctionEntry, module: Module) -> bool:
        if self.lines is not None and not self.lines[0] <= entry.node.lineno <= (entry.node.end_lineno or 0) <= self.lines[1]:
            return False
        return self.only is None or group_of(entry, module) == self.only


@dataclass
class _Pass:
    """One pass of the rules over one module."""

    source: Source
    settings: Settings
    project: Project
    module: Module
    part: _Part
    findings: list[Judged] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def run(self, rules: tuple[RegisteredRule, ...], comments: Comments, measuring: bool) -> Analysis:
        for entry, scopes in self._entries({registered.rule.scope for registered in rules}):
            self._judge(entry, [registered.rule for registered in rules if registered.rule.scope in scopes])
        needs = {registered.code for registered in rules if registered.rule.needs is not Measurement.NONE and not measuring}
        kept = comments.unsuppressed(_ordered(self.findings))
        kept = [self._weighed(judged, rules) for judged in kept]
        withheld = Counter(judged.finding.code for judged in kept if judged.finding.code in needs)
        return Analysis(self.source, tuple(judged for judged in kept if judged.finding.code not in needs), withheld, tuple(self.failures))

    def _weighed(self, judged: Judged, rules: Iterable[RegisteredRule]) -> Judged:
        """The finding with the severity that the settings give its rule; the longest selector that fits decides."""
        registered = next((one for one in rules if one.code == judged.finding.code), None)
        fitting = [(close, name) for name in self.settings.severity if registered and (close := fit(name, registered)) is not None]
        if not fitting:
            return judged
        return replace(judged, finding=replace(judged.finding, severity=Severity(self.settings.severity[max(fitting)[1]])))

    def _entries(self, scopes: set[Scope]) -> Iterator[tuple[FunctionEntry, set[Scope]]]:
        """The functions that some scope asks for, each once, in the order of the file."""
        asked: dict[int, tuple[FunctionEntry, set[Scope]]] = {}
        for scope in scopes:
            for entry in self._judged_by(scope):
                if self.part.holds(entry, self.module):
                    asked.setdefault(id(entry.node), (entry, set()))[1].add(scope)
        yield from sorted(asked.values(), key=lambda item: item[0].node.lineno)

    def _judged_by(self, scope: Scope) -> Iterable[FunctionEntry]:
        if scope is Scope.FORWARD:
            return self.project.judged_methods(self.module)
        functions = self.module.functions.values()
        if scope in (Scope.TRAINING, Scope.EVERYWHERE):
            return (*functions, self.module.script)
        return (entry for entry in functions if entry.owner and self.project.module_evidence(entry.owner))

    def _judge(self, entry: FunctionEntry, rules: list[Rule]) -> None:
        """Ask each rule whose seed the function holds; flow is built only if there is one."""
        temporaries = frozenset(rule.temporary for rule in rules if rule.temporary is not None)
        if self._only_computes(entry):
            rules = [rule for rule in rules if rule.scope is not Scope.TRAINING]
        held = seeds(entry, frozenset().union(*(rule.seeds for rule in rules)))
        wanted = [rule for rule in rules if not rule.seeds or rule.seeds & held]
        if wanted:
            flow = self._flow(entry, temporaries)
            for rule in wanted:
                self._ask(rule, entry, flow)

    def _only_computes(self, entry: FunctionEntry) -> bool:
        """Is it a method that computes a module's forward and no more? Rules about training leave it alone: whoever calls it decides about its graphs."""
        return entry.owner is not None and not drives(entry) and self.project.module_evidence(entry.owner) is not None

    def _flow(self, entry: FunctionEntry, temporaries: frozenset[Temporary]) -> FunctionFlow:
        from lintorch.flow.function import FunctionFlow  # late: brings libcst

        return FunctionFlow(entry, self.module, self.project, self.settings.line_length, temporaries)

    def _ask(self, rule: Rule, entry: FunctionEntry, flow: FunctionFlow) -> None:
        from lintorch.flow.segment import Unmappable

        try:
            self.findings += [Judged(finding, group_of(entry, self.module)) for finding in rule.check(flow)]
        except (Unmappable, RecursionError):
            # Nothing is known about a function that libcst cannot reproduce, whose callees call each other without end, or whose values
            # are made from each other in a longer chain than Python follows.
            pass
        except Exception as error:  # noqa: BLE001 - one rule on one function must not cost the others
            self._fail(rule.code, entry, error)

    def _fail(self, what: str, entry: FunctionEntry, error: Exception) -> None:
        cell, line = self.source.cell(entry.node.lineno), self.source.shown(Position(entry.node.lineno, 1)).line
        place = f"{self.source.path}:{f'cell {cell}:' if cell else ''}{line}"
        detail = " ".join(f"{type(error).__name__}: {error}".split())
        self.failures.append(f"{place}: internal error: {what} failed on {entry.qualname} ({detail}); please report it, everything else was checked")


def group_of(entry: FunctionEntry, module: Module) -> str:
    """The class a function belongs to, else the outermost free function it stands in."""
    if entry.owner is not None:
        return entry.owner.qualname
    parts = entry.qualname.split(".")
    prefixes = [".".join(parts[:size]) for size in range(len(parts) - 1, 0, -1)]
    return next((prefix for prefix in prefixes if prefix in module.classes), parts[0])


def _ordered(findings: Iterable[Judged]) -> list[Judged]:
    """Sorted by place and code, one finding a code and place."""
    unique = {(judged.finding.span, judged.finding.code): judged for judged in findings}
    return [unique[key] for key in sorted(unique)]
