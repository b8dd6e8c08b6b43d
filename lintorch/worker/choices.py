"""Which way a run goes where a value that nobody knows decides: tests of `if` and `while`, answered so that the wanted lines run and every loop ends."""

from __future__ import annotations

import ast
import types
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

_LEAVES = (ast.Return, ast.Break, ast.Continue, ast.Raise)
_LOOP_TURNS = 12


class Test(NamedTuple):
    """A test of an `if`, `while` or `assert` by its lines; `answer` is None where the value itself may decide."""

    first: int
    last: int
    loops: bool
    answer: Optional[bool]


class Choices:
    """Answers for the tests of one file. `wanted` are the lines that should run."""

    def __init__(self, text: str, path: str, wanted: Iterable[int]) -> None:
        self.path = path
        self.tests = sorted(_tests(ast.parse(text), frozenset(wanted)), key=lambda test: test.last - test.first)
        self.turns: Dict[Tuple[int, int], int] = {}

    def answer(self, frame: types.FrameType) -> Optional[bool]:
        """What a test that `frame` is at comes to; None where it is no test of the file, or a free one."""
        if frame.f_code.co_filename != self.path:
            return None
        line = frame.f_lineno
        test = next((test for test in self.tests if test.first <= line <= test.last), None)
        if test is None or not test.loops:
            return test.answer if test is not None else None
        key = (id(frame), test.first)
        self.turns[key] = turn = self.turns.get(key, 0) + 1
        if turn <= _LOOP_TURNS:
            return True
        del self.turns[key]
        return False


def _tests(tree: ast.AST, wanted: "frozenset[int]") -> Iterator[Test]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.If, ast.IfExp)):
            yield Test(node.test.lineno, _end(node.test), False, _answer(node, wanted))
        elif isinstance(node, ast.While):
            yield Test(node.test.lineno, _end(node.test), True, None)
        elif isinstance(node, ast.Assert):
            yield Test(node.test.lineno, _end(node.test), False, True)


def _answer(node: "ast.If | ast.IfExp", wanted: "frozenset[int]") -> Optional[bool]:
    """Towards the wanted lines; else past what leaves the loop or the function."""
    if isinstance(node, ast.IfExp):
        return None
    for branch, answer in ((node.body, True), (node.orelse, False)):
        if branch and wanted & set(range(branch[0].lineno, _end(branch[-1]) + 1)):
            return answer
    leaving = [answer for branch, answer in ((node.body, False), (node.orelse, True)) if branch and isinstance(branch[-1], _LEAVES)]
    return leaving[0] if len(leaving) == 1 else None


def _end(node: ast.AST) -> int:
    last: Any = getattr(node, "end_lineno", None) or getattr(node, "lineno", 0)
    return int(last)


def models_of(text: str) -> Set[str]:
    """The dotted names on which the text calls what only modules have."""
    found: Set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr in _OF_MODULES:
            found.add(_dotted(node.value))
    return found - {""}


def settings_of(text: str) -> Dict[str, Any]:
    """The dotted names that the text gives where torch takes plain numbers or flags alone, each with such a value."""
    found: Dict[str, Any] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            takes = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            given = [keyword.value for keyword in node.keywords if keyword.arg in _NUMBERS]
            given += node.args[_TAKE_NUMBERS[takes] :] if takes in _TAKE_NUMBERS else []
            found.update((name, 0.1) for value in given for name in _chains(value))
            found.update((name, False) for keyword in node.keywords if keyword.arg in _FLAGS for name in _chains(keyword.value))
    for name in ("", *_used_otherwise(ast.parse(text))):
        found.pop(name, None)
    return found


def _used_otherwise(tree: ast.AST) -> Iterator[str]:
    """The dotted names that are called, or of which an item or attribute is asked for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield _dotted(node.func)
        elif isinstance(node, (ast.Subscript, ast.Attribute)):
            yield _dotted(node.value)


_NUMBERS = frozenset(
    {"alpha", "std", "lr", "momentum", "weight_decay", "betas", "eps", "max_norm", "gamma", "step_size", "p", "min", "max", "label_smoothing", "temperature"}
)
_FLAGS = frozenset({"enabled", "non_blocking", "set_to_none", "retain_graph", "create_graph", "requires_grad", "keepdim"})
# The first argument that is a plain number.
_TAKE_NUMBERS = {"normal_": 0, "uniform_": 0, "clamp": 0, "clamp_": 0, "clip_grad_norm_": 1, "clip_grad_value_": 1, "fill_": 0, "lerp": 1, "lerp_": 1}
_OF_MODULES = frozenset({"parameters", "named_parameters", "train", "eval", "state_dict", "load_state_dict", "requires_grad_"})


def _chains(node: ast.AST) -> Iterator[str]:
    """The dotted names in an expression, each whole."""
    if isinstance(node, (ast.Name, ast.Attribute)):
        yield _dotted(node)
    elif not isinstance(node, (ast.Call, ast.Subscript)):
        for part in ast.iter_child_nodes(node):
            yield from _chains(part)


def _dotted(node: ast.AST) -> str:
    parts: List[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([*reversed([*parts, node.id])]) if isinstance(node, ast.Name) else ""
