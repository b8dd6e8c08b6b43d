"""Equivalent rewrites: each operator changes how a function is written and nothing it computes."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

from tests.verify.mutations import Mutant, _each, _expression, _function, _is_method
from tests.verify.specimens import Specimen

Operator = Callable[[ast.FunctionDef], Iterator[ast.FunctionDef]]
REWRITES: dict[str, Operator] = {}


def rewrite(function: Operator) -> Operator:
    REWRITES[function.__name__.replace("_", "-")] = function
    return function


def rewrites(specimen: Specimen, name: str) -> Iterator[Mutant]:
    """The specimen's text rewritten at each place the operator applies to."""
    for changed in REWRITES[name](_function(ast.parse(specimen.text), specimen.name)):
        tree = ast.parse(specimen.text)
        _function(tree, specimen.name).body = changed.body
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        if text != specimen.text:
            yield Mutant(specimen, name, text)


def _statements(function: ast.FunctionDef) -> Iterator[tuple[ast.FunctionDef, list[ast.stmt], int]]:
    """Copies of a function, each with one place in its own body."""
    for place in range(len(function.body)):
        copied = copy.deepcopy(function)
        yield copied, copied.body, place


@rewrite
def named_result(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    for copied, body, place in _statements(function):
        statement = body[place]
        if isinstance(statement, ast.Return) and statement.value is not None:
            body[place:] = [ast.Assign([ast.Name("result_", ast.Store())], statement.value, lineno=0), ast.Return(ast.Name("result_", ast.Load()))]
            yield copied


@rewrite
def named_argument(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """f(g(x)) becomes a = g(x); f(a), where nothing is evaluated before g(x)."""
    for copied, body, place in _statements(function):
        statement = body[place]
        value = getattr(statement, "value", None)
        if isinstance(statement, ast.Assign | ast.Return) and isinstance(value, ast.Call) and value.args and isinstance(value.args[0], ast.Call):
            inner = value.args[0]
            value.args[0] = ast.Name("inner_", ast.Load())
            body.insert(place, ast.Assign([ast.Name("inner_", ast.Store())], inner, lineno=0))
            yield copied


@rewrite
def inlined_name(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """A name used once, in the very next statement and first there, gives way to its value."""
    for copied, body, place in _statements(function):
        first = body[place]
        if place + 1 < len(body) and isinstance(first, ast.Assign) and isinstance(first.targets[0], ast.Name):
            name, following = first.targets[0].id, body[place + 1]
            uses = [
                node for part in copied.body for node in ast.walk(part) if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
            ]
            names = [
                node for node in ast.walk(following) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in ("self", "torch", "F")
            ]
            if len(uses) == 1 and names and names[0] is uses[0] and not any(isinstance(node, ast.If) for node in ast.walk(following)):
                holder = ast.Module([following], [])
                _swap(holder, uses[0], first.value)
                body[place : place + 2] = [following]
                yield copied


def _swap(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if value is old:
                setattr(node, name, new)
            elif isinstance(value, list):
                setattr(node, name, [new if part is old else part for part in value])


@rewrite
def renamed_locals(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    copied = copy.deepcopy(function)
    stored = {node.id for node in ast.walk(copied) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    stored -= {argument.arg for argument in function.args.args}
    for node in ast.walk(copied):
        if isinstance(node, ast.Name) and node.id in stored:
            node.id += "_"
    yield copied


@rewrite
def unused_number(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    for copied, body, place in _statements(function):
        body.insert(place, ast.parse("unused_ = 3").body[0])
        yield copied


@rewrite
def self_assignment(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    name = function.args.args[-1].arg if not function.args.defaults else function.args.args[1 if _is_method(function) else 0].arg
    for copied, body, place in _statements(function):
        body.insert(place, ast.parse(f"{name} = {name}").body[0])
        yield copied


@rewrite
def through_a_lambda(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    yield from _each(function, lambda node: _expression("(lambda: _e)()", e=node) if _is_plain_call(node) else None)


@rewrite
def through_a_conditional(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    yield from _each(function, lambda node: _expression("_e if True else None", e=node) if _is_plain_call(node) else None)


@rewrite
def under_an_if(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    for copied, body, place in _statements(function):
        if isinstance(body[place], ast.Assign):
            body[place] = ast.If(ast.Constant(1), [body[place]], [])
            yield copied


@rewrite
def function_for_method(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """x.mean(...) becomes torch.mean(x, ...), and back."""
    known = {"mean", "sum", "amax", "transpose", "reshape", "permute", "tanh", "sigmoid", "relu", "exp", "square", "masked_fill"}

    def change(node: ast.AST) -> ast.AST | None:
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in known):
            return None
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "torch":
            return ast.Call(ast.Attribute(node.args[0], node.func.attr, ast.Load()), node.args[1:], node.keywords)
        if node.func.attr == "permute":
            return None  # takes its dimensions as one argument
        arguments = [ast.Tuple(node.args, ast.Load())] if node.func.attr == "reshape" else node.args
        return ast.Call(ast.Attribute(ast.Name("torch", ast.Load()), node.func.attr, ast.Load()), [node.func.value, *arguments], node.keywords)

    return _each(function, change)


@rewrite
def loop_that_runs_once(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    for copied, body, place in _statements(function):
        if isinstance(body[place], ast.Assign):
            body[place] = ast.For(ast.Name("once_", ast.Store()), ast.Tuple([ast.Constant(0)], ast.Load()), [body[place]], [], lineno=0)
            yield copied


def _is_plain_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and not any(isinstance(part, ast.Name) and part.id == "super" for part in ast.walk(node))
