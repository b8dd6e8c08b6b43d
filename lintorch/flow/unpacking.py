"""Which value goes where: those of a parallel assignment `a, b = x, y` to its targets, those of `list.append(value)` to the list."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from lintorch.flow.event import Definition


def written_for(statement: cst.CSTNode | None, target: cst.CSTNode) -> cst.BaseExpression | None:
    """The expression that a target of a parallel assignment gets, where both sides are written out."""
    return next((value for other, value in _pairs(statement) if other is target), None)


def written_value(definition: Definition) -> cst.BaseExpression | None:
    """The expression a definition binds, alone or as its part of a parallel assignment."""
    return definition.value or written_for(definition.statement, definition.event.node)


def target_of(statement: cst.CSTNode | None, value: cst.CSTNode) -> cst.BaseExpression | None:
    """The target that a value of a parallel assignment goes to."""
    return next((target for target, other in _pairs(statement) if other is value), None)


def place_of(statement: cst.CSTNode | None, target: cst.CSTNode) -> int | None:
    """The place of a target among those that one value is unpacked into; None behind a starred target."""
    for assigned in statement.targets if isinstance(statement, cst.Assign) else ():
        if isinstance(assigned.target, cst.Tuple | cst.List):
            for place, element in enumerate(assigned.target.elements):
                if isinstance(element, cst.StarredElement):
                    break
                if element.value is target:
                    return place
    return None


def appended_to(name: cst.CSTNode, parents: Mapping[cst.CSTNode, cst.CSTNode]) -> cst.BaseExpression | None:
    """What `name.append(value)` puts into the list, where the name stands in such a call."""
    method = parents.get(name)
    call = parents.get(method) if isinstance(method, cst.Attribute) and method.attr.value == "append" else None
    return call.args[0].value if isinstance(call, cst.Call) and call.func is method and len(call.args) == 1 else None


def _pairs(statement: cst.CSTNode | None) -> list[tuple[cst.BaseExpression, cst.BaseExpression]]:
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
        return []
    target, value = statement.targets[0].target, statement.value
    if not isinstance(target, cst.Tuple | cst.List) or not isinstance(value, cst.Tuple | cst.List) or len(target.elements) != len(value.elements):
        return []
    if any(isinstance(element, cst.StarredElement) for element in (*target.elements, *value.elements)):
        return []
    return [(left.value, right.value) for left, right in zip(target.elements, value.elements, strict=True)]
