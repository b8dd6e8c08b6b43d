"""Operators that make a wrong rewrite of a function's text: each yields one changed text per place it applies to."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.verify.specimens import Specimen

Change = Callable[[ast.AST], ast.AST | None]


@dataclass(frozen=True)
class Mutant:
    """A wrong rewrite of a specimen."""

    specimen: Specimen
    operator: str
    text: str


OPERATORS: dict[str, Callable[[ast.FunctionDef], Iterator[ast.FunctionDef]]] = {}


def operator(function: Callable[[ast.FunctionDef], Iterator[ast.FunctionDef]]) -> Callable[[ast.FunctionDef], Iterator[ast.FunctionDef]]:
    OPERATORS[function.__name__.replace("_", "-")] = function
    return function


def mutants(specimen: Specimen, name: str) -> Iterator[Mutant]:
    """The specimen's text with one operator applied at each place of its forward (or of the function itself)."""
    for changed in OPERATORS[name](_function(ast.parse(specimen.text), specimen.name)):
        tree = ast.parse(specimen.text)
        target = _function(tree, specimen.name)
        target.body = changed.body
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        if text != specimen.text:
            yield Mutant(specimen, name, text)


def _function(tree: ast.Module, name: str) -> ast.FunctionDef:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.ClassDef) and node.name == name:
            return next(part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "forward")
    raise LookupError(name)


def _each(function: ast.FunctionDef, change: Change) -> Iterator[ast.FunctionDef]:
    """Copies of a function with `change` applied to one node each; `change` gives None for nodes it leaves alone."""
    count = sum(1 for _ in ast.walk(function))
    for place in range(1, count):
        copied = copy.deepcopy(function)
        node = list(ast.walk(copied))[place]
        replacement = change(node)
        if replacement is not None:
            _replace(copied, node, replacement)
            yield copied


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if value is old:
                setattr(node, name, new)
            elif isinstance(value, list) and any(part is old for part in value):
                setattr(node, name, [new if part is old else part for part in value])


def _expression(template: str, **parts: ast.AST) -> ast.expr:
    """The expression of a template in which `_name` stands for the given part."""
    tree = ast.parse(template, mode="eval").body
    holder = ast.Expression(tree)
    for name, part in parts.items():
        for node in [node for node in ast.walk(holder) if isinstance(node, ast.Name) and node.id == f"_{name}"]:
            _replace(holder, node, copy.deepcopy(part))
    return holder.body


def _on_tensor_calls(template: str) -> Callable[[ast.FunctionDef], Iterator[ast.FunctionDef]]:
    """Wrap every call that gives a floating tensor."""

    def change(node: ast.AST) -> ast.AST | None:
        return _expression(template, e=node) if _gives_tensor(node) else None

    return lambda function: _each(function, change)


_NOT_TENSORS = {"arange", "unbind", "rnn", "dataclass", "Tied_Output", "reshape", "permute", "detach", "mul_", "add_", "super", "transpose", "unsqueeze"}


def _gives_tensor(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name not in _NOT_TENSORS


def _before_return(function: ast.FunctionDef, code: str) -> ast.FunctionDef:
    copied = copy.deepcopy(function)
    copied.body[-1:-1] = ast.parse(code).body
    return copied


def _at_start(function: ast.FunctionDef, code: str) -> ast.FunctionDef:
    copied = copy.deepcopy(function)
    copied.body[:0] = ast.parse(code).body
    return copied


def _first_argument(function: ast.FunctionDef) -> str:
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    return names[0]


def _is_method(function: ast.FunctionDef) -> bool:
    return function.args.args[0].arg == "self"


def _with_result(function: ast.FunctionDef, template: str) -> ast.FunctionDef:
    """The returned value put into a template's `_e`."""
    copied = copy.deepcopy(function)
    last = copied.body[-1]
    assert isinstance(last, ast.Return) and last.value is not None
    last.value = _expression(template, e=last.value)
    return copied


# --- what is computed ----------------------------------------------------------------------------------------------------------------------


@operator
def swapped_operands(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Div | ast.MatMult):
            return ast.BinOp(node.right, node.op, node.left)
        return None

    return _each(function, change)


@operator
def other_operator(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    swaps: dict[type[ast.operator], ast.operator] = {ast.Add: ast.Sub(), ast.Sub: ast.Add(), ast.Mult: ast.Div(), ast.Div: ast.Mult()}

    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.BinOp) and type(node.op) in swaps:
            return ast.BinOp(node.left, swaps[type(node.op)], node.right)
        return None

    return _each(function, change)


@operator
def dropped_call(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Call) and node.args and not isinstance(node.args[0], ast.Constant) and _gives_tensor(node):
            return node.args[0]
        return None

    return _each(function, change)


@operator
def moved_call(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """f(g(x)) becomes g(f(x)): a dropout before its layer, a norm after it."""

    def change(node: ast.AST) -> ast.AST | None:
        if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Call) and node.args[0].args):
            return None
        inner = node.args[0]
        return ast.Call(inner.func, [ast.Call(node.func, [inner.args[0], *node.args[1:]], node.keywords), *inner.args[1:]], inner.keywords)

    return _each(function, change)


@operator
def constant_off_by_one_ulp(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """One unit in the last place of float32, which is what the tensors are."""

    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            return ast.Constant(node.value * (1 + 2.0**-22))
        return None

    return _each(function, change)


@operator
def other_comparison(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Gt):
            return ast.Compare(node.left, [ast.Lt()], node.comparators)
        return None

    return _each(function, change)


@operator
def other_dimension(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.keyword) and node.arg == "dim":
            return ast.keyword("dim", ast.Constant(0))
        return None

    return _each(function, change)


@operator
def other_module(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """A layer in place of its neighbour of the same shape: one of two parameters unused, the other used twice."""
    neighbours = {"mu": "logvar", "logvar": "mu", "out": "skip", "skip": "out"}

    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self" and node.attr in neighbours:
            return ast.Attribute(node.value, neighbours[node.attr], node.ctx)
        return None

    return _each(function, change)


# --- what reaches the gradients only -------------------------------------------------------------------------------------------------------

OPERATORS["detached"] = _on_tensor_calls("_e.detach()")
OPERATORS["doubled-gradient"] = _on_tensor_calls("_e.detach() + (_e - _e.detach()) * 2 if _e.is_floating_point() else _e * 2")
OPERATORS["computed-without-grad"] = _on_tensor_calls("torch.no_grad()(lambda: _e)()")


@operator
def detached_parameter(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """A linear layer whose bias or weight gets no gradient any more."""

    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("fc1", "fc3", "head", "proj", "mu", "gate", "skip"):
            return _expression("F.linear(_x, _f.weight, _f.bias.detach())", x=node.args[0], f=node.func)
        return None

    return _each(function, change)


@operator
def gradient_hook(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    name = _first_argument(function)
    yield _at_start(function, f"{name} = {name} * 1\n{name}.requires_grad and {name}.register_hook(lambda g: g * 2)")


_OTHER_DTYPE = "lambda t: t.to(torch.complex128 if t.is_complex() else torch.float64) if torch.is_tensor(t) else t"
_OTHER_STRIDE = "lambda t: t.movedim(0, -1).contiguous().movedim(-1, 0) if torch.is_tensor(t) and t.dim() > 1 else t"

# --- form of the results -------------------------------------------------------------------------------------------------------------------

OPERATORS["other-dtype"] = lambda function: iter([_with_result(function, f"torch.utils._pytree.tree_map({_OTHER_DTYPE}, (_e,))[0]")])
OPERATORS["other-stride"] = lambda function: iter([_with_result(function, f"torch.utils._pytree.tree_map({_OTHER_STRIDE}, (_e,))[0]")])
OPERATORS["wrapped-output"] = lambda function: iter([_with_result(function, "[_e]"), _with_result(function, "(_e,)")])
OPERATORS["number-for-tensor"] = lambda function: iter([_with_result(function, "_e.sum().item() if torch.is_tensor(_e) else None")])
OPERATORS["extra-dimension"] = _on_tensor_calls("_e[None]")


@operator
def swapped_outputs(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            return ast.Return(ast.Tuple(node.value.elts[::-1], ast.Load()))
        return None

    return _each(function, change)


@operator
def renamed_output_key(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    def change(node: ast.AST) -> ast.AST | None:
        return ast.Constant(node.value + "s") if isinstance(node, ast.Constant) and isinstance(node.value, str) else None

    return _each(function, change)


# --- effects -------------------------------------------------------------------------------------------------------------------------------


@operator
def written_input(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    name = _first_argument(function)
    yield _before_return(function, f"{name}.data.add_(1)")


@operator
def torch_random_number(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    yield _at_start(function, "torch.rand(1)")
    yield _before_return(function, "torch.rand(1)")


@operator
def python_random_number(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    yield _before_return(function, "random.random()")


@operator
def numpy_random_number(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    yield _before_return(function, "numpy.random.rand()")


@operator
def printed(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    yield _before_return(function, "print('here')")


@operator
def warned(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    yield _before_return(function, "warnings.warn('beware')")


@operator
def kept_on_self(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    if _is_method(function):
        yield _before_return(function, "self.last = 1")
        yield _before_return(function, f"self.seen = {_first_argument(function)}")


@operator
def statement_left_out(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    def change(node: ast.AST) -> ast.AST | None:
        return ast.Pass() if isinstance(node, ast.Expr | ast.AugAssign) else None

    return _each(function, change)


@operator
def layer_called_twice(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """A batch norm updates its statistics twice; a dropout draws twice."""

    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("bn", "drop"):
            return _expression("(_e, _e)[1]", e=node)
        return None

    return _each(function, change)


@operator
def written_parameter(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    if _is_method(function):
        yield _before_return(function, "for p in self.parameters():\n    p.data.mul_(1.5)")


@operator
def switched_grad_mode(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    yield _before_return(function, "torch.set_grad_enabled(not torch.is_grad_enabled())")


@operator
def switched_mode(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    if _is_method(function):
        yield _before_return(function, "self.train(not self.training)")


# --- only sometimes ------------------------------------------------------------------------------------------------------------------------


@operator
def wrong_in_eval(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    if _is_method(function):
        yield from _on_tensor_calls("(_e if self.training else _e * 1.001)")(function)


@operator
def wrong_in_training(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    if _is_method(function):
        yield from _on_tensor_calls("(_e * 1.001 if self.training else _e)")(function)


@operator
def wrong_on_second_call(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """A count kept where no comparison of attributes sees it."""
    name = _first_argument(function)
    count = "torch.lintorch_calls = getattr(torch, 'lintorch_calls', 0) + 1"
    yield _at_start(function, f"{count}\n{name} = {name} * 2 if torch.lintorch_calls % 3 == 2 else {name}")


@operator
def wrong_without_grad(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    yield from _on_tensor_calls("(_e if torch.is_grad_enabled() else _e * 1.001)")(function)


@operator
def wrong_for_negative_inputs(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    name = _first_argument(function)
    yield _at_start(function, f"{name} = torch.where({name} < 0, {name} * 1.001, {name}) if {name}.is_floating_point() else {name} // 2")


@operator
def wrong_in_branch(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """A statement under an `if` computes something else."""

    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.If) and isinstance(node.body[0], ast.Assign):
            first = node.body[0]
            return ast.If(node.test, [ast.Assign(first.targets, _expression("_e * 1.001", e=first.value), lineno=0), *node.body[1:]], node.orelse)
        return None

    return _each(function, change)


@operator
def raises_once(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    name = _first_argument(function)
    yield _at_start(function, f"if {name}.sum() > 0:\n    raise ValueError('positive')")
