"""Real programs, changed at random: the blocks of the rules' pages, the fixtures, and classes and functions of installed packages."""

from __future__ import annotations

import ast
import importlib.util
import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from lintorch.catalogue import load_catalogue

ROOT = Path(__file__).parents[2]
_HEAD = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\n\n"
_SNIPPET_LINES = 60
_NAMES = ("x", "y", "loss", "out", "self", "losses", "h", "\u00e9t\u00e9", "_")
_WORDS = (
    "return x", "y = x", "del y", "global y", "nonlocal y", "yield x", "x = (yield)", "raise", "pass", "x = y = self.layer(x)", "loss.backward()",
    "x += 1", "y: torch.Tensor = x", "self.cache.append(loss)", "assert x", "(y := x)", "y, *z = x", "x = x", "x.detach_()", "import x", "break", "continue",
    "losses.append(loss)", "total += loss", "self.last = x", "x, y = y, x", "try: y = x\nfinally: pass", "with torch.no_grad(): y = x", "exec('x = 1')",
    "return", "y = lambda: x", "def f(): return y", "class y: pass", "y = [x for x in x]", "match x:\n    case [y, *_]: pass", "async def y(): await x",
)  # fmt: skip
_HEADERS = ("if x:", "for x in y:", "while x:", "with x as y:", "try:", "with torch.no_grad():", "if x: pass\n{}else:", "class C:", "def g(x):")
_PIECES = (
    "\\\n", "# noqa", "# noqa: LT101", "# lintorch: ignore[LT]", "\t", "\x0c", ";", "  ", "\n\n", "\u2028", '"""', "'", "(", ")", "[", "]", "{", "}", ",", ":",
    "=", ":=", "lambda: ", "await ", "not ", "*", "**", "0", "...", "\u00e9", "\U0001f525", "f'{x}'", "b''", "if x else y", "for x in y", "\r\n", "\r",
    "# type: ignore",
)  # fmt: skip


@cache
def corpus() -> tuple[str, ...]:
    """Programs of up to some dozens of lines in which rules have something to say, or nearly."""
    pages = [block.text for registered in load_catalogue().rules for block in registered.page.blocks if block.kind != "inputs"]
    fixtures = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "fixtures").rglob("*.py"))]
    return (*pages, *fixtures)


@cache
def installed() -> tuple[str, ...]:
    """Classes and functions of this project, and of torch.nn and einops where they are installed."""
    folders = [ROOT / "lintorch"]
    for name, part in (("torch", "nn"), ("einops", "")):
        found = importlib.util.find_spec(name)
        folders += [Path(place) / part for place in (found.submodule_search_locations or ())] if found else []
    texts = [path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.rglob("*.py"))]
    return tuple(snippet for text in texts for snippet in _snippets(text))


def _snippets(text: str) -> list[str]:
    lines = text.splitlines(keepends=True)
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    return [_HEAD + "".join(lines[node.lineno - 1 : node.end_lineno]) for node in nodes if (node.end_lineno or 0) - node.lineno < _SNIPPET_LINES]


def program(seed: int) -> bytes:
    """The mutant of that number."""
    chance = random.Random(seed)
    text = chance.choice(corpus() if chance.random() < 0.8 else installed())
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        text = chance.choice(_MUTATIONS)(text, chance)
    return _encoded(text, chance)


def _encoded(text: str, chance: random.Random) -> bytes:
    """As some file would hold it: line ends of either kind, a BOM, another encoding, no line end at the end."""
    ends = chance.choice(("\n", "\n", "\n", "\n", "\r\n", "\r"))
    raw = re.sub("\r\n|\r|\n", ends, text)
    if chance.random() < 0.1:
        raw = raw.rstrip()
    if chance.random() < 0.05:
        return raw.encode("utf-8-sig", errors="replace")
    if chance.random() < 0.05:
        return f"# coding: latin-1{ends}{raw}".encode("latin-1", errors="replace")
    return raw.encode(errors="replace")


def _line(text: str, chance: random.Random) -> tuple[list[str], int]:
    lines = text.splitlines(keepends=True) or ["\n"]
    return lines, chance.randrange(len(lines))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _delete(text: str, chance: random.Random) -> str:
    lines, at = _line(text, chance)
    return "".join(lines[:at] + lines[at + 1 :])


def _double(text: str, chance: random.Random) -> str:
    lines, at = _line(text, chance)
    return "".join(lines[: at + 1] + lines[at:])


def _swap(text: str, chance: random.Random) -> str:
    lines, at = _line(text, chance)
    return "".join([*lines[:at], *lines[at + 1 : at + 2], lines[at], *lines[at + 2 :]])


def _insert_statement(text: str, chance: random.Random) -> str:
    lines, at = _line(text, chance)
    indent = _indent(lines[at])
    lines.insert(at, "".join(f"{indent}{line}\n" for line in chance.choice(_WORDS).split("\n")))
    return "".join(lines)


def _enclose(text: str, chance: random.Random) -> str:
    """Put a line under a header."""
    lines, at = _line(text, chance)
    indent = _indent(lines[at])
    header = chance.choice(
        ("if x:", "for x in y:", "while x:", "with x as y:", "try:", "with torch.no_grad():", "if x: pass\n{}else:", "class C:", "def g(x):")
    )
    after = f"{indent}except E as y:\n{indent}    pass\n" if header == "try:" else ""
    lines[at] = f"{indent}{header.format(indent)}\n    {lines[at].rstrip(chr(10))}\n{after}"
    return "".join(lines)


def _rename(text: str, chance: random.Random) -> str:
    """One name by another, everywhere or at one place."""
    names = re.findall(r"\b[a-z_]\w*\b", text) or ["x"]
    old, new = chance.choice(names), chance.choice((*_NAMES, chance.choice(names)))
    pattern = rf"\b{re.escape(old)}\b"
    places = len(re.findall(pattern, text))
    if chance.random() < 0.5 or not places:
        return re.sub(pattern, new, text)
    before = "".join(re.split(f"({pattern})", text)[: 2 * chance.randrange(places) + 1])
    return before + re.sub(pattern, new, text[len(before) :], count=1)


def _borrow(text: str, chance: random.Random) -> str:
    """A line of another program, with the indentation of this one."""
    lines, at = _line(text, chance)
    others, other = _line(chance.choice(corpus()), chance)
    lines.insert(at, _indent(lines[at]) + others[other].lstrip(" \t"))
    return "".join(lines)


def _insert_piece(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(_PIECES) + text[at:]


def _break_line(text: str, chance: random.Random) -> str:
    """In brackets, or with a comment behind: what must not be lost, and what may not be joined."""
    lines, at = _line(text, chance)
    piece = chance.choice(("  # why", "  # noqa", ";", "; y = x", " \\", "  # type: torch.Tensor", "\n\n# alone", "\n\x0c"))
    lines[at] = lines[at].rstrip("\r\n") + piece + "\n"
    return "".join(lines)


def _parenthesise(text: str, chance: random.Random) -> str:
    places = [match.span(1) for match in re.finditer(r"= ([^=\n]+)$|return (?:[^\n]+)$", text, re.MULTILINE) if match.group(1)]
    if not places:
        return text
    start, end = chance.choice(places)
    return f"{text[:start]}(\n    {text[start:end]}  # kept\n){text[end:]}"


def _join(text: str, chance: random.Random) -> str:
    """Two statements on one line."""
    lines, at = _line(text, chance)
    if at + 1 >= len(lines) or _indent(lines[at]) != _indent(lines[at + 1]):
        return text
    return "".join([*lines[:at], lines[at].rstrip("\r\n") + "; " + lines[at + 1].lstrip(), *lines[at + 2 :]])


def _tabs(text: str, chance: random.Random) -> str:
    return text.replace("    ", "\t") if chance.random() < 0.5 else text.replace("    ", " ")


_MUTATIONS: tuple[Callable[[str, random.Random], str], ...] = (
    _delete, _double, _swap, _insert_statement, _insert_statement, _enclose, _enclose, _rename, _rename, _borrow, _borrow, _insert_piece, _break_line,
    _parenthesise, _join, _tabs,
)  # fmt: skip
