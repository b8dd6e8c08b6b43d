"""What a function does with one of its parameters, read from its syntax tree."""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple, Union

from .tree import Function

Key = Union[int, str]  # a positional index or a keyword
_PATTERNS = ("rearrange", "reduce", "repeat")
_NUMERIC = (ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult, ast.Add)


@dataclass
class Uses:
    """The facts about one name.

    `attributes` are read, `methods` read and called at once; `keys` are constant subscripts; `passed` names each call that gets it, with the place.
    `stored` lists the attributes of self that hold it; `compared` the constants it is compared with.
    """

    attributes: List[str] = field(default_factory=list)
    methods: List[str] = field(default_factory=list)
    keys: List[Any] = field(default_factory=list)
    compared: List[Any] = field(default_factory=list)
    passed: List[Tuple[ast.expr, Key]] = field(default_factory=list)
    stored: List[str] = field(default_factory=list)
    calls: List[ast.Call] = field(default_factory=list)
    types: List[ast.expr] = field(default_factory=list)
    unpacked: Optional[int] = None
    rank: Optional[int] = None  # of a tensor, by unpacking its shape or by an einops pattern
    iterated: bool = False
    items_called: bool = False
    item_names: Tuple[str, ...] = ()  # what each item is unpacked to
    sliced: bool = False
    arithmetic: bool = False
    tensor: bool = False
    none_test: bool = False
    truth_test: bool = False
    length: bool = False
    starred: bool = False
    splatted: List[ast.Call] = field(default_factory=list)  # calls that get its items as keywords
    maybe_called: bool = False  # tested by callable() first
    fallback: Optional[ast.expr] = None  # what replaces it where it is None or false

    @property
    def empty(self) -> bool:
        """Is nothing known?"""
        return self == Uses()


@functools.lru_cache(maxsize=512)
def _parents(tree: ast.AST) -> Dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def uses_of(tree: Function, name: str) -> Uses:
    """The uses of a parameter, up to the first statement of the body that always gives the name another value."""
    found = Uses()
    parents = _parents(tree)
    body = tree.body if isinstance(tree.body, list) else [tree.body]
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
                _note(found, node, parents)
        if _rebinds(statement, name):
            found.fallback = found.fallback or _fallback(statement, name)
            if found.fallback is None:
                break
    return found


def attribute_uses(tree: Function, attribute: str, found: Uses, anything: bool = False) -> None:
    """Add the uses of `self.<attribute>` (or of the attribute, or key, of anything but self) in a function."""
    parents = _parents(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == attribute and isinstance(node.ctx, ast.Load):
            of_self = isinstance(node.value, ast.Name) and node.value.id == "self"
            if of_self is not anything:
                _note(found, node, parents)
        elif anything and isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == attribute:
            _note(found, node, parents)


def result_uses(tree: Function, attribute: str, found: Uses) -> None:
    """Add the uses, in a function, of what calls of `<anything>.<attribute>(...)` give, under the names that they are given too."""
    parents = _parents(tree)
    for node in ast.walk(tree):
        call = parents.get(node)
        if isinstance(node, ast.Attribute) and node.attr == attribute and isinstance(call, ast.Call) and call.func is node:
            _note(found, call, parents)
            above = parents.get(call)
            names = {target.id for target in above.targets if isinstance(target, ast.Name)} if isinstance(above, ast.Assign) else set()
            for read in ast.walk(tree) if names else ():
                if isinstance(read, ast.Name) and read.id in names and isinstance(read.ctx, ast.Load):
                    _note(found, read, parents)


def optional_keys(tree: Function, name: str) -> List[str]:
    """The keys that a function asks a parameter for and can do without: `options.get("norm")`, `options.pop("act", None)`."""
    asked = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop")]
    keys = [node.args[0].value for node in asked if node.args and isinstance(node.args[0], ast.Constant) and _is(node.func.value, name)]  # type: ignore[attr-defined]
    return list(dict.fromkeys(key for key in keys if isinstance(key, str) and key.isidentifier()))


def _rebinds(statement: ast.AST, name: str) -> bool:
    if not isinstance(statement, ast.Assign):
        return False
    return any(isinstance(part, ast.Name) and part.id == name for target in statement.targets for part in ast.walk(target))


def _fallback(statement: ast.AST, name: str) -> Optional[ast.expr]:
    """B in `x = x or B`, `x = B if x is None else x`, `x = x if x is not None else B`, `x = default(x, B)`."""
    value = statement.value if isinstance(statement, ast.Assign) else None
    if isinstance(value, ast.BoolOp) and isinstance(value.op, ast.Or) and _is(value.values[0], name):
        return value.values[-1]
    if isinstance(value, ast.IfExp):
        return value.orelse if _is(value.body, name) else value.body if _is(value.orelse, name) else None
    if isinstance(value, ast.Call) and len(value.args) == 2 and _is(value.args[0], name) and isinstance(value.func, ast.Name) and value.func.id == "default":
        return value.args[1]
    return None


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _note(found: Uses, node: ast.AST, parents: Dict[ast.AST, ast.AST]) -> None:
    """Add what the place of one read says."""
    parent = parents.get(node)
    if isinstance(parent, ast.Attribute):
        _note_attribute(found, parent, parents)
    elif isinstance(parent, ast.Call):
        _note_call(found, node, parent, parents)
    elif isinstance(parent, ast.keyword):
        call = parents.get(parent)
        if isinstance(call, ast.Call):
            found.passed.append((call.func, parent.arg)) if parent.arg else found.splatted.append(call)
    elif isinstance(parent, ast.Subscript) and parent.value is node:
        _note_subscript(found, parent)
    elif isinstance(parent, ast.Compare):
        _note_compare(found, node, parent)
    elif isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is node:
        found.iterated = True
        found.items_called = found.items_called or _calls_target(parent, parents)
        found.item_names = found.item_names or _unpacked_names(parent.target, parent)
    elif isinstance(parent, ast.Assign):
        _note_assign(found, node, parent)
    else:
        _note_operator(found, node, parent)


def _note_operator(found: Uses, node: ast.AST, parent: Optional[ast.AST]) -> None:
    if isinstance(parent, (ast.BinOp, ast.AugAssign)) and isinstance(parent.op, _NUMERIC):
        found.arithmetic = True
    elif isinstance(parent, ast.UnaryOp):
        found.truth_test = found.truth_test or isinstance(parent.op, ast.Not)
        found.arithmetic = found.arithmetic or not isinstance(parent.op, ast.Not)
    elif isinstance(parent, (ast.If, ast.IfExp, ast.While, ast.Assert)) and parent.test is node:
        found.truth_test = True
    elif isinstance(parent, ast.BoolOp):
        found.truth_test = True
        if isinstance(parent.op, ast.Or) and parent.values[0] is node and found.fallback is None:
            found.fallback = parent.values[-1]
    elif isinstance(parent, ast.Starred):
        found.starred = found.iterated = True


def _note_attribute(found: Uses, parent: ast.Attribute, parents: Dict[ast.AST, ast.AST]) -> None:
    above = parents.get(parent)
    called = isinstance(above, ast.Call) and above.func is parent
    (found.methods if called else found.attributes).append(parent.attr)
    unpacking = parents.get(above) if called and above is not None else above
    if parent.attr in ("shape", "size") and isinstance(unpacking, ast.Assign) and isinstance(unpacking.targets[0], ast.Tuple):
        targets = unpacking.targets[0].elts
        if not any(isinstance(target, ast.Starred) for target in targets) and found.rank is None:
            found.rank = len(targets)


def _note_call(found: Uses, node: ast.AST, parent: ast.Call, parents: Dict[ast.AST, ast.AST]) -> None:
    if parent.func is node:
        found.calls.append(parent)
        return
    name = parent.func.id if isinstance(parent.func, ast.Name) else ""
    if name == "isinstance" and len(parent.args) == 2:
        found.types.extend(parent.args[1].elts if isinstance(parent.args[1], ast.Tuple) else [parent.args[1]])
    elif name == "len":
        found.length = True
    elif name in ("zip", "enumerate", "list", "tuple", "reversed", "sorted", "map", "sum"):
        found.iterated = True
        loop = parents.get(parent)
        if name == "enumerate" and isinstance(loop, (ast.For, ast.comprehension)) and isinstance(loop.target, ast.Tuple) and len(loop.target.elts) == 2:
            found.item_names = found.item_names or _unpacked_names(loop.target.elts[1], loop)
    elif name == "range":
        found.arithmetic = True
    elif name in ("callable", "isfunction"):
        found.maybe_called = True
    elif name in _PATTERNS and len(parent.args) > 1 and parent.args[0] is node:
        found.rank = found.rank or _pattern_rank(parent.args[1])
        found.tensor = True
    elif name in ("hasattr", "getattr", "print", "type", "str", "repr", "super"):
        pass
    else:
        position = next(number for number, argument in enumerate(parent.args) if argument is node)
        if not any(isinstance(argument, ast.Starred) for argument in parent.args[:position]):
            found.passed.append((parent.func, position))


def _pattern_rank(pattern: ast.expr) -> Optional[int]:
    """The number of axes on the left of an einops pattern."""
    if not isinstance(pattern, ast.Constant) or not isinstance(pattern.value, str) or "..." in pattern.value:
        return None
    return len(re.findall(r"\([^)]*\)|\S+", pattern.value.partition("->")[0]))


def _note_subscript(found: Uses, parent: ast.Subscript) -> None:
    index = parent.slice
    if isinstance(index, ast.Constant):
        found.keys.append(index.value)
    elif isinstance(index, ast.UnaryOp) and isinstance(index.operand, ast.Constant):
        found.keys.append(-1)
    elif isinstance(index, (ast.Slice, ast.Tuple)):
        found.sliced = True
    else:
        found.keys.append(0)


def _note_compare(found: Uses, node: ast.AST, parent: ast.Compare) -> None:
    others = [parent.left, *parent.comparators]
    for operator in parent.ops:
        if isinstance(operator, (ast.Is, ast.IsNot)):
            found.none_test = True
        elif isinstance(operator, (ast.Gt, ast.Lt, ast.GtE, ast.LtE)):
            found.arithmetic = True
    for other in others:
        if other is not node:
            parts = other.elts if isinstance(other, (ast.Tuple, ast.List, ast.Set)) else [other]
            found.compared.extend(part.value for part in parts if isinstance(part, ast.Constant) and part.value is not None)


def _note_assign(found: Uses, node: ast.AST, parent: ast.Assign) -> None:
    target = parent.targets[0]
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        found.stored.append(target.attr)
    elif isinstance(target, (ast.Tuple, ast.List)) and parent.value is node:
        found.unpacked = len(target.elts)


def _unpacked_names(target: ast.expr, loop: Union[ast.For, ast.comprehension]) -> Tuple[str, ...]:
    """The names that a loop takes each item apart into, in its head or at once in its body."""
    if isinstance(target, ast.Name) and isinstance(loop, ast.For):
        taken = [node for node in loop.body if isinstance(node, ast.Assign) and _is(node.value, target.id)]
        target = taken[0].targets[0] if taken else target
    parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
    return tuple(part.id for part in parts if isinstance(part, ast.Name)) if all(isinstance(part, ast.Name) for part in parts) else ()


def _calls_target(loop: Union[ast.For, ast.comprehension], parents: Dict[ast.AST, ast.AST]) -> bool:
    """Is what the loop takes from the iterable called?"""
    names: Set[str] = {part.id for part in ast.walk(loop.target) if isinstance(part, ast.Name)}
    scope = loop if isinstance(loop, ast.For) else parents[loop]
    return any(isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in names for part in ast.walk(scope))


def stored_uses(methods: Iterator[Function], attribute: str) -> Uses:
    """The uses of `self.<attribute>` in all methods of a class."""
    found = Uses()
    for method in methods:
        attribute_uses(method, attribute, found)
    return found
