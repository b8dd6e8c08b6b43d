"""Stores to attributes of self, in whatever way Python and torch spell them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lintorch.project.bases import Bases
from lintorch.project.module import ClassEntry, FunctionEntry
from lintorch.project.receiver import constant_name, is_super, receiver_nodes

# The key under which stores to names known only at run time stand.
COMPUTED = "*"
# Methods of torch.nn.Module that store: the kind, and where the stored value is among the positional arguments.
_REGISTRATIONS = {"register_buffer": "buffer", "register_parameter": "parameter", "add_module": "module", "register_module": "module"}


class Store(NamedTuple):
    """One store to an attribute of self.

    `kind`: assign, augment, unpack (one of several targets), bind (for, with, walrus), delete, buffer, parameter, module, or setattr.
    `value` is what is stored, None where no single expression is.
    """

    method: FunctionEntry
    value: ast.expr | None
    kind: str


def attribute_stores(cls: ClassEntry, bases: Bases) -> Mapping[str, tuple[Store, ...]]:
    """Stores in the class, its known bases and its subclasses in the same file, by attribute; computed names stand under "*"."""
    family = [*bases.ancestry(cls).classes, *bases.subclasses(cls)]
    family += [base for subclass in family[1:] for base in bases.ancestry(subclass).classes]
    stores: dict[str, tuple[Store, ...]] = {}
    for member in dict.fromkeys(family):
        for name, own in _own_stores(member).items():
            stores[name] = stores.get(name, ()) + own
    return stores


def _own_stores(cls: ClassEntry) -> Mapping[str, tuple[Store, ...]]:
    if "stores" not in cls.memo:
        stores: dict[str, tuple[Store, ...]] = {}
        for method in cls.module.functions.values():
            if method.owner is cls and method.receiver:
                for name, store in _stores_in(method, method.receiver):
                    stores[name] = (*stores.get(name, ()), store)
        cls.memo["stores"] = stores
    remembered: Mapping[str, tuple[Store, ...]] = cls.memo["stores"]
    return remembered


def _stores_in(method: FunctionEntry, receiver: str) -> Iterator[tuple[str, Store]]:
    found = [node for node in receiver_nodes(method) if node.__class__ in _STORING]
    for node in sorted(found, key=_place):
        for name, value, kind in _stores_of(node, receiver):
            yield name, Store(method, value, kind)


_STORING = frozenset({ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor, ast.comprehension, ast.withitem, ast.Delete, ast.Call})


def _place(node: ast.AST) -> tuple[int, int]:
    """Where a node begins: that of what it stores to, where it has no place of its own."""
    placed = node.target if isinstance(node, ast.comprehension) else node.context_expr if isinstance(node, ast.withitem) else node
    return placed.lineno, placed.col_offset  # type: ignore[attr-defined]


_Found = Iterator[tuple[str, ast.expr | None, str]]


def _stores_of(node: ast.AST, receiver: str) -> _Found:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _assigned(target, node.value, "assign", receiver)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield from _assigned(node.target, node.value, "assign", receiver)
    elif isinstance(node, ast.AugAssign):
        yield from _assigned(node.target, node.value, "augment", receiver)
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        yield from _assigned(node.target, None, "bind", receiver)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield from _assigned(node.optional_vars, None, "bind", receiver)
    elif isinstance(node, ast.Delete):
        for target in node.targets:
            yield from _assigned(target, None, "delete", receiver)
    elif isinstance(node, ast.Call):
        yield from _called(node, receiver)


def _assigned(target: ast.expr, value: ast.expr | None, kind: str, receiver: str) -> _Found:
    if isinstance(target, ast.Attribute) and _is_name(target.value, receiver):
        yield target.attr, value, kind
    elif isinstance(target, ast.Subscript) and _is_namespace(target.value, receiver):
        key = target.slice
        name = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else COMPUTED
        yield name, value, "setattr"
    elif isinstance(target, ast.Starred):
        yield from _assigned(target.value, None, kind, receiver)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element, part in zip(target.elts, _parts(target, value), strict=True):
            yield from _assigned(element, part, "assign" if part is not None else "unpack" if kind == "assign" else kind, receiver)


def _parts(target: ast.Tuple | ast.List, value: ast.expr | None) -> list[ast.expr] | list[None]:
    """The values of the elements of an unpacking, where the right side writes them out."""
    written = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
    if written and isinstance(value, (ast.Tuple, ast.List)) and not any(isinstance(element, ast.Starred) for element in (*value.elts, *target.elts)):
        return value.elts
    return [None] * len(target.elts)


def _called(call: ast.Call, receiver: str) -> _Found:
    function = call.func
    if isinstance(function, ast.Name):
        if function.id in ("setattr", "delattr") and call.args and _is_name(call.args[0], receiver):
            yield constant_name(call, 1) or COMPUTED, _argument(call, 2, "value"), "setattr" if function.id == "setattr" else "delete"
        return
    if not isinstance(function, ast.Attribute):
        return
    if _is_name(function.value, receiver) or is_super(function.value):
        if function.attr in _REGISTRATIONS:
            keyword = {"buffer": "tensor", "parameter": "param", "module": "module"}[_REGISTRATIONS[function.attr]]
            yield constant_name(call, 0) or COMPUTED, _argument(call, 1, keyword), _REGISTRATIONS[function.attr]
        elif function.attr == "__setattr__":
            yield constant_name(call, 0) or COMPUTED, _argument(call, 1, "value"), "setattr"
    elif function.attr == "__setattr__" and call.args and _is_name(call.args[0], receiver):
        yield constant_name(call, 1) or COMPUTED, _argument(call, 2, "value"), "setattr"
    elif function.attr in ("update", "setdefault", "pop", "clear") and _is_namespace(function.value, receiver):
        yield COMPUTED, None, "setattr"


def _argument(call: ast.Call, position: int, keyword: str) -> ast.expr | None:
    if len(call.args) > position:
        return call.args[position]
    return next((given.value for given in call.keywords if given.arg == keyword), None)


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_namespace(node: ast.expr, receiver: str) -> bool:
    """Is it `self.__dict__` or `vars(self)`?"""
    if isinstance(node, ast.Attribute):
        return node.attr == "__dict__" and _is_name(node.value, receiver)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "vars" and any(_is_name(given, receiver) for given in node.args)
