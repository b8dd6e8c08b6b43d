"""Calls of `Variable(x, volatile=True)`, the no_grad of torch before 0.4, and what their statement becomes without it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.flow.event import Kind
from lintorch.flow.gradients import Gradients
from lintorch.flow.keeping import Keeping
from lintorch.flow.statement import Statement
from lintorch.flow.without_gradients import Insertion, decorated
from lintorch.project.nodes import nodes_under
from lintorch.source.text import Span

if TYPE_CHECKING:
    from lintorch.flow.training import TrainingFlow

_NAMES = ("torch.autograd.Variable", "torch.autograd.variable.Variable")


@dataclass(frozen=True, eq=False)
class Volatile:
    """A call whose `volatile` is not plainly False, where gradients may be on.

    `argument` is what it wraps, `dropped` the statements that say nothing once the call is gone, `insertions` put the code under torch.no_grad();
    they are empty, and the fix withheld, where the flag is not plainly True or gradients are wanted nearby.
    """

    call: cst.Call
    argument: cst.BaseExpression
    dropped: tuple[Statement, ...]
    insertions: tuple[Insertion, ...]
    piles_up: bool


def volatile_calls(training: TrainingFlow) -> Iterator[Volatile]:
    """The calls of a function, in order."""
    for event in training.flow.graph.events:
        call = event.node
        if event.kind is Kind.CALL and isinstance(call, cst.Call) and training.flow.qualify(call.func) in _NAMES:
            flag = _flag(call)
            if flag is not None and call.args and training.gradients(event.region) is not Gradients.OFF:
                yield _described(training, call, isinstance(flag, cst.Name) and flag.value == "True")


def _flag(call: cst.Call) -> cst.BaseExpression | None:
    """The flag, unless it is plainly False."""
    given = next((arg.value for arg in call.args if arg.keyword is not None and arg.keyword.value == "volatile"), None)
    return None if isinstance(given, cst.Name) and given.value in ("False", "None") else given


def _described(training: TrainingFlow, call: cst.Call, is_true: bool) -> Volatile:
    argument = call.args[0].value
    fixable = is_true and len(call.args) == 2 and call.args[0].keyword is None and not call.args[0].star and not training.wanting.events
    dropped = tuple(_useless(training, call, argument)) if fixable else ()
    piles_up = any(kept.fact.is_live for kept in Keeping(training).collections())
    return Volatile(call, argument, dropped, _insertions(training) if fixable else (), piles_up)


def _insertions(training: TrainingFlow) -> tuple[Insertion, ...]:
    """As for the evaluation that the function is, if it is one; else a decorator."""
    known = [evaluation.insertions for evaluation in training.evaluation.evaluations if evaluation.insertions]
    return known[0] if len(known) == 1 else decorated(training.flow, ())


def _useless(training: TrainingFlow, call: cst.Call, argument: cst.BaseExpression) -> Iterator[Statement]:
    """`x = Variable(x, volatile=True)`; with the import of Variable, if nothing else uses it."""
    statement = training.parents.get(call)
    target = statement.targets[0].target if isinstance(statement, cst.Assign) and len(statement.targets) == 1 else None
    own = training.flow.statement(statement) if statement is not None and target is not None and target.deep_equals(argument) else None
    if own is not None:
        yield own
        yield from _unused_import(training, call)


def _unused_import(training: TrainingFlow, call: cst.Call) -> Iterator[Statement]:
    """The import of the name that is called, where the call is the only use of it in the file."""
    module = training.flow.module
    name = call.func.value if isinstance(call.func, cst.Name) else None
    uses = [
        node for node in nodes_under(module.tree) if (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Constant) and node.value == name)
    ]
    body = module.tree.body
    for node in body if len(uses) == 1 else ():
        if isinstance(node, ast.ImportFrom) and len(node.names) == 1 and (node.names[0].asname or node.names[0].name) == name:
            yield Statement(_span(training, node, node), _span(training, body[0], body[-1]), len(body))


def _span(training: TrainingFlow, first: ast.stmt, last: ast.stmt) -> Span:
    source = training.flow.module.source
    end = source.ast_offset(last.end_lineno or last.lineno, last.end_col_offset or 0)
    return Span(source.ast_offset(first.lineno, first.col_offset), end)
