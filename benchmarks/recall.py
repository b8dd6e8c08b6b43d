"""Recall on code that was correct: one cut is taken out of it, and the rule whose hazard that makes is asked.

    python -m benchmarks.recall FOLDER... [--code LT203] [--missed]

FOLDER holds sources of packages. The mutants: in a function that runs backward, `.item()`, `.detach()` or `float()` taken from what is added
(LT201) or appended (LT202) in a loop; torch.no_grad() taken from a function that calls eval() (LT203); save_for_backward of one tensor made an
attribute (LT209); retain_graph=True given to the one backward of a function (LT211). Not every mutant is a bug, so that a miss has to be read: a
caller may switch gradients off as well, a second pass may follow.
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lintorch.catalogue import load_catalogue
from lintorch.engine.check import Checker
from lintorch.settings import Settings
from lintorch.source.text import Source

Edit = tuple[ast.AST, str]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LOOPS = (ast.For, ast.While)
_CATALOGUE = load_catalogue()
_OFF = frozenset({"no_grad", "inference_mode"})


@dataclass(frozen=True)
class Mutant:
    """A file in which one hazard was made on a line, and the rule that should report it."""

    code: str
    path: Path
    line: int
    text: str


def mutants(path: Path) -> Iterator[Mutant]:
    """The mutants of a file, each place once."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return
    for function in (node for node in ast.walk(tree) if isinstance(node, (*_FUNCTIONS, ast.ClassDef))):
        for code, make in _MAKERS.items():
            for place, edits in make(function):
                changed = _edited(text, edits)
                if _parses(changed):
                    yield Mutant(code, path, getattr(place, "lineno", 1), changed)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _edited(text: str, edits: list[Edit]) -> str:
    """The text with nodes replaced."""
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    raw = text.encode()
    for node, new in sorted(edits, key=lambda edit: (_at(edit[0]), edit[1]), reverse=True):
        end = starts[(getattr(node, "end_lineno", 1) or 1) - 1] + (getattr(node, "end_col_offset", 0) or 0)
        raw = raw[: starts[_at(node)[0] - 1] + _at(node)[1]] + new.encode() + raw[end:]
    return raw.decode()


def _at(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 1), getattr(node, "col_offset", 0)


def _span(first: ast.AST, last: ast.AST, before: int = 0) -> ast.AST:
    """What stands from one node, or some characters before it, to the end of another."""
    span = ast.Constant(value=None)
    span.lineno, span.col_offset = _at(first)[0], _at(first)[1] - before
    span.end_lineno, span.end_col_offset = getattr(last, "end_lineno", 1), getattr(last, "end_col_offset", 0)
    return span


def _calls(node: ast.AST, name: str) -> list[ast.Call]:
    """The calls of a method or function of that name."""
    return [one for one in ast.walk(node) if isinstance(one, ast.Call) and getattr(one.func, "attr", getattr(one.func, "id", "")) == name]


def _uncut(value: ast.AST) -> list[Edit]:
    """The first cut in an expression taken out, where it is the only one."""
    cuts: list[Edit] = []
    for call in (node for node in ast.walk(value) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("item", "detach") and not call.args:
            cuts.append((call, ast.unparse(call.func.value)))
        elif isinstance(call.func, ast.Name) and call.func.id == "float" and len(call.args) == 1:
            cuts.append((call, ast.unparse(call.args[0])))
    return cuts if len(cuts) == 1 else []


def _is_of_losses(function: ast.AST, edits: list[Edit]) -> bool:
    """Is what was cut a name that backward is run on?"""
    trained = {ast.unparse(call.func.value) for call in _calls(function, "backward") if isinstance(call.func, ast.Attribute)}
    return any(new in trained for _, new in edits)


def _summed(function: ast.AST) -> Iterator[tuple[ast.AST, list[Edit]]]:
    for loop in (node for node in ast.walk(function) if isinstance(node, _LOOPS)):
        for node in (node for node in ast.walk(loop) if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add)):
            if _is_of_losses(function, _uncut(node.value)):
                yield node, _uncut(node.value)


def _collected(function: ast.AST) -> Iterator[tuple[ast.AST, list[Edit]]]:
    for loop in (node for node in ast.walk(function) if isinstance(node, _LOOPS)):
        for call in _calls(loop, "append"):
            if call.args and _is_of_losses(function, _uncut(call.args[0])):
                yield call, _uncut(call.args[0])


def _evaluated(function: ast.AST) -> Iterator[tuple[ast.AST, list[Edit]]]:
    if not isinstance(function, _FUNCTIONS) or not _calls(function, "eval"):
        return
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "attr", "") in _OFF and len(function.decorator_list) == 1:
            yield function, [(_span(decorator, decorator, 1), "")]
    for node in (node for node in ast.walk(function) if isinstance(node, ast.With) and len(node.items) == 1):
        manager = node.items[0].context_expr
        if isinstance(manager, ast.Call) and getattr(manager.func, "attr", "") in _OFF:
            yield node, [(_span(node, manager), "if True")]


def _on_context(owner: ast.AST) -> Iterator[tuple[ast.AST, list[Edit]]]:
    methods = {node.name: node for node in owner.body if isinstance(node, ast.FunctionDef)} if isinstance(owner, ast.ClassDef) else {}
    if not {"forward", "backward"} <= methods.keys():
        return
    saved = [call for call in _calls(methods["forward"], "save_for_backward") if len(call.args) == 1 and isinstance(call.args[0], ast.Name)]
    reads = [node for node in ast.walk(methods["backward"]) if isinstance(node, ast.Attribute) and node.attr == "saved_tensors"]
    if len(saved) == len(reads) == 1 and isinstance(saved[0].func, ast.Attribute):
        held = f"{ast.unparse(saved[0].func.value)}.only_one"
        yield saved[0], [(saved[0], f"{held} = {ast.unparse(saved[0].args[0])}"), (reads[0], f"({ast.unparse(reads[0].value)}.only_one,)")]


def _retained(function: ast.AST) -> Iterator[tuple[ast.AST, list[Edit]]]:
    calls = _calls(function, "backward") if isinstance(function, _FUNCTIONS) else []
    if len(calls) == 1 and not calls[0].args and not calls[0].keywords and isinstance(calls[0].func, ast.Attribute):
        yield calls[0], [(calls[0], f"{ast.unparse(calls[0].func)}(retain_graph=True)")]


_MAKERS: dict[str, Callable[[ast.AST], Iterator[tuple[ast.AST, list[Edit]]]]] = {
    "LT201": _summed,
    "LT202": _collected,
    "LT203": _evaluated,
    "LT209": _on_context,
    "LT211": _retained,
}


def found(path: Path, text: str, code: str) -> int:
    """How often the rule reports something in a text, in the place of the file that stands there."""
    analysis = Checker(_CATALOGUE).analyse(Source.from_bytes(str(path), text.encode()), Settings(select=(code,)))
    return len(analysis.judged)


def main() -> int:
    """Make the mutants, ask about each, print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--code", choices=sorted(_MAKERS))
    parser.add_argument("--missed", action="store_true", help="print each mutant that is not reported")
    options = parser.parse_args()
    made: Counter[str] = Counter()
    reported: Counter[str] = Counter()
    for path in sorted(path for folder in options.folders for path in folder.rglob("*.py")):
        for mutant in {(one.code, one.line): one for one in mutants(path) if options.code in (None, one.code)}.values():
            grown = found(path, mutant.text, mutant.code) > found(path, path.read_text(encoding="utf-8"), mutant.code)
            made[mutant.code] += 1
            reported[mutant.code] += grown
            if options.missed and not grown:
                print(f"{path}:{mutant.line} {mutant.code}", flush=True)
    for code in sorted(made):
        print(f"{code}: {reported[code]} of {made[code]}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
