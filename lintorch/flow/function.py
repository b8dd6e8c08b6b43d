"""Everything a rule can ask about one function, computed when first asked and shared by all rules."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from lintorch.flow.context import never_suppresses
from lintorch.flow.dataflow import Chains, chain
from lintorch.flow.effect import Effect, effect
from lintorch.flow.event import Binding, Definition, Event, Graph, Kind
from lintorch.flow.lowering import lower_function
from lintorch.flow.movement import Inlining, MovePlanner
from lintorch.flow.outliving import Outliving, outliving
from lintorch.flow.precedence import PRIMARY, strength
from lintorch.flow.purity import is_pure
from lintorch.flow.result import PAIR_MODULES, TupleResult, pair_function
from lintorch.flow.scope import SharedNames, shared_names
from lintorch.flow.segment import Segment, Unmappable, cut
from lintorch.flow.stability import Stability
from lintorch.flow.statement import Statement
from lintorch.flow.temporary import Temporary
from lintorch.flow.training import TrainingFlow
from lintorch.flow.tree import dotted_name, sole_statement
from lintorch.project.module import FunctionEntry, Module
from lintorch.project.nodes import nodes_under
from lintorch.project.project import Project
from lintorch.source.text import Span

# Python's own stack bounds how far callees can be asked about their callees.
_FARTHEST = 12


class FunctionFlow:
    """The flow of one function. `temporaries` are the kinds of inlinings that selected rules will apply together.

    Raises Unmappable (from `segment`, or when a place in the file is first asked for) where libcst cannot reproduce the function.
    """

    def __init__(
        self, entry: FunctionEntry, module: Module, project: Project, line_length: int = 88, temporaries: Collection[Temporary] = tuple(Temporary)
    ) -> None:
        self.entry, self.module, self.project = entry, module, project
        self.line_length, self.temporaries = line_length, temporaries
        self._distance = 0  # from the function that a rule asked about

    @cached_property
    def segment(self) -> Segment:
        """The function's own lines, parsed; raises Unmappable."""
        return cut(self.module.source, self.entry.node)

    @cached_property
    def shared(self) -> SharedNames:
        """The names that other scopes may see or change."""
        return shared_names(self.entry.node)

    @cached_property
    def graph(self) -> Graph:
        """Events in evaluation order, with their control flow."""
        return lower_function(self.segment.function, lambda manager: not never_suppresses(manager, self.qualify))

    @cached_property
    def chains(self) -> Chains:
        """Uses linked to the definitions they may see, and back."""
        return chain(self.graph)

    @cached_property
    def training(self) -> TrainingFlow:
        """What the function does with graphs over time."""
        return TrainingFlow(self)

    def of(self, entry: FunctionEntry) -> FunctionFlow:
        """The flow of another function of the project, remembered with it while one file is judged: a flow cannot say which files it has asked.

        Raises Unmappable at the end of a long chain of functions that ask each other.
        """
        session = self.project.consulted.session
        remembered: tuple[int, FunctionFlow] | None = entry.memo.get("flow")
        if remembered is None or remembered[0] != session:
            if self._distance == _FARTHEST:
                raise Unmappable
            other = FunctionFlow(entry, entry.module, self.project)
            other._distance = self._distance + 1
            remembered = (session, other)
            self.project.remember("flow", entry, remembered)
        return remembered[1]

    # Names

    @cached_property
    def local_names(self) -> frozenset[str]:
        """Every name bound anywhere in the function."""
        parameters = (node.arg for node in nodes_under(self.entry.node.args) if isinstance(node, ast.arg))
        stored = (node.id for node in nodes_under(self.entry.node) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        return frozenset((*parameters, *stored))

    def qualify(self, node: cst.BaseExpression) -> str | None:
        """The absolute dotted name of a name or attribute chain that does not begin with a local name."""
        dotted = dotted_name(node)
        if dotted is None or dotted.partition(".")[0] in self.local_names:
            return None
        return self.module.qualify(dotted)

    @cached_property
    def _loaded(self) -> frozenset[str]:
        return frozenset(event.name for event in self.graph.events if event.kind in (Kind.LOAD, Kind.DELETE))

    def is_read(self, name: str) -> bool:
        """Is `name` read anywhere in the function, or may another scope read it?"""
        return name in self._loaded or self.shared.has(name)

    # Definitions

    @cached_property
    def assignments(self) -> tuple[Definition, ...]:
        """Plain `name = value` on lines of their own, of names that only this function's statements can see."""
        return tuple(
            definition
            for definition in self.graph.definitions.values()
            if definition.binding is Binding.ASSIGNED and self.statement(definition) is not None and not self.shared.has(definition.name)
        )

    def is_dead(self, definition: Definition) -> bool:
        """Does no path read the name before it is bound again or the function ends?"""
        return self.chains.dead(definition) and not self.shared.has(definition.name)

    def is_overwritten(self, definition: Definition) -> bool:
        """Does another binding of the name follow on some path?"""
        others = (self.chains.over[index] for index, other in self.graph.definitions.items() if other is not definition)
        return any(definition in over for over in others)

    def is_bound_before(self, definition: Definition) -> bool:
        """May the name have a value where this definition is made?"""
        return bool(self.chains.over[definition.event.at])

    def events_of(self, value: cst.CSTNode) -> tuple[Event, ...]:
        """The events of an expression or small statement, in order."""
        first, last = self.graph.extents[value]
        return self.graph.events[first:last]

    def is_pure(self, definition: Definition) -> bool:
        """Has the evaluation of the bound value no effect that anybody could observe?"""
        return definition.value is not None and all(is_pure(event, self.qualify) for event in self.events_of(definition.value))

    def is_call(self, definition: Definition) -> bool:
        """Is the bound value one call, awaited or not?"""
        return isinstance(definition.value, cst.Call | cst.Await)

    def is_self_assignment(self, definition: Definition) -> bool:
        """Is the bound value the bare name itself, without parentheses?"""
        value = definition.value
        return isinstance(value, cst.Name) and value.value == definition.name and not value.lpar

    # Movement

    @cached_property
    def _stability(self) -> Stability:
        callees = [event.node for event in self.graph.events if event.kind is Kind.CALL]
        return Stability(self.entry, self.module, self.project, self.qualify, callees)

    def effect(self, event: Event) -> Effect:
        """The part an event takes in the order of effects."""
        return effect(event, self._stability.is_stable)

    @cached_property
    def _planner(self) -> MovePlanner:
        return MovePlanner(self.segment, self.graph, self.chains, self.effect, self.shared.has, self.line_length, self.temporaries)

    @cached_property
    def inlinings(self) -> tuple[Inlining, ...]:
        """All moves of a name's value to its only use that can be made together."""
        return tuple(self._planner.plan())

    @cached_property
    def returned_from_with(self) -> tuple[ReturnedFromWith, ...]:
        """Fresh names bound last in a with suite only to be returned right behind it; the managers let every exception through."""
        nodes = ((node, placement.following) for node, placement in self.graph.placements.items() if isinstance(node, cst.With))
        return tuple(found for node, following in nodes if (found := self._bound_and_returned(node, following)) is not None)

    def _bound_and_returned(self, node: cst.With, following: cst.CSTNode | None) -> ReturnedFromWith | None:
        returned, last = sole_statement(following), _last_statement(node)
        if not isinstance(returned, cst.Return) or not isinstance(last, cst.Assign) or Temporary.RETURNED not in self.temporaries:
            return None
        definition = self._planner.single_definition(last)
        use = self._planner.only_use(definition) if definition else None
        if definition is None or use is None or use.node is not returned.value or not self._planner.is_fresh(definition):
            return None
        if not all(never_suppresses(item.item, self.qualify) for item in node.items) or not self._can_return_there(definition, returned):
            return None
        statement = self.statement(returned)
        return ReturnedFromWith(definition, self.span(last.value), statement) if statement is not None else None

    def _can_return_there(self, definition: Definition, returned: cst.Return) -> bool:
        """Do the two statements carry no comment, and does `return value` fit the line of the definition?"""
        assert isinstance(definition.statement, cst.Assign)
        start, end = self.span(definition.statement).start, self.span(returned).end
        between = self.module.source.text[self.span(definition.statement).end : self.span(returned).start]
        value = self.text(definition.statement.value)
        width = self.module.source.position(start).column - 1 + len("return ") + len(value)
        one_line = "\n" not in value and "\r" not in value and width <= self.line_length
        return one_line and not between.strip() and not self.has_comment(returned) and end > start

    @cached_property
    def outliving(self) -> tuple[Outliving, ...]:
        """Names that hold a value beyond its last use while later operations run."""
        return tuple(outliving(self))

    # Results

    @cached_property
    def unpacked_pairs(self) -> tuple[UnpackedPair, ...]:
        """Calls known to return a pair that are unpacked into two names of which exactly one is read."""
        statements = [node for node in self.graph.placements if isinstance(node, cst.Assign)]
        return tuple(found for node in statements if (found := self._unpacked_pair(node)) is not None)

    def _unpacked_pair(self, node: cst.Assign) -> UnpackedPair | None:
        first, last = self.graph.extents[node]
        bound = [self.graph.definitions[index] for index in range(first, last) if index in self.graph.definitions]
        result = self.tuple_result(node.value)
        if result is None or len(node.targets) != 1 or len(bound) != result.length or any(made.binding is not Binding.UNPACKED for made in bound):
            return None
        unused = [made for made in bound if self.is_dead(made)]
        if len(unused) != 1 or self.statement(node) is None or bound[0].name == bound[1].name:
            return None
        used = bound[1] if unused[0] is bound[0] else bound[0]
        return UnpackedPair(unused[0], used.name, bound.index(used), self.span(node.targets[0].target), self.span(node.value), result.evidence)

    # Results

    def tuple_result(self, value: cst.BaseExpression) -> TupleResult | None:
        """The tuple a call is known to return."""
        if not isinstance(value, cst.Call):
            return None
        name = self.qualify(value.func)
        if name is not None:
            keywords = frozenset(arg.keyword.value for arg in value.args if arg.keyword is not None)
            return pair_function(name, keywords)
        return self._pair_module(value.func)

    def _pair_module(self, callee: cst.BaseExpression) -> TupleResult | None:
        dotted = dotted_name(callee)
        owner = self.entry.owner
        if owner is None or dotted is None or not dotted.startswith("self.") or dotted.count(".") != 1:
            return None
        stores = self.project.attribute_stores(owner).get(dotted[len("self.") :], ())
        made = {self.module.qualify(store.value.func) if isinstance(store.value, ast.Call) else None for store in stores}
        if len(made) != 1 or not made <= PAIR_MODULES:
            return None
        line = stores[0].value.lineno if stores[0].value is not None else 0
        return TupleResult(2, f"{dotted} is {made.pop()} (line {line})")

    # Places in the file

    def span(self, node: cst.CSTNode) -> Span:
        """Where a node stands in the file."""
        return self.segment.span(node)

    def value_span(self, definition: Definition) -> Span:
        """Where the bound value of a plain assignment stands."""
        assert definition.value is not None
        return self.span(definition.value)

    def text(self, node: cst.CSTNode) -> str:
        """The file's text of a node."""
        return self.segment.text(node)

    def detached(self, node: cst.BaseExpression) -> str:
        """The text of `node.detach()`, with parentheses where they are needed."""
        text = self.text(node)
        return f"{text}.detach()" if strength(node) >= PRIMARY else f"({text}).detach()"

    def short(self, node: cst.CSTNode) -> str:
        """The text of a node on one line, cut where it is long."""
        text = " ".join(self.text(node).split())
        return text if len(text) <= 40 else f"{text[:37]}..."

    def line(self, node: cst.CSTNode) -> int:
        """The 1-based line a node begins on."""
        return self.segment.line(node)

    def statement_span(self, node: cst.CSTNode) -> Span:
        """Where the small statement around an expression stands; the expression itself in the header of a compound statement."""
        around: cst.CSTNode | None = node
        while around is not None and not isinstance(around, cst.BaseSmallStatement):
            around = self.training.parents.get(around)
        return self.span(around if around is not None else node)

    def statement(self, what: Definition | cst.CSTNode) -> Statement | None:
        """The simple statement of a definition (or the statement itself), where it has its lines for itself."""
        node = what.statement if isinstance(what, Definition) else what
        placement = self.graph.placements.get(node) if node is not None else None
        if node is None or placement is None or not placement.alone:
            return None
        suite = Span(self.span(placement.suite[0]).start, self.span(placement.suite[-1]).end)
        return Statement(self.span(node), suite, len(placement.suite))

    def own_statement(self, definition: Definition) -> Statement:
        """The statement of a definition that is known to stand alone (those of `assignments`, `inlinings` and `returned_from_with`)."""
        statement = self.statement(definition)
        assert statement is not None
        return statement

    def has_comment(self, what: Definition | cst.CSTNode) -> bool:
        """Is there a comment behind the statement, on its last line?"""
        node = what.statement if isinstance(what, Definition) else what
        assert node is not None
        span = self.span(node)
        line = self.module.source.line_span(self.module.source.position(span.end).line)
        return bool(self.module.source.text[span.end : line.end].strip())


@dataclass(frozen=True)
class ReturnedFromWith:
    """A definition that ends a with suite, the span of its value, and the return behind the suite."""

    definition: Definition
    value: Span
    statement: Statement


@dataclass(frozen=True)
class UnpackedPair:
    """`used, unused = call()`: which of the two is read, where the targets and the call stand, and why the call returns a pair."""

    unused: Definition
    used: str
    used_index: int
    targets: Span
    value: Span
    evidence: str


def _last_statement(node: cst.With) -> cst.CSTNode | None:
    return sole_statement(node.body.body[-1]) if isinstance(node.body, cst.IndentedBlock) else None
