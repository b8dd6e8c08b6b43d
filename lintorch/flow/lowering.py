"""Statements and their control flow (language reference, chapters 7 and 8)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from lintorch.flow.evaluation import ExpressionLowering
from lintorch.flow.event import Binding, Graph, Kind, Placement, RegionKind

# May the manager made by this expression swallow an exception of its body?
MaySuppress = Callable[[cst.BaseExpression], bool]


@dataclass
class _Finally:
    """A finally suite under way: where it begins, and where control goes behind it."""

    entry: int
    exits: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class _Loop:
    head: int
    after: int
    finals: int  # how many finally suites were open when the loop began


class Lowering(ExpressionLowering):
    """Turns statements into events and edges. One method per kind of statement."""

    def __init__(self, root: cst.CSTNode, may_suppress: MaySuppress) -> None:
        super().__init__(root)
        self.may_suppress = may_suppress
        self.loops: list[_Loop] = []
        self.finals: list[_Finally] = []

    def suite(self, body: cst.CSTNode) -> None:
        """The statements of an indented block, of a one-line suite, or of a module."""
        if isinstance(body, cst.SimpleStatementSuite):
            for small in body.body:
                self.small_statement(small)
            return
        assert isinstance(body, cst.IndentedBlock | cst.Module)
        self.statements(body.body)

    def statements(self, body: Sequence[cst.CSTNode]) -> None:
        """The statements of a suite, each with its placement."""
        whole = tuple(body)
        for index, statement in enumerate(whole):
            alone = isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1
            self.placements[statement] = Placement(whole, index, alone, self.region)
            if isinstance(statement, cst.SimpleStatementLine):
                for small in statement.body:
                    self.placements[small] = self.placements[statement]
                    self.small_statement(small)
            else:
                self.compound_statement(statement)

    def small_statement(self, node: cst.CSTNode) -> None:
        """A statement that holds no others."""
        first = len(self.events)
        method = _SMALL.get(type(node))
        if method is not None:
            method(self, node)
        self.extents[node] = (first, len(self.events))

    def compound_statement(self, node: cst.CSTNode) -> None:
        """A statement with suites of its own."""
        method = _COMPOUND.get(type(node))
        if method is not None:
            method(self, node)

    def _leave(self, target: int, depth: int) -> None:
        """Go to `target`, through the finally suites opened since there were `depth` of them."""
        pending = self.finals[depth:]
        for outer, inner in itertools.pairwise(pending):
            inner.exits.add(outer.entry)
        if pending:
            pending[0].exits.add(target)
        self.jump(pending[-1].entry if pending else target)

    # Small statements

    def _expression(self, node: cst.Expr) -> None:
        self.evaluate(node.value)

    def _assign(self, node: cst.Assign) -> None:
        self.evaluate(node.value)
        binding = Binding.ASSIGNED if len(node.targets) == 1 else Binding.CHAINED
        for target in node.targets:
            self.bind(target.target, binding, node.value, node)

    def _annotated(self, node: cst.AnnAssign) -> None:
        if node.value is not None:
            self.evaluate(node.value)
            self.bind(node.target, Binding.ANNOTATED, node.value, node)

    def _augmented(self, node: cst.AugAssign) -> None:
        target = node.target
        if isinstance(target, cst.Attribute | cst.Subscript):
            self.evaluate(target)
            self.evaluate(node.value)
            self.emit(Kind.OPERATE, node)
            self.emit(Kind.SET_ATTRIBUTE if isinstance(target, cst.Attribute) else Kind.SET_ITEM, target, _attribute_name(target))
        else:
            self.evaluate(target)
            self.evaluate(node.value)
            self.emit(Kind.OPERATE, node)
            self.bind(target, Binding.AUGMENTED, node.value, node)

    def _return(self, node: cst.Return) -> None:
        if node.value is not None:
            self.evaluate(node.value)
        self.emit(Kind.RETURN, node)
        self._leave(self.exit, 0)

    def _raise(self, node: cst.Raise) -> None:
        if node.exc is not None:
            self.evaluate(node.exc)
        if node.cause is not None:
            self.evaluate(node.cause.item)
        self.emit(Kind.RAISE, node)
        self.jump(self.landings[-1] if self.landings else self.exit)

    def _assert(self, node: cst.Assert) -> None:
        self.evaluate(node.test)
        self.emit(Kind.TEST, node)
        if node.msg is not None:
            self._on_condition(node, node.msg)
        self.emit(Kind.RAISE, node)

    def _delete(self, node: cst.Del) -> None:
        self._unbind(node.target)

    def _unbind(self, target: cst.CSTNode) -> None:
        if isinstance(target, cst.Name):
            self.emit(Kind.DELETE, target, self.resolve(target.value))
        elif isinstance(target, cst.Tuple | cst.List):
            for element in target.elements:
                self._unbind(element.value)
        else:
            self.bind(target, Binding.ASSIGNED)

    def _break(self, node: cst.Break) -> None:
        if self.loops:
            self._leave(self.loops[-1].after, self.loops[-1].finals)

    def _continue(self, node: cst.Continue) -> None:
        if self.loops:
            self._leave(self.loops[-1].head, self.loops[-1].finals)

    def _import(self, node: cst.Import | cst.ImportFrom) -> None:
        self.emit(Kind.IMPORT, node)
        if isinstance(node.names, cst.ImportStar):
            return
        for alias in node.names:
            name = alias.asname.name if alias.asname else _first_name(alias.name)
            if isinstance(name, cst.Name):
                self.define(name.value, name, Binding.IMPORT, None, node)

    # Compound statements

    def _if(self, node: cst.If) -> None:
        self.evaluate(node.test)
        self.emit(Kind.TEST, node)
        before, ends = self.block, []
        for branch in (node.body, node.orelse):
            with self.inside(RegionKind.BRANCH, node):
                self.begin(before)
                self._branch(branch)
                ends.append(self.block)
        self.begin(*ends)

    def _branch(self, branch: cst.CSTNode | None) -> None:
        if isinstance(branch, cst.If):
            self.compound_statement(branch)
        elif isinstance(branch, cst.Else):
            self.suite(branch.body)
        elif branch is not None:
            self.suite(branch)

    def _while(self, node: cst.While) -> None:
        before, after = self.block, self.new_block()
        with self.inside(RegionKind.LOOP, node):
            head = self.begin(before)
            self.evaluate(node.test)
            self.emit(Kind.TEST, node)
            tested = self.block
            self.begin(tested)
            self._loop_body(node.body, head, after)
        self._loop_end(node, () if _always_true(node.test) else (tested,), after)

    def _for(self, node: cst.For) -> None:
        self.evaluate(node.iter)
        before, after = self.block, self.new_block()
        with self.inside(RegionKind.LOOP, node):
            head = self.begin(before)
            self.emit(Kind.ITERATE, node)
            self.begin(head)
            self.bind(node.target, Binding.LOOP)
            self._loop_body(node.body, head, after)
        self._loop_end(node, (head,), after)

    def _loop_body(self, body: cst.CSTNode, head: int, after: int) -> None:
        self.loops.append(_Loop(head, after, len(self.finals)))
        self.suite(body)
        self.edge(self.block, head)
        self.loops.pop()

    def _loop_end(self, node: cst.For | cst.While, exhausted: Iterable[int], after: int) -> None:
        self.begin(*exhausted)
        if node.orelse is not None:
            with self.inside(RegionKind.BRANCH, node):
                self.suite(node.orelse.body)
        self.edge(self.block, after)
        self.begin(after)

    def _try(self, node: cst.Try | cst.TryStar) -> None:
        final = self._open_finally(node)
        landing = self._entry() if node.handlers else None
        if landing is not None:
            with self.landing(landing):
                self._protected(node)
        else:
            self._protected(node)
        if node.orelse is not None:
            with self.inside(RegionKind.TRY, node):
                self.suite(node.orelse.body)
        ends = [self.block, *self._handlers(node, landing)]
        self._close_finally(node, final, ends)

    def _entry(self) -> int:
        """A block that exceptions lead to; it leads on to where they would land unhandled."""
        block = self.new_block()
        self.edge(block, self.landings[-1] if self.landings else self.exit)
        return block

    def _protected(self, node: cst.Try | cst.TryStar) -> None:
        with self.inside(RegionKind.TRY, node):
            self.suite(node.body)

    def _handlers(self, node: cst.Try | cst.TryStar, landing: int | None) -> list[int]:
        ends = []
        for handler in node.handlers:
            assert landing is not None
            with self.inside(RegionKind.HANDLER, handler):
                self.begin(landing)
                if handler.type is not None:
                    self.evaluate(handler.type)
                if handler.name is not None:
                    self.bind(handler.name.name, Binding.EXCEPTION)
                self.suite(handler.body)
                ends.append(self.block)
        return ends

    def _open_finally(self, node: cst.Try | cst.TryStar) -> _Finally | None:
        if node.finalbody is None:
            return None
        final = _Finally(self._entry())
        self.finals.append(final)
        self.landings.append(final.entry)
        self.edge(self.block, final.entry)
        self.begin(self.block)
        return final

    def _close_finally(self, node: cst.Try | cst.TryStar, final: _Finally | None, ends: list[int]) -> None:
        if final is None:
            self.begin(*ends)
            return
        self.finals.pop()
        self.landings.pop()
        assert node.finalbody is not None
        with self.inside(RegionKind.FINALLY, node):
            self.begin(final.entry, *ends)
            self.suite(node.finalbody.body)
        for target in (*final.exits, self.landings[-1] if self.landings else self.exit):
            self.edge(self.block, target)
        self.begin(self.block)

    def _with(self, node: cst.With) -> None:
        suppresses = any(self.may_suppress(item.item) for item in node.items)
        for item in node.items:
            self.evaluate(item.item)
            self.emit(Kind.ENTER, item)
            if item.asname is not None:
                self.bind(item.asname.name, Binding.CONTEXT)
        after = self._entry()
        with self.inside(RegionKind.WITH, node):
            if suppresses:
                with self.landing(after):
                    self.suite(node.body)
            else:
                self.begin(self.block)
                self.suite(node.body)
            self.emit(Kind.EXIT, node)
        self.begin(self.block, *((after,) if suppresses else ()))

    def _match(self, node: cst.Match) -> None:
        self.evaluate(node.subject)
        ends = []
        for case in node.cases:
            self.emit(Kind.TEST, case)
            before = self.block
            with self.inside(RegionKind.BRANCH, case):
                self.begin(before)
                for name in _pattern_names(case.pattern):
                    self.define(name.value, name, Binding.MATCH)
                if case.guard is not None:
                    self.evaluate(case.guard)
                    before_guard, before = self.block, self.new_block()
                    self.edge(before_guard, before)
                    self.begin(before_guard)
                self.suite(case.body)
                ends.append(self.block)
            self.begin(before)
        self.begin(self.block, *ends)

    def _function(self, node: cst.FunctionDef) -> None:
        for decorator in node.decorators:
            self.evaluate(decorator.decorator)
        self.parameter_defaults(node.params)
        self.emit(Kind.CAPTURE, node)
        self.define(node.name.value, node, Binding.NESTED)

    def _class(self, node: cst.ClassDef) -> None:
        for decorator in node.decorators:
            self.evaluate(decorator.decorator)
        for arg in (*node.bases, *node.keywords):
            self.evaluate(arg.value)
        self.emit(Kind.CAPTURE, node)
        self.define(node.name.value, node, Binding.NESTED)


def lower_function(function: cst.FunctionDef | cst.Module, may_suppress: MaySuppress) -> Graph:
    """The graph of a function's body, parameters bound before its first event, or of a module's own statements."""
    lowering = Lowering(function, may_suppress)
    if isinstance(function, cst.Module):
        lowering.suite(function)
        return lowering.finish()
    for parameter in _parameters(function.params):
        lowering.define(parameter.name.value, parameter, Binding.PARAMETER)
    lowering.suite(function.body)
    return lowering.finish()


def _parameters(parameters: cst.Parameters) -> list[cst.Param]:
    stars = [star for star in (parameters.star_arg, parameters.star_kwarg) if isinstance(star, cst.Param)]
    return [*parameters.posonly_params, *parameters.params, *parameters.kwonly_params, *stars]


def _attribute_name(target: cst.CSTNode) -> str:
    return target.attr.value if isinstance(target, cst.Attribute) else ""


def _first_name(name: cst.BaseExpression) -> cst.BaseExpression:
    while isinstance(name, cst.Attribute):
        name = name.value
    return name


def _always_true(test: cst.BaseExpression) -> bool:
    return (isinstance(test, cst.Name) and test.value == "True") or (isinstance(test, cst.Integer) and test.value != "0")


def _pattern_names(pattern: cst.CSTNode) -> list[cst.Name]:
    """The names a pattern binds, in order."""
    if isinstance(pattern, cst.MatchAs | cst.MatchStar):
        inner = _pattern_names(pattern.pattern) if isinstance(pattern, cst.MatchAs) and pattern.pattern is not None else []
        return inner + ([pattern.name] if isinstance(pattern.name, cst.Name) else [])
    names = [pattern.rest] if isinstance(pattern, cst.MatchMapping) and isinstance(pattern.rest, cst.Name) else []
    parts: list[Any] = [*getattr(pattern, "patterns", ()), *getattr(pattern, "elements", ()), *getattr(pattern, "kwds", ())]
    for part in parts:
        inner_pattern = getattr(part, "pattern", None) if not isinstance(part, cst.MatchAs | cst.MatchStar) else part
        inner_pattern = getattr(part, "value", None) if inner_pattern is None else inner_pattern
        if inner_pattern is not None:
            names += _pattern_names(inner_pattern)
    return names


_SMALL: dict[type[cst.CSTNode], Callable[[Lowering, Any], None]] = {
    cst.Expr: Lowering._expression,
    cst.Assign: Lowering._assign,
    cst.AnnAssign: Lowering._annotated,
    cst.AugAssign: Lowering._augmented,
    cst.Return: Lowering._return,
    cst.Raise: Lowering._raise,
    cst.Assert: Lowering._assert,
    cst.Del: Lowering._delete,
    cst.Break: Lowering._break,
    cst.Continue: Lowering._continue,
    cst.Import: Lowering._import,
    cst.ImportFrom: Lowering._import,
}

_COMPOUND: dict[type[cst.CSTNode], Callable[[Lowering, Any], None]] = {
    cst.If: Lowering._if,
    cst.While: Lowering._while,
    cst.For: Lowering._for,
    cst.Try: Lowering._try,
    cst.TryStar: Lowering._try,
    cst.With: Lowering._with,
    cst.Match: Lowering._match,
    cst.FunctionDef: Lowering._function,
    cst.ClassDef: Lowering._class,
}
