"""Small wrong changes of a Python file: another comparison, a condition turned round, a loop that does nothing."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_SWAPPED = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip
_OPPOSITE = {"any": "all", "all": "any", "min": "max", "max": "min"}


@dataclass(frozen=True, order=True)
class Mutant:
    """One wrong change of a file: at the node of this number, of this kind."""

    file: str
    place: int
    kind: str
    line: int
    told: str


def mutants(file: str, text: str) -> Iterator[Mutant]:
    """Every change there is of a file, in a fixed order. Annotations and the decorators of classes say nothing that runs and are left alone."""
    tree = ast.parse(text)
    aside = {id(inner) for outer in _aside(tree) for inner in ast.walk(outer)}
    for place, node in enumerate(ast.walk(tree)):
        if id(node) not in aside and isinstance(node, _CHANGED):
            for kind, change in _CHANGES.items():
                if told := change(copy.deepcopy(node)):
                    line = node.target.lineno if isinstance(node, ast.comprehension) else getattr(node, "lineno", 0)
                    yield Mutant(file, place, kind, line, told)


def mutated(mutant: Mutant, text: str) -> ast.Module:
    """The program with the change made, everything else at its old place."""
    tree = ast.parse(text)
    node = next(node for place, node in enumerate(ast.walk(tree)) if place == mutant.place)
    assert _CHANGES[mutant.kind](node)
    return ast.fix_missing_locations(tree)


def _aside(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.FunctionDef) and node.returns:
            yield node.returns
        elif isinstance(node, ast.ClassDef):
            yield from node.decorator_list
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield node


def _operator(node: ast.AST) -> str:
    """Another comparison, `or` for `and`, minus for plus."""
    ops = node.ops if isinstance(node, ast.Compare) else [node.op] if isinstance(node, ast.BoolOp | ast.BinOp) else []
    if not ops or type(ops[0]) not in _SWAPPED:
        return ""
    old, new = type(ops[0]).__name__, _SWAPPED[type(ops[0])]
    if isinstance(node, ast.Compare):
        node.ops[0] = new()
    elif isinstance(node, ast.BoolOp | ast.BinOp):
        node.op = new()
    return f"{old} becomes {new.__name__}"


def _condition(node: ast.AST) -> str:
    """The opposite of a test."""
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return "a test is negated"
    if isinstance(node, ast.comprehension) and node.ifs:
        node.ifs[0] = ast.UnaryOp(ast.Not(), node.ifs[0])
        return f"the filter `{ast.unparse(node.ifs[0].operand)}` is negated"
    return ""


def _constant(node: ast.AST) -> str:
    """True for False, one more for a number."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, bool | int):
        return ""
    new = (not node.value) if isinstance(node.value, bool) else node.value + 1
    told = f"{node.value!r} becomes {new!r}"
    node.value = new
    return told


def _dropped(node: ast.AST) -> str:
    """A `not` that is forgotten (the operator becomes its double), a loop over nothing, a function that answers None."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node.operand = ast.UnaryOp(ast.Not(), node.operand)
        return "a `not` is dropped"
    if isinstance(node, ast.For):
        node.iter = ast.Tuple([], ast.Load())
        return "a loop runs over nothing"
    if isinstance(node, ast.Return) and node.value is not None and not (isinstance(node.value, ast.Constant) and not node.value.value):
        node.value = ast.Constant(None)
        return "None is returned"
    return ""


def _word(node: ast.AST) -> str:
    """`any` for `all`, `min` for `max`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _OPPOSITE:
        old = node.func.id
        node.func.id = _OPPOSITE[old]
        return f"{old} becomes {node.func.id}"
    return ""


_CHANGES: dict[str, Callable[[ast.AST], str]] = {"operator": _operator, "condition": _condition, "constant": _constant, "dropped": _dropped, "word": _word}
_CHANGED = (
    ast.Compare, ast.BoolOp, ast.BinOp, ast.If, ast.IfExp, ast.While, ast.comprehension, ast.Constant, ast.UnaryOp, ast.For, ast.Return, ast.Call,
)  # fmt: skip
