"""What single tensor operations do: reduce over elements, or save tensors for their backward."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from lintorch.flow.fact import Fact

REDUCTIONS = frozenset(
    {"mean", "sum", "var", "std", "var_mean", "std_mean", "amax", "amin", "max", "min", "aminmax", "norm", "vector_norm", "matrix_norm", "median", "quantile"}
    | {"mm", "matmul", "bmm", "einsum", "addmm", "baddbmm", "logsumexp", "prod", "cov", "trace", "nanmean", "nansum", "scatter_add", "index_add", "dot"}
)
_SAVING = frozenset(
    {"abs", "amax", "amin", "max", "min", "maximum", "minimum", "var", "std", "norm", "pow", "square", "sqrt", "rsqrt", "exp", "log", "log1p", "prod", "median"}
    | {"sigmoid", "tanh", "softmax", "log_softmax", "clamp", "relu", "mm", "matmul", "bmm", "einsum", "quantile", "reciprocal", "where"}
)


def is_reduction(node: cst.BaseExpression) -> bool:
    """Does it compute one value from many: a statistic rather than a state of the same shape?"""
    if isinstance(node, cst.BinaryOperation):
        return isinstance(node.operator, cst.MatrixMultiply)
    called = _called(node)
    return called in REDUCTIONS or called.endswith("_loss")


def saves_tensors(node: cst.BaseExpression, infer: Callable[[cst.CSTNode | None], Fact]) -> bool:
    """Does the operation keep a tensor of the size of its operands until its backward runs?"""
    if isinstance(node, cst.BinaryOperation):
        both = infer(node.left).is_live and infer(node.right).is_live
        return isinstance(node.operator, cst.MatrixMultiply | cst.Power) or (both and isinstance(node.operator, cst.Multiply | cst.Divide))
    return _called(node) in _SAVING


def _called(node: cst.BaseExpression) -> str:
    """The last name of what a call calls."""
    func = node.func if isinstance(node, cst.Call) else None
    return func.attr.value if isinstance(func, cst.Attribute) else func.value if isinstance(func, cst.Name) else ""
