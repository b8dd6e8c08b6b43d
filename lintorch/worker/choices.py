"""Which way a run goes where a value that nobody knows decides: tests of `if` and `while`, answered so that the wanted lines run and every loop ends."""

from __future__ import annotations

import ast
import types
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

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
    return int(getattr(node, "end_lineno", None) or getattr(node, "lineno", 0))


def models_of(text: str) -> Set[str]:
    """The dotted names on which the text calls what only modules have."""
    found: Set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr in _OF_MODULES:
            found.add(_dotted(node.value))
    return found - {""}


_OF_MODULES = frozenset({"parameters", "named_parameters", "train", "eval", "state_dict", "load_state_dict", "requires_grad_"})


def _dotted(node: ast.AST) -> str:
    parts: List[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([*reversed([*parts, node.id])]) if isinstance(node, ast.Name) else ""
