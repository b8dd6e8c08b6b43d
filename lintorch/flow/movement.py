"""May this expression move there? And the plan of all moves of a function that can be made together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

from lintorch.flow.dataflow import Chains
from lintorch.flow.effect import Effect, commute
from lintorch.flow.event import Binding, Definition, Event, Graph, Kind
from lintorch.flow.precedence import needs_parentheses
from lintorch.flow.segment import Segment
from lintorch.flow.temporary import Temporary
from lintorch.flow.tree import children
from lintorch.source.relocation import Patch, Relocation
from lintorch.source.text import Span


@dataclass(frozen=True, eq=False)
class Inlining:
    """A definition whose value can be evaluated where its only use stands, once `before` have been: those that stand between the two."""

    temporary: Temporary
    definition: Definition
    use: Event
    value: Span
    target: Span
    parenthesised: bool
    before: tuple[Inlining, ...] = ()


# Statements a value may move into. `assert` may be switched off, `del` evaluates nothing, compound statements repeat or skip.
_TARGETS = (cst.Return, cst.Assign, cst.AugAssign, cst.Expr)
_PINNED = (cst.Await, cst.Yield, cst.Lambda, cst.GeneratorExp, cst.StarredElement)
# Values that allocate; aliases, literals and displays are named for the reader's sake.
_COMPUTED = (cst.Call, cst.BinaryOperation, cst.UnaryOperation)


@dataclass
class _Target:
    """A statement, the events it has once the moves decided so far are made, and those moves as patches."""

    statement: cst.CSTNode
    events: list[Event]
    patches: list[Patch] = field(default_factory=list)
    moved: list[Inlining] = field(default_factory=list)
    roots: list[cst.CSTNode] = field(default_factory=list)  # the statement, and the values moved into it
    returned: cst.CSTNode | None = None  # what a return statement returns as a whole, once the moves are made


@dataclass(frozen=True)
class MovePlanner:
    """Plans the moves of one function. `effects` classifies events; `shared` tells names data flow cannot speak for."""

    segment: Segment
    graph: Graph
    chains: Chains
    effects: Callable[[Event], Effect]
    shared: Callable[[str], bool]
    line_length: int
    wanted: Collection[Temporary]

    @property
    def _augmented(self) -> set[cst.CSTNode]:
        """Names that an augmented assignment reads and binds: nothing can be put in their place."""
        return {node.target for node in self.graph.placements if isinstance(node, cst.AugAssign)}

    def plan(self) -> list[Inlining]:
        """Every inlining that fits its line, last statement first in each suite; all of them may be made together."""
        gone: frozenset[Definition] = frozenset()
        while True:
            # A name whose other bindings are moved away is bound once; what that allows belongs to the same plan, not to a second run.
            found = [inlining for suite in self._suites() for inlining in self._plan_suite(suite, gone)]
            moved = frozenset(inlining.definition for inlining in found)
            if moved <= gone:
                return found
            gone = moved

    def _suites(self) -> Iterable[Sequence[cst.CSTNode]]:
        return {id(placement.suite): placement.suite for placement in self.graph.placements.values()}.values()

    def _plan_suite(self, suite: Sequence[cst.CSTNode], gone: frozenset[Definition]) -> Iterator[Inlining]:
        target: _Target | None = None
        for line in reversed(suite):
            statement = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
            inlining = self._inline(statement, target, gone) if target is not None and isinstance(statement, cst.Assign) else None
            if inlining is not None:
                yield inlining
            else:
                target = self._as_target(statement)

    def _as_target(self, statement: cst.CSTNode | None) -> _Target | None:
        if not isinstance(statement, _TARGETS):
            return None
        first, last = self.graph.extents[statement]
        returned = statement.value if isinstance(statement, cst.Return) else None
        return _Target(statement, list(self.graph.events[first:last]), roots=[statement], returned=returned)

    def _inline(self, statement: cst.Assign, target: _Target, gone: frozenset[Definition]) -> Inlining | None:
        definition = self.single_definition(statement)
        use = self.only_use(definition) if definition else None
        if definition is None or use is None or use not in target.events:
            return None
        temporary = self._kind(definition, use, target, gone)
        if temporary is None or temporary not in self.wanted or not self.may_move(definition, use, target.events):
            return None
        return self._fit(temporary, definition, use, target)

    def single_definition(self, statement: cst.CSTNode) -> Definition | None:
        """The definition that a plain `name = value` makes."""
        first, last = self.graph.extents[statement]
        made = [self.graph.definitions[index] for index in range(first, last) if index in self.graph.definitions]
        return made[-1] if made and made[-1].binding is Binding.ASSIGNED and made[-1].statement is statement else None

    def only_use(self, definition: Definition) -> Event | None:
        """The use, where the definition has exactly one and that use sees no other definition."""
        uses = self.chains.uses.get(definition.event.at, ())
        if len(uses) != 1 or uses[0].kind is not Kind.LOAD or self.shared(definition.name):
            return None
        return uses[0] if self.chains.reaching[uses[0].at] == (definition,) else None

    def is_fresh(self, definition: Definition) -> bool:
        """Is no other definition of the name in force where this one is made?"""
        return not [other for other in self.chains.over[definition.event.at] if other is not definition]

    def _kind(self, definition: Definition, use: Event, target: _Target, gone: frozenset[Definition]) -> Temporary | None:
        if target.returned is use.node:
            return Temporary.RETURNED if self.is_fresh(definition) else Temporary.REBOUND
        if not isinstance(definition.value, _COMPUTED) or (isinstance(target.statement, cst.Assign) and target.statement.value is use.node):
            return None  # an alias, on either side, is there for the reader
        # `x = f(x); x = g(x)` frees what it rebinds as nesting would, and reads well; only names bound once are temporaries.
        bindings = {other for other in self.graph.definitions.values() if other.name == definition.name and other not in gone}
        return Temporary.SINGLE_USE if bindings <= {definition} else None

    def may_move(self, definition: Definition, use: Event, events: Sequence[Event]) -> bool:
        """May the value be evaluated at `use`, among `events` of the next statement, with every effect in its old order?"""
        assert definition.value is not None
        first, last = self.graph.extents[definition.value]
        moved = self.graph.events[first:last]
        before = events[: events.index(use)]
        if use.node in self._augmented or use.region is not definition.event.region or any(map(self._pinned, (*moved, *before))):
            return False
        return commute(map(self.effects, moved), map(self.effects, before))

    def _pinned(self, event: Event) -> bool:
        """Must the event stay where it is, whatever surrounds it? Suspensions, deferred code, and names bound within expressions."""
        binds = event.kind is Kind.STORE and self.graph.definitions[event.at].binding is Binding.WALRUS
        return binds or isinstance(event.node, _PINNED)

    def _fit(self, temporary: Temporary, definition: Definition, use: Event, target: _Target) -> Inlining | None:
        assert definition.value is not None
        value, place = self.segment.span(definition.value), self.segment.span(use.node)
        parent = next(filter(None, (_parent(use.node, root) for root in target.roots)), None)
        parenthesised = parent is not None and needs_parentheses(definition.value, use.node, parent)
        around = ("(", ")") if parenthesised else ("", "")
        patches = [*target.patches, Patch(place, moved=value, around=around)]
        if not self._keeps_comments(temporary, definition, target) or not self._one_line(target.statement, patches):
            return None
        target.patches = patches
        target.roots.append(definition.value)
        target.returned = definition.value if target.returned is use.node else target.returned
        first, last = self.graph.extents[definition.value]
        at = target.events.index(use)
        target.events[at : at + 1] = self.graph.events[first:last]
        inlining = Inlining(temporary, definition, use, value, place, parenthesised, tuple(target.moved))
        target.moved.append(inlining)
        return inlining

    def _one_line(self, statement: cst.CSTNode, patches: list[Patch]) -> bool:
        """Would the statement, with all moves into it made, stay one line that fits?"""
        source, span = self.segment.source, self.segment.span(statement)
        text = Relocation(source.text, patches).render(span).text
        line, column = source.position(span.start)
        rest = source.line(line)[column - 1 + span.end - span.start :].rstrip()  # a trailing comment
        return "\n" not in text and "\r" not in text and column - 1 + len(text) + len(rest) <= self.line_length

    def _keeps_comments(self, temporary: Temporary, definition: Definition, target: _Target) -> bool:
        """Would no comment be lost or come to stand above code it does not describe?"""
        text = self.segment.source.text
        assert definition.statement is not None
        own = self.segment.span(definition.statement)
        # Statements between the two are moves already decided; their comments were looked at then.
        next_line = self.graph.placements[definition.statement].following
        assert isinstance(next_line, cst.SimpleStatementLine)
        if text[own.end : self.segment.span(next_line.body[0]).start].strip():
            return False
        # What is said of a value that is returned holds for the return; what is said of a part does not hold for the whole.
        return temporary is not Temporary.SINGLE_USE or not self._comment_above(own)

    def _comment_above(self, span: Span) -> bool:
        source = self.segment.source
        line = source.position(span.start).line
        return line > 1 and source.line(line - 1).lstrip().startswith("#")


def _parent(node: cst.CSTNode, root: cst.CSTNode) -> cst.CSTNode | None:
    """The node under `root` that has `node` as a child."""
    pending = [root]
    while pending:
        parent = pending.pop()
        for child in children(parent):
            if child is node:
                return parent
            pending.append(child)
    return None
