"""When an expression needs parentheses in another place (language reference, section 6.17)."""

from __future__ import annotations

import libcst as cst

# Binding strength; higher binds tighter. Primaries (names, calls, attributes, subscripts, displays, literals) are strongest.
_WALRUS, _LAMBDA, _CONDITION, _OR, _AND, _NOT, _COMPARISON = range(7)
_BIT_OR, _BIT_XOR, _BIT_AND, _SHIFT, _SUM, _PRODUCT, _SIGN, _POWER, _AWAIT, PRIMARY = range(7, 17)

_BINARY: dict[type[cst.CSTNode], int] = {
    cst.BitOr: _BIT_OR,
    cst.BitXor: _BIT_XOR,
    cst.BitAnd: _BIT_AND,
    cst.LeftShift: _SHIFT,
    cst.RightShift: _SHIFT,
    cst.Add: _SUM,
    cst.Subtract: _SUM,
    cst.Multiply: _PRODUCT,
    cst.MatrixMultiply: _PRODUCT,
    cst.Divide: _PRODUCT,
    cst.FloorDivide: _PRODUCT,
    cst.Modulo: _PRODUCT,
    cst.Power: _POWER,
}

_OTHER: dict[type[cst.CSTNode], int] = {
    cst.NamedExpr: _WALRUS,
    cst.Yield: _WALRUS,
    cst.Tuple: _WALRUS,
    cst.GeneratorExp: _WALRUS,
    cst.Lambda: _LAMBDA,
    cst.IfExp: _CONDITION,
    cst.Comparison: _COMPARISON,
    cst.Await: _AWAIT,
    cst.Integer: _SIGN,  # 1.real does not parse
    cst.ConcatenatedString: _SIGN,
}


def strength(node: cst.BaseExpression) -> int:
    """How tightly an expression binds as written, its own parentheses included."""
    if node.lpar:
        return PRIMARY
    if isinstance(node, cst.BinaryOperation):
        return _BINARY[type(node.operator)]
    if isinstance(node, cst.BooleanOperation):
        return _AND if isinstance(node.operator, cst.And) else _OR
    if isinstance(node, cst.UnaryOperation):
        return _NOT if isinstance(node.operator, cst.Not) else _SIGN
    return _OTHER.get(type(node), PRIMARY)


def needs_parentheses(value: cst.BaseExpression, place: cst.CSTNode, parent: cst.CSTNode) -> bool:
    """Must `value` be parenthesised where the child `place` of `parent` stands now?"""
    return strength(value) < _required(place, parent)


def _required(place: cst.CSTNode, parent: cst.CSTNode) -> int:
    if isinstance(parent, cst.BinaryOperation):
        own = _BINARY[type(parent.operator)]
        if isinstance(parent.operator, cst.Power):
            return PRIMARY if place is parent.left else _SIGN
        return own if place is parent.left else own + 1
    if isinstance(parent, cst.Return | cst.Expr | cst.Assign | cst.AugAssign | cst.AnnAssign):
        # `return a, b` is fine, `x = yield` too, but keep what is rare out of sight.
        return _WALRUS
    if isinstance(parent, cst.Arg):
        return PRIMARY if parent.star else _LAMBDA
    if isinstance(parent, cst.Index | cst.Element | cst.DictElement):
        return _LAMBDA
    if isinstance(parent, cst.UnaryOperation):
        return _NOT if isinstance(parent.operator, cst.Not) else _SIGN
    if isinstance(parent, cst.Comparison | cst.ComparisonTarget):
        return _BIT_OR
    return PRIMARY
