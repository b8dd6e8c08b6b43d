"""Which parameters of a function are certainly tensors, by what the function does with them. Names are never evidence."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintorch.flow.differentiable import is_differentiable_function
from lintorch.flow.torch_names import CUTTING_ATTRIBUTES, CUTTING_METHODS
from lintorch.project.module import FunctionEntry
from lintorch.project.nodes import nodes_under

# Methods that numbers, modules, containers and configurations do not have.
_METHODS = frozenset(
    {"abs", "acos", "add_", "addmm", "amax", "amin", "argmax", "argmin", "asin", "atan", "baddbmm", "bmm", "ceil", "chunk", "clamp", "clamp_min", "clone"}
    | {
        "contiguous",
        "copysign",
        "cos",
        "cosh",
        "cumsum",
        "detach",
        "diagonal",
        "dim",
        "div_",
        "erf",
        "exp",
        "expand",
        "expand_as",
        "expm1",
        "flatten",
        "floor",
        "gather",
    }
    | {"index_add", "index_select", "is_contiguous", "is_floating_point", "log1p", "log_softmax", "logsumexp", "long", "masked_fill", "masked_select"}
    | {"matmul", "mean", "mm", "movedim", "mul", "mul_", "narrow", "neg", "new_empty", "new_full", "new_ones", "new_tensor", "new_zeros", "norm", "numel"}
    | {"permute", "pow", "reciprocal", "relu", "repeat", "reshape", "rsqrt", "scatter", "scatter_add", "select", "sigmoid", "sign", "sin", "sinh"}
    | {"softmax", "sqrt", "square", "squeeze", "std", "storage_offset", "stride", "sub_", "sum", "t", "tan", "tanh", "topk", "transpose", "tril", "triu"}
    | {"type_as", "unbind", "unfold", "unsqueeze", "untyped_storage", "var", "view", "view_as"}
)
# Those that give a new tensor, with a graph where the tensor has one.
DIFFERENTIABLE_METHODS = frozenset(
    {"abs", "bmm", "clamp", "cos", "exp", "log_softmax", "logsumexp", "masked_fill", "matmul", "mean", "mm", "mul", "norm", "pow", "relu", "rsqrt"}
    | {"sigmoid", "sin", "softmax", "sqrt", "square", "std", "sum", "tan", "tanh", "var"}
)
_ATTRIBUTES = frozenset({"is_cuda", "is_leaf", "grad_fn", "mT"})  # meshes and configurations have a shape, too
# Functions of torch whose first argument is a list or a string.
_OF_LISTS = frozenset({"cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "einsum", "meshgrid", "broadcast_tensors", "block_diag", "where"})


def is_tensor_method(name: str) -> bool:
    """Is it a method that tensors have, too?"""
    return name in _METHODS | CUTTING_METHODS | CUTTING_ATTRIBUTES or name.endswith("_") or name in ("to", "float", "double", "half", "cuda", "cpu", "backward")


def tensor_parameters(entry: FunctionEntry) -> dict[str, str]:
    """The parameters that are tensors, each with the evidence, in their order; remembered with the function."""
    if "tensor parameters" not in entry.memo:
        arguments = entry.node.args
        parameters = [node for node in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if node.arg != entry.receiver]
        rebound = _rebound(entry)
        given = ((name, evidence) for line, name, evidence in _uses(entry) if line <= rebound.get(name, line))
        uses = dict(reversed(list(given)))  # the first use of a name counts
        found = {node.arg: _annotated(entry, node) or uses.get(node.arg, "") for node in parameters}
        entry.memo["tensor parameters"] = {name: evidence for name, evidence in found.items() if evidence}
    remembered: dict[str, str] = entry.memo["tensor parameters"]
    return remembered


def used_as_tensor(entry: FunctionEntry, name: str) -> bool:
    """Does the function do with a name of its own what is only done with tensors?"""
    if "used as tensors" not in entry.memo:
        entry.memo["used as tensors"] = frozenset(used for _, used, _ in _uses(entry))
    used: frozenset[str] = entry.memo["used as tensors"]
    return name in used


def _annotated(entry: FunctionEntry, parameter: ast.arg) -> str | None:
    name = entry.module.qualify(parameter.annotation) if parameter.annotation is not None else None
    return f"`{parameter.arg}` is annotated as a tensor" if name in ("torch.Tensor", "torch.FloatTensor") else None


def _rebound(entry: FunctionEntry) -> dict[str, int]:
    """The first line on which a name is bound; behind it a parameter may be something else."""
    stores = ((node.id, node.lineno) for node in nodes_under(entry.node) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return dict(sorted(stores, key=lambda store: -store[1]))


def _uses(entry: FunctionEntry) -> Iterator[tuple[int, str, str]]:
    """Uses of names that only tensors have: the line, the name, the evidence."""
    for node in nodes_under(entry.node):
        if isinstance(node, ast.Call):
            yield from ((node.lineno, name, evidence) for name, evidence in _of_call(node, entry))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            sides = (side.id for side in (node.left, node.right) if isinstance(side, ast.Name))
            yield from ((node.lineno, name, f"`{name}` is an operand of @ on line {node.lineno}") for name in sides)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in _ATTRIBUTES:
            yield node.lineno, node.value.id, f"`{node.value.id}.{node.attr}` is read on line {node.lineno}"


def _is_tensor_method(name: str, call: ast.Call) -> bool:
    """`x.size(0)` and `x.log()`: a process group has a size, a logger logs something."""
    return name in _METHODS or (name in ("size", "type") and bool(call.args)) or (name == "log" and not call.args and not call.keywords)


def _of_call(call: ast.Call, entry: FunctionEntry) -> Iterator[tuple[str, str]]:
    func = call.func
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and _is_tensor_method(func.attr, call):
        yield func.value.id, f"`{func.value.id}.{func.attr}()` is called on line {call.lineno}"
    if call.args and isinstance(call.args[0], ast.Name):
        name = entry.module.qualify(func)
        if name is not None and is_differentiable_function(name) and name.rpartition(".")[2] not in _OF_LISTS:
            yield call.args[0].id, f"{name}() takes `{call.args[0].id}` on line {call.lineno}"
