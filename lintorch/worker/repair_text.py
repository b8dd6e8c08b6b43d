"""What an error's text and the line it was raised at say about shapes, where no torch operation is at hand to ask."""

from __future__ import annotations

import ast
import functools
import linecache
import os
import re
import types
from typing import Any, Iterator, List, Optional, Tuple

import torch

from .attempt import Outcome, tensors_in
from .demand import Demand, Divisible, Equal, Fill, Grow, Multiple, Rank, Size

_HERE = os.path.dirname(os.path.abspath(__file__))
_TORCH = os.path.dirname(os.path.abspath(torch.__file__))
Alternatives = Iterator[Tuple[Demand, ...]]


def text_demands(outcome: Outcome) -> Alternatives:
    """Sets of demands, likeliest first; none where the error says nothing that is understood."""
    error = outcome.error
    if error is None:
        return
    for reader in (_einops, _modules, _unpacking, _comparisons, _described_shapes, _described_ranks, _numbers_in_text):
        try:
            yield from reader(outcome, str(error))
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RuntimeError):
            continue  # the objects of user code answer in any way they like


def own_frames(outcome: Outcome) -> List[Tuple[types.FrameType, int]]:
    """The frames of user code, innermost first."""
    return [(frame, line) for frame, line in reversed(outcome.frames) if not frame.f_code.co_filename.startswith((_HERE, _TORCH, "<"))]


@functools.lru_cache(maxsize=64)
def module_tree(filename: str) -> Optional[ast.Module]:
    """The syntax tree of a loaded file, None where its text is not at hand."""
    try:
        return ast.parse("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError, RecursionError):
        return None


@functools.lru_cache(maxsize=1024)
def statement_at(filename: str, line: int) -> List[ast.stmt]:
    """The statements that cover a line, innermost first."""
    tree = module_tree(filename)
    found = (
        [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)] if tree is not None else []
    )
    return sorted(found, key=lambda node: (-node.lineno, (node.end_lineno or node.lineno)))


def evaluate(node: ast.expr, frame: types.FrameType) -> Any:
    """The value of an expression in a frame that raised, None where it cannot be had."""
    try:
        return eval(compile(ast.Expression(node), "<frame>", "eval"), frame.f_globals, frame.f_locals)
    except BaseException:
        return None


def _unpacking(outcome: Outcome, text: str) -> Alternatives:
    """`b, c, h, w = x.shape` on a tensor of another rank."""
    match = re.search(r"to unpack \(expected (?:at least )?(\d+)", text)
    if match is None:
        return
    for frame, line in own_frames(outcome)[:2]:
        for statement in statement_at(frame.f_code.co_filename, line)[:1]:
            for node in ast.walk(statement):
                if isinstance(node, (ast.Name, ast.Attribute)):
                    value = evaluate(node, frame)
                    if isinstance(value, torch.Tensor) and value.dim() != int(match.group(1)):
                        yield (Rank(value, int(match.group(1))),)


def _einops(outcome: Outcome, text: str) -> Alternatives:
    """Patterns of einops: the number of axes and what each must be divisible by."""
    for frame, _ in reversed(outcome.frames):
        names = frame.f_locals
        pattern = names.get("pattern")
        if "einops" in frame.f_code.co_filename and isinstance(pattern, str):
            tensors = list(tensors_in(names.get("tensor", names.get("tensors", names.get("x")))))
            known = (
                {key: value for key, value in (names.get("axes_lengths") or {}).items() if isinstance(value, int)}
                if isinstance(names.get("axes_lengths"), dict)
                else {}
            )
            for tensor in tensors[:1]:
                yield from _pattern(pattern.partition("->")[0], tensor, known)
            return


def _pattern(left: str, tensor: torch.Tensor, known: Any) -> Alternatives:
    axes = re.findall(r"\([^)]*\)|\S+", left)
    if "..." in left:
        if tensor.dim() < len(axes) - 1:
            yield (Rank(tensor, len(axes)),)
        return
    if len(axes) != tensor.dim():
        yield (Rank(tensor, len(axes)),)
        return
    for dim, axis in enumerate(axes):
        parts = axis.strip("()").split()
        product, free = 1, False
        for part in parts:
            size = known.get(part, int(part) if part.isdigit() else None)
            free = free or size is None
            product *= size or 1
        if free and product > 1 and tensor.shape[dim] % product:
            yield (Multiple(tensor, dim, product),)
        elif not free and parts and tensor.shape[dim] != product:
            yield (Size(tensor, dim, product),)


def _modules(outcome: Outcome, text: str) -> Alternatives:
    """Modules of torch.nn that check their input themselves."""
    for frame, _ in reversed(outcome.frames[-4:]):
        module, given = frame.f_locals.get("self"), frame.f_locals.get("input")
        if not isinstance(module, torch.nn.Module) or not isinstance(given, torch.Tensor):
            continue
        if isinstance(module, (torch.nn.RNNBase, torch.nn.RNNCellBase)):
            yield from _recurrent(module, given, frame)
        rank = re.search(r"BatchNorm(\d)d|InstanceNorm(\d)d|Conv(?:Transpose)?(\d)d|Pool(\d)d", type(module).__name__)
        if rank is not None:
            wanted = int(next(group for group in rank.groups() if group)) + 2
            if given.dim() != wanted:
                size = getattr(module, "num_features", getattr(module, "in_channels", None))
                yield (Rank(given, wanted), Size(given, 1, size)) if isinstance(size, int) else (Rank(given, wanted),)
        if isinstance(module, torch.nn.PReLU):
            yield (Size(given, 1, module.num_parameters),)
        return


def _recurrent(module: Any, given: torch.Tensor, frame: types.FrameType) -> Alternatives:
    cell = isinstance(module, torch.nn.RNNCellBase)
    if given.dim() != (2 if cell else 3):
        yield (Rank(given, 2 if cell else 3), Size(given, 1 if cell else 2, module.input_size))
    if given.dim() and given.shape[-1] != module.input_size:
        yield (Size(given, given.dim() - 1, module.input_size),)
    state = frame.f_locals.get("hx")
    batch = given.shape[0 if cell or module.batch_first else 1] if given.dim() > 1 else 1
    layers = 1 if cell else module.num_layers * (2 if module.bidirectional else 1)
    for tensor in tensors_in(state):
        wanted = (batch, module.hidden_size) if cell else (layers, batch, module.hidden_size)
        yield (Rank(tensor, len(wanted)), *(Size(tensor, dim, size) for dim, size in enumerate(wanted)))


def _tests(statements: List[ast.stmt], line: int) -> Iterator[ast.expr]:
    """The conditions behind an assert or a raise: what should have been true."""
    for statement in statements:
        called = _asserted(statement)
        if called is not None:
            yield called
        elif isinstance(statement, ast.Assert):
            yield statement.test
        elif isinstance(statement, ast.If):
            yield ast.copy_location(ast.UnaryOp(ast.Not(), statement.test), statement.test)


def _asserted(statement: ast.stmt) -> Optional[ast.expr]:
    """The condition of `torch._assert(condition, message)`, `torch._check(condition)`."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not call.args:
        return None
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    return call.args[0] if name in ("_assert", "_check", "check", "torch_assert") else None


def asked(frame: types.FrameType, line: int) -> Iterator[ast.expr]:
    """The conditions that should have been true, where the statement at a line is an assert, or a raise below conditions."""
    statements = statement_at(frame.f_code.co_filename, line)
    if statements and (isinstance(statements[0], (ast.Assert, ast.Raise)) or _asserted(statements[0]) is not None):
        yield from _tests(statements, line)


def _comparisons(outcome: Outcome, text: str) -> Alternatives:
    """`assert c == self.dim`, `if n % heads: raise`: numbers that should have been equal or divisible."""
    for frame, line in [*own_frames(outcome)[:1], *reversed(outcome.frames[-1:])]:
        for test in asked(frame, line):
            for node in ast.walk(test):
                if isinstance(node, ast.Compare):
                    yield from _comparison(node, frame)
                elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                    yield from _modulo(node, frame)


def _comparison(node: ast.Compare, frame: types.FrameType) -> Alternatives:
    left, right = evaluate(node.left, frame), evaluate(node.comparators[0], frame)
    if isinstance(left, (tuple, list, torch.Size)) and isinstance(right, (tuple, list, torch.Size)):
        yield from _shapes_compared(node, frame, list(left), list(right))
        pairs = list(zip(left, right))
    else:
        pairs = [(left, right)]
    ranked = _rank_asked(node, frame, right if isinstance(right, int) else next(iter(right), None) if isinstance(right, (tuple, list, set)) else None)
    if ranked is not None:
        yield (ranked,)
    if isinstance(node.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
        yield from _bounded(node, frame, left, right)
    for got, want in pairs:
        if isinstance(got, int) and isinstance(want, int) and got != want:
            tensor = _shaped(node.left, frame)
            if tensor is not None:
                yield from ((Size(tensor, dim, want),) for dim in _dims_read(node.left, tensor, got))
            yield (Equal(got, want),)
            yield (Equal(want, got),)


def _bounded(node: ast.Compare, frame: types.FrameType, left: Any, right: Any) -> Alternatives:
    """`assert x.shape[1] > self.kernel`: sizes and numbers just beyond the bound that they missed, then twice that."""
    for side, got, bound in ((node.left, left, right), (node.comparators[0], right, left)):
        if not isinstance(got, (int, float)) or not isinstance(bound, (int, float)) or isinstance(got, bool):
            continue
        above = isinstance(node.ops[0], (ast.Gt, ast.GtE)) == (side is node.left)
        beyond = int(bound) + (isinstance(node.ops[0], (ast.Lt, ast.Gt)) and (1 if above else -1))
        tensor = _shaped(side, frame)
        for want in (beyond, 2 * beyond) if above else (beyond, beyond // 2):
            if want > 0 and want != got:
                if tensor is not None:
                    yield from ((Size(tensor, dim, want),) for dim in _dims_read(side, tensor, int(got)))
                yield (Equal(int(got), want),)


def _shapes_compared(node: ast.Compare, frame: types.FrameType, left: List[Any], right: List[Any]) -> Alternatives:
    """`assert mask.shape == (batch, length, 1)`: a tensor of the whole shape wanted, whatever its rank."""
    for side, got, want in ((node.left, left, right), (node.comparators[0], right, left)):
        tensor = _shaped(side, frame)
        if tensor is not None and list(tensor.shape) == got and len(want) <= 6 and all(type(size) is int for size in want):
            yield (*([Rank(tensor, len(want))] if tensor.dim() != len(want) else []), *(Size(tensor, dim, size) for dim, size in enumerate(want)))


def _rank_asked(node: ast.Compare, frame: types.FrameType, want: Any) -> Optional[Rank]:
    """`x.dim() == 3`, `x.ndim == 3`, `len(x.shape) == 3`."""
    for part in ast.walk(node.left):
        if isinstance(part, ast.Attribute) and part.attr in ("dim", "ndim", "shape", "size", "ndimension"):
            tensor = evaluate(part.value, frame)
            got = evaluate(node.left, frame)
            if isinstance(tensor, torch.Tensor) and isinstance(want, int) and got == tensor.dim() != want and want <= 6:
                return Rank(tensor, want)
    return None


def _shaped(node: ast.expr, frame: types.FrameType) -> Optional[torch.Tensor]:
    """The tensor whose shape an expression reads."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr in ("shape", "size"):
            tensor = evaluate(part.value, frame)
            if isinstance(tensor, torch.Tensor):
                return tensor
    return None


def _dims_read(node: ast.expr, tensor: torch.Tensor, got: int) -> List[int]:
    """The dimension that an expression reads by its number (`x.size(3)`, `x.shape[-1]`); else those of that size, the last ones first."""
    for part in ast.walk(node):
        index = part.slice if isinstance(part, ast.Subscript) else part.args[0] if isinstance(part, ast.Call) and len(part.args) == 1 else None
        number = index.operand if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub) else index
        if isinstance(number, ast.Constant) and isinstance(number.value, int):
            dim = (number.value if number is index else -number.value) % max(tensor.dim(), 1)
            return [dim] if dim < tensor.dim() and tensor.shape[dim] == got else []
    return [dim for dim in reversed(range(tensor.dim())) if tensor.shape[dim] == got]


def _modulo(node: ast.BinOp, frame: types.FrameType) -> Alternatives:
    left, right = evaluate(node.left, frame), evaluate(node.right, frame)
    if isinstance(left, int) and isinstance(right, int) and right > 0 and left % right:
        yield (Divisible(left, right),)
        yield from ((Equal(right, divisor),) for divisor in (right - 1, right // 2, 4, 2, 1) if divisor > 0 and left % divisor == 0)


_PAIRS = (
    (r"expected input\[.*\] to have (\d+) channels, but got (\d+)", (2, 1)),
    (r"cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)", (1, 2)),
    (r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)", (2, 1)),
    (r"Expected size (\d+) but got size (\d+)", (2, 1)),
    (r"[Ee]xpected (\d+)[,.]? (?:but )?(?:got|received|found) (\d+)", (2, 1)),
    (r"input.size\(-1\) must be equal to input_size. Expected (\d+), got (\d+)", (2, 1)),
    (r"expanded size of the tensor \((\d+)\) must match the existing size \((\d+)\)", (2, 1)),
    (r"can't divide axis of length (\d+) in chunks of (\d+)", (1, 2)),
    (r"running_mean should contain (\d+) elements not (\d+)", (1, 2)),
    (r"given normalized_shape=\[(\d+)\].*got input of size\s*\[(?:\d+, )*(\d+)\]", (2, 1)),
    (r"got (\d+).*expected (\d+)", (1, 2)),
)


def _numbers_in_text(outcome: Outcome, text: str) -> Alternatives:
    """Well-known messages with the number that was got and the one that was wanted."""
    for pattern, (got, want) in _PAIRS:
        match = re.search(pattern, text, re.DOTALL)
        if match is not None:
            yield (Equal(int(match.group(got)), int(match.group(want))),)
            yield (Equal(int(match.group(want)), int(match.group(got))),)
            return
    yield from _number_pairs(outcome, text)
    if "divisible" in text or "multiple" in text:
        found = [int(number) for number in re.findall(r"\d+", text)]
        for number, by in zip(found, found[1:]):
            if by and number % by:
                yield (Divisible(number, by),)
    yield from _everything(outcome, text)


_SHAPE_TEXT = re.compile(r"[\[(]((?:[*A-Za-z_.]+\d?|\d+)(?:\s*,\s*(?:[*A-Za-z_.]+\d?|\d+)){1,5})[\])]|\b((?:[A-Z]|\d{1,3})(?:x(?:[A-Z]|\d{1,3})){1,4})\b")


def _described_shapes(outcome: Outcome, text: str) -> Alternatives:
    """Shapes that a message describes in letters: "must have a shape of (*, 3, H, W)", "expected BxCxHxW"."""
    for match in _SHAPE_TEXT.finditer(text[:400]):
        parts = [part.strip() for part in (match.group(1) or match.group(2).replace("x", ",")).split(",")]
        if all(part.isdigit() for part in parts) or any(len(part) > 12 for part in parts):
            continue
        parts = ["B" if part in ("*", "...") else part for part in parts]
        for made in _inputs(outcome):
            sizes = tuple(Size(made, dim, int(part)) for dim, part in enumerate(parts) if part.isdigit() and dim < made.dim())
            if made.dim() != len(parts):
                # The rank first: where the dimensions stand is only known then, and the next error says the rest.
                yield (Rank(made, len(parts)),)
            elif any(made.shape[size.dim] != size.want for size in sizes):
                yield sizes


_RANK_TEXT = re.compile(r"(\d)[- ]?[dD](?:\b|im)|(\d)[- ]dimension|(?:one|two|three|four)[- ]dimension")
_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4}


def _described_ranks(outcome: Outcome, text: str) -> Alternatives:
    """Ranks that a message asks for: "labels must be a 1D tensor", "expected 3-dimensional input"; of the inputs it names, else of all."""
    match = _RANK_TEXT.search(text[:300])
    if match is None:
        return
    want = int(next((group for group in match.groups() if group), 0)) or _COUNTS[match.group(0)[: match.group(0).index("d")].strip("- ")]
    named = [made for path, made in outcome.inputs.items() if isinstance(made, torch.Tensor) and str(path[-1]).lstrip("=") in text.split()]
    yield from ((Rank(made, want),) for made in named or _inputs(outcome) if made.dim() != want <= 5)


def _inputs(outcome: Outcome) -> List[torch.Tensor]:
    """The tensors given to the call, then those given to the constructor."""
    return [made for table in (outcome.inputs, outcome.parts) for made in table.values() if isinstance(made, torch.Tensor)]


def _number_pairs(outcome: Outcome, text: str) -> Alternatives:
    """Any number of the message that is a size of an input, to become any other of its numbers."""
    found = list(dict.fromkeys(int(number) for number in re.findall(r"(?<![\w.])\d{1,4}(?![\w.])", text[:300])))
    sizes = {size for made in outcome.inputs.values() if isinstance(made, torch.Tensor) for size in made.shape}
    for got in found[:6]:
        if got in sizes:
            yield from ((Equal(got, want),) for want in found[:6] if want not in (got, 0))
    if len(found) == 1 and found[0] > 2 and not sizes & set(found):  # "no dimension with 257 elements"
        given = [made for made in outcome.inputs.values() if isinstance(made, torch.Tensor) and made.dim() > 1]
        for back in (1, 2):
            yield tuple(Size(made, made.dim() - back, found[0]) for made in given)


TOO_SMALL = (
    "too small",
    "Kernel size can't be greater",
    "less than",
    "more than 1 value per channel",
    "Padding size should be",
    "at least",
    "greater than actual",
    "larger than",
    "should be greater than 0",
    "should be at least",
    "too short",
    "inconsistent with step sign",
    "negative dimension",
    "exceeds dimension size",
    "k out of range",
    "input.numel() == 0",
    "tensor of 0 elements",
    "to have non-zero size",
    "has invalid size",
)
_NOT_NEGATIVE = re.compile(
    r"non-?negative|positive|\[0, ?1\]|between 0 and 1|>= ?0|greater or equal to 0|greater than (or equal to )?0|in range|probabilit|GreaterThan|Simplex",
    re.IGNORECASE,
)


def _everything(outcome: Outcome, text: str) -> Alternatives:
    """Errors that name no place: too small, wrong dtype, values out of range."""
    tensors = _inputs(outcome)
    if any(word in text for word in TOO_SMALL):
        yield from ((Grow(tensor),) for tensor in tensors)
        yield from ((Grow(tensor, 1),) for tensor in tensors)
        yield from ((Grow(tensor, tensor.dim() - 2),) for tensor in tensors if tensor.dim() > 4)  # frames of images: their sides alone
    if re.search(r"[Bb]atch", text) and any(word in text for word in ("size", "greater", "larger", "at least")):
        yield from (tuple(Size(tensor, 0, size) for tensor in tensors if tensor.dim()) for size in (8, 64, 256))
    if any(word in text for word in ("indices", "scalar type Long", "index out of range", "int64", "torch.long", "integer", "LongTensor", "long type")):
        yield from ((Fill(tensor, "ids"),) for tensor in tensors if not (tensor.dtype == torch.int64 and "range" not in text))
    if re.search(r"only (?:the following )?values|following values", text):  # labels, of which a message lists those allowed
        yield from ((Fill(tensor, "ids"),) for tensor in tensors if tensor.is_floating_point())
    if "torch.bool" in text or "boolean" in text:
        yield from ((Fill(tensor, "bools"),) for tensor in tensors if tensor.dtype != torch.bool)
    if "float" in text or "Float" in text:
        yield from ((Fill(tensor, "normal"),) for tensor in tensors if not tensor.is_floating_point())
    if _NOT_NEGATIVE.search(text):
        yield tuple(Fill(tensor, "unit") for tensor in tensors if tensor.is_floating_point())
    beyond = re.search(r"Dimension out of range \(expected .*\), but got (\d)", text)
    if beyond is not None and outcome.operation is None:  # in a backward of its own
        yield from ((Rank(tensor, int(beyond.group(1)) + more),) for more in (1, 2) for tensor in tensors if tensor.dim() < int(beyond.group(1)) + more)
    if re.search(r"[Ll]engths?\b.*(greater than 0|1D CPU int64)", text):
        yield from ((Rank(tensor, 1), Size(tensor, 0, 2), Fill(tensor, "lengths", 16, "int64")) for tensor in reversed(tensors))
    if "omplex" in text:
        yield from ((Fill(tensor, "normal", dtype="complex64"),) for tensor in tensors if not tensor.is_complex())
