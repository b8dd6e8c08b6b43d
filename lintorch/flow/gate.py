"""Which functions are worth parsing by libcst: cheap facts about the ast, each implied by what some rule looks for.

A seed may be there without a finding, never the other way round; a test with the gate off must find the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from lintorch.flow.fresh_gate import last_of, returns_fresh_name
from lintorch.flow.loop_gate import has_surviving_name
from lintorch.flow.seed import Seed
from lintorch.flow.training_gate import training_seeds
from lintorch.project.module import FunctionEntry
from lintorch.project.nodes import nodes_under

_FORWARD_SEEDS = frozenset({Seed.RETURNED_NAME, Seed.FRESH_RETURN, Seed.SINGLE_USE, Seed.SELF_ASSIGNMENT, Seed.PAIR, Seed.CHAIN})
_TRAINING_SEEDS = frozenset(Seed) - _FORWARD_SEEDS - {Seed.DEAD_STORE, Seed.LOOP_VALUE}


def seeds(entry: FunctionEntry, wanted: frozenset[Seed] = frozenset(Seed)) -> frozenset[Seed]:
    """The seeds among `wanted` in a function's own statements (and those of comprehensions and lambdas within them)."""
    found: set[Seed] = set()
    if wanted & _FORWARD_SEEDS:
        for suite in _suites(entry.node):
            found.update(_seeds_of(suite))
    if Seed.FRESH_RETURN in wanted and Seed.RETURNED_NAME in found and returns_fresh_name(entry.node):
        found.add(Seed.FRESH_RETURN)
    if Seed.DEAD_STORE in wanted and _Liveness().finds_dead_store(entry.node.body):
        found.add(Seed.DEAD_STORE)
    if Seed.LOOP_VALUE in wanted and has_surviving_name(entry.node):
        found.add(Seed.LOOP_VALUE)
    if wanted & _TRAINING_SEEDS:
        found.update(training_seeds(entry))
    return frozenset(found & wanted)


_COMPUTED = (ast.Call, ast.BinOp, ast.UnaryOp)


def _suites(node: ast.AST) -> Iterator[Sequence[ast.stmt]]:
    pending = [node]
    while pending:
        current = pending.pop()
        for name in ("body", "orelse", "finalbody"):
            suite = getattr(current, name, None)
            if isinstance(suite, list) and suite:
                yield suite
                pending.extend(statement for statement in suite if not isinstance(statement, _LEAVES))
        pending.extend(getattr(current, "handlers", ()))
        pending.extend(getattr(current, "cases", ()))


_LEAVES = (ast.Assign, ast.Expr, ast.Return, ast.AugAssign, ast.AnnAssign, ast.Raise, ast.Assert, ast.Pass, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _seeds_of(suite: Sequence[ast.stmt]) -> Iterator[Seed]:
    if sum(isinstance(statement, ast.Assign) and isinstance(statement.value, _COMPUTED) for statement in suite) > 1:
        yield Seed.CHAIN
    for statement, following in zip(suite, [*suite[1:], None], strict=True):
        last = last_of(statement)
        name = _sole_target(last)
        if name is not None and isinstance(following, ast.Return) and _is_name(following.value, name):
            yield Seed.RETURNED_NAME
        if not isinstance(statement, ast.Assign):
            continue
        if name is not None and _is_name(statement.value, name):
            yield Seed.SELF_ASSIGNMENT
        if name is not None and isinstance(statement.value, _COMPUTED) and following is not None and _reads(following, name):
            yield Seed.SINGLE_USE
        if isinstance(statement.value, ast.Call) and isinstance(statement.targets[0], ast.Tuple) and len(statement.targets[0].elts) == 2:
            yield Seed.PAIR


def _sole_target(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return None


def _is_name(node: ast.expr | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _reads(statement: ast.stmt, name: str) -> bool:
    if not isinstance(statement, ast.Assign | ast.Return | ast.Expr | ast.AugAssign):
        return False
    return any(isinstance(node, ast.Name) and node.id == name for node in nodes_under(statement))


class _Liveness:
    """Structured backward liveness. Errs towards dead: exceptional control flow and jumps out of loops are not followed."""

    def __init__(self) -> None:
        self.dead = False

    def finds_dead_store(self, body: Sequence[ast.stmt]) -> bool:
        """May some plain assignment be dead?"""
        self._suite(body, frozenset())
        return self.dead

    def _suite(self, body: Iterable[ast.stmt], live: frozenset[str]) -> frozenset[str]:
        for statement in reversed(list(body)):
            live = self._statement(statement, live)
        return live

    def _statement(self, node: ast.stmt, live: frozenset[str]) -> frozenset[str]:
        if isinstance(node, ast.If):
            return _loads(node.test) | self._suite(node.body, live) | self._suite(node.orelse, live)
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            return self._loop(node, live)
        if isinstance(node, ast.With | ast.AsyncWith):
            return _loads(*node.items) | self._suite(node.body, live)
        if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            return self._try(node, live)  # type: ignore[arg-type]
        if isinstance(node, ast.Match):
            return frozenset(_loads(node.subject)).union(*(self._case(case, live) for case in node.cases), live)
        if isinstance(node, ast.Return | ast.Raise):
            return _loads(node)
        return self._simple(node, live)

    def _simple(self, node: ast.stmt, live: frozenset[str]) -> frozenset[str]:
        name = _sole_target(node)
        if name is not None and name not in live:
            self.dead = True
        bound = {inner.id for inner in nodes_under(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
        augmented = {node.target.id} if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) else set()
        return (live - bound) | _loads(node) | augmented

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, live: frozenset[str]) -> frozenset[str]:
        header = _loads(node.test) if isinstance(node, ast.While) else frozenset[str]()
        after = self._suite(node.orelse, live)
        quiet = _Liveness()
        # One silent turn gathers what the next turn reads; the second one judges.
        again = after | header | quiet._suite(node.body, after | header)
        body = self._suite(node.body, again)
        return after | header | body | (frozenset() if isinstance(node, ast.While) else _loads(node.iter))

    def _try(self, node: ast.Try, live: frozenset[str]) -> frozenset[str]:
        live = self._suite(node.finalbody, live)
        for handler in node.handlers:
            self._suite(handler.body, live)
        return self._suite(node.body, self._suite(node.orelse, live))

    def _case(self, case: ast.match_case, live: frozenset[str]) -> frozenset[str]:
        return self._suite(case.body, live) | (_loads(case.guard) if case.guard is not None else frozenset())


def _loads(*nodes: ast.AST) -> frozenset[str]:
    """Names read, without those that a comprehension or an assignment expression inside binds itself."""
    read: set[str] = set()
    bound: set[str] = set()
    for root in nodes:
        for node in nodes_under(root):
            if isinstance(node, ast.comprehension):
                bound.update(inner.id for inner in nodes_under(node.target) if isinstance(inner, ast.Name))
            elif isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
                bound.add(node.target.id)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                read.add(node.id)
    return frozenset(read - bound)
