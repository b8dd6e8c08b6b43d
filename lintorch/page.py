"""A rule's page: Markdown whose examples are the rule's tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lintorch.settings import nearest

SECTIONS = ("Why it matters", "Examples", "Must stay silent", "Fix safety")
KINDS = ("bad", "fixed", "good", "inputs", "witness")

_TITLE = re.compile(r"# ([A-Z]+[0-9]+) ([a-z][a-z0-9-]*)")
_FENCE = re.compile(r"```(?P<info>.*)")
# Two blanks before the comment are part of the mark, so that the code without marks is as its author would write it.
_MARK = re.compile(r'\s*#\s*error:\s*\[(?P<codes>[^\]]*)\](?:\s*"(?P<message>[^"]*)")?\s*$')
_CODE = re.compile(r"[A-Z]+[0-9]+")


class PageError(Exception):
    """A page that is not as pages are; str() names the line and what is wrong."""

    def __init__(self, line: int, reason: str) -> None:
        self.line, self.reason = line, reason
        super().__init__(f"line {line}: {reason}")


@dataclass(frozen=True)
class Mark:
    """`# error: [LT101, LT103] "part of the message"` on a line of a bad block (1-based within the block)."""

    line: int
    codes: tuple[str, ...]
    message: str | None = None


@dataclass(frozen=True)
class Block:
    """A labelled example: its code without marks (it ends with a newline), the marks, its section and its line on the page."""

    kind: str
    text: str
    marks: tuple[Mark, ...]
    section: str
    line: int


@dataclass(frozen=True)
class Page:
    """What people are told about a rule. `sections` maps a heading to its Markdown, in the order of the page."""

    code: str
    name: str
    sentence: str
    sections: Mapping[str, str]
    blocks: tuple[Block, ...]
    text: str

    @property
    def title(self) -> str:
        """Code and name, as the heading has them."""
        return f"{self.code} {self.name}"


def parse_page(text: str) -> Page:
    """Read a rule's page; raises PageError for the first thing on it that is not as the other pages have it."""
    lines = text.splitlines()
    title = _TITLE.fullmatch(lines[0]) if lines else None
    if title is None:
        raise PageError(1, "a page begins with its code and name: # LT101 returned-temporary")
    blocks = tuple(_blocks(lines))
    sections = _sections(lines)
    return Page(title[1], title[2], _sentence(lines), sections, _checked(blocks), text)


def _headings(lines: list[str]) -> list[tuple[int, str]]:
    """The index and text of each `## heading` outside fenced blocks."""
    found, fenced = [], False
    for index, line in enumerate(lines):
        fenced ^= _FENCE.match(line) is not None
        if not fenced and line.startswith("## "):
            found.append((index, line[3:].strip()))
    return found


def _sections(lines: list[str]) -> Mapping[str, str]:
    headings = _headings(lines)
    names = tuple(name for _, name in headings)
    if names != SECTIONS:
        raise PageError(headings[0][0] + 1 if headings else 1, f"the sections are {', '.join(SECTIONS)}, in this order; found {', '.join(names) or 'none'}")
    ends = [index for index, _ in headings[1:]] + [len(lines)]
    return {name: "\n".join(lines[start + 1 : end]).strip() for (start, name), end in zip(headings, ends, strict=True)}


def _sentence(lines: list[str]) -> str:
    """The paragraph between the title and the first section."""
    first_section = _headings(lines)[0][0]
    paragraphs = [part.strip() for part in "\n".join(lines[1:first_section]).split("\n\n") if part.strip()]
    if len(paragraphs) != 1 or not paragraphs[0].endswith("."):
        raise PageError(2, "one sentence, ending in a full stop, stands between the title and the first section")
    return " ".join(paragraphs[0].split())


def _blocks(lines: list[str]) -> Iterator[Block]:
    """The labelled blocks; a block labelled with a language alone is prose."""
    section, start, kind = "", None, None
    for index, line in enumerate(lines):
        fence = _FENCE.match(line)
        if start is None and line.startswith("## "):
            section = line[3:].strip()
        elif fence and start is None:
            start, kind = index, _kind(fence["info"], index + 1)
        elif fence and start is not None:
            if kind is not None:
                yield _block(kind, lines[start + 1 : index], section, start + 1)
            start = None
    if start is not None:
        raise PageError(start + 1, "this block is never closed")


def _kind(info: str, line: int) -> str | None:
    words = info.split()
    if len(words) < 2:
        return None
    if len(words) > 2 or words[0] != "python" or words[1] not in KINDS:
        raise PageError(line, f"a block is labelled python and one of {', '.join(KINDS)}, not {info.strip()!r}{nearest(words[1], KINDS)}")
    return words[1]


def _block(kind: str, lines: list[str], section: str, line: int) -> Block:
    marks = tuple(mark for number, text in enumerate(lines, 1) if (mark := _mark(text, number, line + number)))
    code = "".join(_MARK.sub("", text) + "\n" for text in lines)
    return Block(kind, code, marks, section, line)


def _mark(text: str, number: int, page_line: int) -> Mark | None:
    match = _MARK.search(text)
    if match is None:
        if re.search(r"#\s*error\b", text):
            raise PageError(page_line, 'a mark is written # error: [LT101] or # error: [LT101] "part of the message"')
        return None
    codes = tuple(code.strip() for code in match["codes"].split(","))
    if not all(_CODE.fullmatch(code) for code in codes) or not text[: match.start()].strip():
        raise PageError(page_line, "a mark names codes such as LT101 and stands behind the code it speaks of")
    return Mark(number, codes, match["message"])


def _checked(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks, each where its kind may stand; raises PageError otherwise."""
    before = None
    for block in blocks:
        if (block.kind == "bad") != bool(block.marks):
            raise PageError(block.line, "a bad block has # error: [...] marks, and no other block has")
        if block.kind == "fixed" and before != "bad":
            raise PageError(block.line, "a fixed block follows its bad block")
        before = block.kind
    _require(blocks, "bad", "Examples")
    _require(blocks, "good", "Must stay silent")
    return blocks


def _require(blocks: tuple[Block, ...], kind: str, section: str) -> None:
    if not any(block.kind == kind and block.section == section for block in blocks):
        raise PageError(1, f"the section {section} needs at least one block labelled ```python {kind}")
