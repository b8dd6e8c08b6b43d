"""Folding expressions of mined usages to values: constants, names of classes and functions, constructions and tensors of constants.

A value is written as the worker's search reads it (`worker/values.py`): a dict with the key "is".
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

Value = dict[str, Any]

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
# Functions of torch that make a tensor out of constants; what else is called is not run for a hint.
_TENSOR_MAKERS = frozenset(
    "torch." + name
    for name in ("randn", "rand", "zeros", "ones", "randint", "arange", "tensor", "full", "empty", "linspace", "eye", "LongTensor", "FloatTensor", "randperm")
)
_TENSOR_METHODS = frozenset(
    {
        "long",
        "float",
        "bool",
        "double",
        "int",
        "half",
        "unsqueeze",
        "to",
        "view",
        "reshape",
        "repeat",
        "t",
        "requires_grad_",
        "permute",
        "transpose",
        "abs",
        "squeeze",
    }
)
_LARGEST = 1 << 20
_DEEPEST = 12

# Turns a dotted name ("nn.Linear") into a full one ("torch.nn.Linear"), None where it is a local or unknown.
Qualify = Callable[[ast.expr], str | None]


class Folder:
    """Folds expressions seen from one scope: `known` are the expressions its names stand for, `qualify` names what is global."""

    def __init__(self, known: Mapping[str, ast.expr], qualify: Qualify) -> None:
        self.known, self.qualify = known, qualify

    def fold(self, node: ast.expr, depth: int = 0) -> Value | None:
        """The value of an expression, None where it takes more than constants and names."""
        if depth > _DEEPEST:
            return None
        if isinstance(node, ast.Constant):
            return _literal(node.value)
        if isinstance(node, (ast.Tuple, ast.List)):
            return self._items(node, depth)
        if isinstance(node, ast.Dict):
            return self._table(node, depth)
        if isinstance(node, (ast.BinOp, ast.UnaryOp)):
            return self._arithmetic(node, depth)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._name(node, depth)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        return None

    def _items(self, node: ast.Tuple | ast.List, depth: int) -> Value | None:
        items = [self.fold(item, depth + 1) for item in node.elts]
        return None if None in items else {"is": "items", "kind": "list" if isinstance(node, ast.List) else "tuple", "items": items}

    def _table(self, node: ast.Dict, depth: int) -> Value | None:
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        values = [self.fold(value, depth + 1) for value in node.values]
        return None if None in keys or None in values else {"is": "table", "items": [list(pair) for pair in zip(keys, values, strict=True)]}

    def _arithmetic(self, node: ast.BinOp | ast.UnaryOp, depth: int) -> Value | None:
        if isinstance(node, ast.UnaryOp):
            inner = _number(self.fold(node.operand, depth + 1))
            return _literal(-inner) if inner is not None and isinstance(node.op, ast.USub) else None
        combine = _OPERATORS.get(type(node.op))
        left, right = _number(self.fold(node.left, depth + 1)), _number(self.fold(node.right, depth + 1))
        if combine is None or left is None or right is None:
            return None
        try:
            result = combine(left, right)
        except ArithmeticError:
            return None
        return _literal(result) if abs(result) <= _LARGEST else None

    def _name(self, node: ast.Name | ast.Attribute, depth: int) -> Value | None:
        text = ast.unparse(node)
        if text in self.known:
            rest = {name: value for name, value in self.known.items() if name != text}
            return Folder(rest, self.qualify).fold(self.known[text], depth + 1)
        base = self.fold(node.value, depth + 1) if isinstance(node, ast.Attribute) and node.attr == "shape" else None
        if base is not None and base["is"] == "code":  # `Net(input_shape=x.shape)`
            return {"is": "code", "text": f"{base['text']}.shape"}
        return _named(self.qualify(node))

    def _call(self, node: ast.Call, depth: int) -> Value | None:
        dotted = self.qualify(node.func) or ""
        if dotted in _TENSOR_MAKERS or (isinstance(node.func, ast.Attribute) and node.func.attr in _TENSOR_METHODS):
            text = self.tensor_text(node, depth)
            return None if text is None else {"is": "code", "text": text}
        maker = _named(dotted)
        if maker is None or not dotted.rpartition(".")[2][:1].isupper():
            return None
        arguments = self.arguments(node, depth + 1)
        if arguments is None or any(value is None for _, value in arguments):
            return None
        return {"is": "built", "maker": maker, "arguments": arguments, "attributes": []}

    def arguments(self, node: ast.Call, depth: int = 0) -> list[list[Any]] | None:
        """The arguments of a call as [key, value or None] pairs: a position as text, or a keyword with "="; None with stars."""
        if any(isinstance(argument, ast.Starred) for argument in node.args) or any(keyword.arg is None for keyword in node.keywords):
            return None
        positional = [[str(place), self.fold(argument, depth)] for place, argument in enumerate(node.args)]
        return positional + [[f"={keyword.arg}", self.fold(keyword.value, depth)] for keyword in node.keywords]

    def tensor_text(self, node: ast.expr, depth: int) -> str | None:
        """The code of a tensor expression with its names replaced by numbers, None where something is not constant."""
        if isinstance(node, ast.Call):
            inside = [self.tensor_text(argument, depth + 1) for argument in node.args] + [self._keyword(keyword, depth) for keyword in node.keywords]
            head = self._maker_text(node.func, depth)
            return None if head is None or None in inside else f"{head}({', '.join(part for part in inside if part is not None)})"
        value = self.fold(node, depth + 1)
        return None if value is None else _spelled(value)

    def _maker_text(self, func: ast.expr, depth: int) -> str | None:
        dotted = self.qualify(func)
        if dotted in _TENSOR_MAKERS:
            return dotted
        if isinstance(func, ast.Attribute) and func.attr in _TENSOR_METHODS:
            base = self.tensor_text(func.value, depth + 1)
            return None if base is None else f"{base}.{func.attr}"
        return None

    def _keyword(self, keyword: ast.keyword, depth: int) -> str | None:
        if keyword.arg == "device":  # a hint is run on the CPU wherever the usage ran
            return 'device="cpu"'
        text = self.tensor_text(keyword.value, depth + 1)
        return None if text is None or keyword.arg is None else f"{keyword.arg}={text}"


def _literal(value: object) -> Value | None:
    return {"is": "literal", "value": value} if value is None or isinstance(value, (bool, int, float, str)) else None


def _number(value: Value | None) -> int | float | None:
    if value is None or value["is"] != "literal" or not isinstance(value["value"], (int, float)):
        return None
    return value["value"]


def _named(dotted: str | None) -> Value | None:
    """A global by name; the worker tells module from attribute by importing."""
    if dotted is None or "." not in dotted or dotted.startswith("builtins."):
        return None
    return {"is": "named", "name": dotted}


def _spelled(value: Value) -> str | None:
    """Code that gives the value wherever torch is imported; None where there is none."""
    if value["is"] == "items":
        parts = [_spelled(item) for item in value["items"]]
        close = "[]" if value["kind"] == "list" else "()"
        return None if None in parts else f"{close[0]}{''.join(f'{part}, ' for part in parts)}{close[1]}"
    if value["is"] == "named":
        return str(value["name"]) if value["name"].startswith("torch.") else None
    return repr(value["value"]) if value["is"] == "literal" else str(value["text"]) if value["is"] == "code" else None
