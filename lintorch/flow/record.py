"""Calls that only put their arguments into a record: named tuples and data classes of the project."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import libcst as cst

from lintorch.project.module import ClassEntry

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow

_TUPLES = frozenset({"collections.namedtuple", "typing.NamedTuple"})
_DATA_CLASSES = frozenset({"dataclasses.dataclass"})


def makes_record(flow: FunctionFlow, call: cst.Call) -> bool:
    """Does the call make a named tuple or an instance of a data class, which keep their arguments as they are?"""
    name = flow.qualify(call.func)
    found = flow.project.find(name) if name is not None else None
    if isinstance(found, ClassEntry):
        return _is_record_class(found)
    made = flow.module.constants.get(call.func.value) if isinstance(call.func, cst.Name) and call.func.value not in flow.local_names else None
    return isinstance(made, ast.Call) and flow.module.qualify(made.func) in _TUPLES


def _is_record_class(cls: ClassEntry) -> bool:
    if not {"__init__", "__new__", "__post_init__"}.isdisjoint(cls.methods):
        return False
    decorators = [node.func if isinstance(node, ast.Call) else node for node in cls.node.decorator_list]
    named = [*((base, _TUPLES) for base in cls.node.bases), *((node, _DATA_CLASSES) for node in decorators)]
    return any(cls.module.qualify(node) in kinds for node, kinds in named)
