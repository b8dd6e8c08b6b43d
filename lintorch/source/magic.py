"""IPython's own lines in a notebook's cells, as Python and back: whatever they do, to a reader of Python they are calls of something unknown."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

NAME = "__lintorch_magic__"  # a name no program has
_CONTINUED = ", 'continued'"
# Cell magics whose body is Python that runs in the notebook's own namespace; the bodies of all others are left alone.
_PYTHON_BODIES = frozenset({"capture", "debug", "prun", "time", "timeit"})
_CELL_MAGIC = re.compile(r"%%(\w+)")
_ESCAPE = re.compile(r"(?P<before>[ \t]*)(?P<line>[%!?].*)")
_ASSIGNED = re.compile(r"(?P<before>[ \t]*[\w.,*()\[\] \t]+?=[ \t]*)(?P<line>[%!].*)")
_HELP = re.compile(r"(?P<before>[ \t]*)(?P<line>%{0,2}[\w.*\[\]]+\?{1,2}[ \t]*;?[ \t]*(?:#.*)?)$")
_AUTOMAGIC = re.compile(
    r"(?P<before>[ \t]*)(?P<line>(?:pip|conda|mamba|uv|cd|ls|ll|cat|cp|mv|rm|mkdir|rmdir|man|less|more|who|whos"
    r"|history|matplotlib|load_ext|reload_ext|timeit|time|run)(?:[ \t]+[\w./~%$\"'-].*)?)$"
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_TOKEN = re.compile(
    r"""(?s)(?P<string>'''(?:[^\\]|\\.)*?'''|\"""(?:[^\\]|\\.)*?\"""|'(?:[^\\'\r\n]|\\.)*'|"(?:[^\\"\r\n]|\\.)*")"""
    r"""|(?P<comment>\#[^\r\n]*)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<join>\\(?:\r\n|\r|\n))|(?P<end>\r\n|\r|\n)"""
)
_CALL = re.compile(rf"(?P<before>.*?){NAME}\((?P<literal>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?P<continued>{_CONTINUED})?\)")


def is_python(text: str) -> bool:
    """Is a cell's text Python, if with some of IPython's own lines? The cells of other languages begin with a cell magic."""
    magic = _CELL_MAGIC.match(text.lstrip())
    return magic is None or magic[1] in _PYTHON_BODIES


def as_python(text: str, automagic: frozenset[int] = frozenset()) -> str:
    """A cell with IPython's own lines as calls, line for line; `automagic` are lines (from 1) to take for magics without their sign."""
    parts: list[str] = []
    at = 0
    for start, match in _statements(text, automagic):
        if match is not None:
            parts.append(text[at:start])
            at = _end_of_magic(text, start)
            parts += _calls(text[start:at], match["before"])
    return "".join((*parts, text[at:]))


def as_cell(text: str) -> str:
    """The cell that `as_python` made `text` of, with whatever else was changed in it."""
    return "".join(_restored(match.group()) for match in _LINE.finditer(text)) if NAME in text else text


def _magic(line: str, number: int, automagic: frozenset[int]) -> re.Match[str] | None:
    bare = line.rstrip("\r\n")
    found = _ESCAPE.match(bare) or _ASSIGNED.match(bare) or _HELP.match(bare)
    return found or (_AUTOMAGIC.match(bare) if number in automagic else None)


def may_be_automagic(line: str) -> bool:
    """Could a line that is no Python be a magic without its sign, such as `pip install x`?"""
    return _AUTOMAGIC.match(line.rstrip("\r\n")) is not None


def _statements(text: str, automagic: frozenset[int]) -> Iterator[tuple[int, re.Match[str] | None]]:
    """The offset of each line that begins a statement, with its match where it is IPython's own; the text of magics is not read as Python."""
    at, depth, starts = 0, 0, True
    while at < len(text):
        if starts:
            match = _magic(_line(text, at), text.count("\n", 0, at) + 1, automagic)
            yield at, match
            if match is not None:
                at = _end_of_magic(text, at)
                continue
        token = _TOKEN.search(text, at)
        if token is None:
            return
        depth = max(0, depth + (token["open"] is not None) - (token["close"] is not None))
        starts = token["end"] is not None and depth == 0
        at = token.end()


def _line(text: str, start: int) -> str:
    match = _LINE.match(text, start)
    assert match is not None  # it matches nothing at all
    return match.group()


def _end_of_magic(text: str, start: int) -> int:
    """Where the lines of a magic end: those that end in a backslash go on."""
    at = start
    while at < len(text):
        line = _line(text, at)
        at += len(line)
        if not line.rstrip("\r\n").endswith("\\"):
            break
    return at


def _calls(lines: str, before: str) -> Iterator[str]:
    """The calls that stand for a magic's lines; `before` is what of the first is Python: its indentation, and the names it is assigned to."""
    indent = before[: len(before) - len(before.lstrip())]
    for number, match in enumerate(_LINE.finditer(lines.removesuffix("\n") if lines else "")):
        line = match.group()
        bare = line.rstrip("\r\n")
        if number == 0:
            yield f"{before}{NAME}({bare[len(before) :]!r}){line[len(bare) :]}"
        elif line or match.start() == 0:
            yield f"{indent}{NAME}({bare!r}{_CONTINUED}){line[len(bare) :]}"
    yield "\n" if lines.endswith("\n") else ""


def _restored(line: str) -> str:
    bare = line.rstrip("\r\n")
    match = _CALL.fullmatch(bare)
    if match is None:
        return line
    text: str = ast.literal_eval(match["literal"])
    return (text if match["continued"] else match["before"] + text) + line[len(bare) :]
