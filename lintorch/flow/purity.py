"""Which evaluations have no effect that anybody could observe, so that an unread value may go."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from lintorch.flow.event import Event, Kind

_PURE_KINDS = frozenset(
    {Kind.LOAD, Kind.GET_ATTRIBUTE, Kind.GET_ITEM, Kind.OPERATE, Kind.TEST, Kind.BUILD, Kind.FORMAT, Kind.CAPTURE, Kind.STORE, Kind.ITERATE}
)
_PURE_BUILTINS = frozenset(
    {
        "abs",
        "bool",
        "callable",
        "dict",
        "divmod",
        "enumerate",
        "float",
        "frozenset",
        "getattr",
        "hasattr",
        "id",
        "int",
        "isinstance",
        "issubclass",
        "len",
        "list",
        "max",
        "min",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "slice",
        "sorted",
        "str",
        "sum",
        "tuple",
        "type",
        "zip",
    }
)
# torch functions that neither draw random numbers nor write to their arguments (without out=).
_PURE_TORCH = frozenset(
    {
        "abs",
        "add",
        "arange",
        "argmax",
        "argmin",
        "as_tensor",
        "broadcast_tensors",
        "cat",
        "clamp",
        "cos",
        "cumsum",
        "diag",
        "einsum",
        "empty",
        "empty_like",
        "exp",
        "eye",
        "finfo",
        "flatten",
        "full",
        "full_like",
        "gather",
        "iinfo",
        "linspace",
        "log",
        "logspace",
        "matmul",
        "mean",
        "meshgrid",
        "mul",
        "ones",
        "ones_like",
        "permute",
        "pow",
        "relu",
        "reshape",
        "sigmoid",
        "sin",
        "softmax",
        "sqrt",
        "stack",
        "sum",
        "tanh",
        "tensor",
        "transpose",
        "triu",
        "tril",
        "unsqueeze",
        "where",
        "zeros",
        "zeros_like",
    }
)
# Methods that only look at a tensor's form. On another kind of object they would be an odd place for an effect.
_LOOKING = frozenset({"dim", "element_size", "is_contiguous", "ndimension", "numel", "size", "stride"})

# The absolute dotted name of a callee, or None for locals and what cannot be resolved.
Qualify = Callable[[cst.BaseExpression], "str | None"]


def is_pure(event: Event, qualify: Qualify) -> bool:
    """Has the event no effect but its value (errors aside)?"""
    if event.kind in _PURE_KINDS:
        return not isinstance(event.node, cst.GeneratorExp)
    return event.kind is Kind.CALL and isinstance(event.node, cst.Call) and _pure_call(event.node, qualify)


def _pure_call(call: cst.Call, qualify: Qualify) -> bool:
    if any(arg.keyword is not None and arg.keyword.value == "out" for arg in call.args):
        return False
    if isinstance(call.func, cst.Attribute) and call.func.attr.value in _LOOKING:
        return True
    name = qualify(call.func) or ""
    package, _, function = name.rpartition(".")
    return (package == "builtins" and function in _PURE_BUILTINS) or (package in ("torch", "torch.nn.functional") and function in _PURE_TORCH)
