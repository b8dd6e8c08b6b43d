"""Comments that silence findings: flake8's `# noqa` as flake8 maps it to lines, and lintorch's own `# lintorch: ignore[...]`, for all of a statement."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lintorch.source.text import Source, Span

# flake8 looks at the first `# noqa` of a logical line only, and reads codes in capitals only when it compares them.
_NOQA = re.compile(r"# noqa(?::\s?(?P<codes>(?:[A-Z]+[0-9]+(?:[,\s]+)?)+))?", re.IGNORECASE)
_NOQA_FILE = re.compile(r"\s*# flake8[:=]\s*noqa", re.IGNORECASE)
_IGNORE = re.compile(r"#\s*lintorch:\s*ignore\b(?:\[(?P<codes>[^\]\n]*)\])?")
_SKIP_FILE = re.compile(r"#\s*lintorch:\s*skip-file\b")
_BETWEEN = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER})
_SEPARATOR = re.compile(r"[,\s]+")


class Suppression(NamedTuple):
    """One comment: the line it stands on, the lines it silences (first, last), and the codes or prefixes it names (None: every code).

    `own` tells lintorch's comments from `# noqa`, which a running flake8 looks after itself.
    """

    line: int
    first: int
    last: int
    codes: tuple[str, ...] | None
    own: bool = False

    def covers(self, line: int, code: str) -> bool:
        """Does it silence `code` on `line`?"""
        return self.first <= line <= self.last and (self.codes is None or code.startswith(self.codes))


@dataclass(frozen=True)
class Suppressions:
    """The suppressions of one file. Nothing is tokenized before the first question, and nothing at all in files that hold no such comment."""

    source: Source

    @classmethod
    def of(cls, source: Source) -> Suppressions:
        """The suppressions of a file."""
        return cls(source)

    def covers(self, line: int, code: str) -> bool:
        """Is `code` silenced on a line (1-based)?"""
        return self.skips_file or any(suppression.covers(line, code) for suppression in self._by_line.get(line, ()))

    def covers_beside_flake8(self, line: int, code: str, aliases: tuple[str, ...] = ()) -> bool:
        """Is `code` silenced on a line by what flake8 does not look after: lintorch's own comments, and noqa of another code that speaks for it?"""
        comments = self._by_line.get(line, ())
        by_alias = (comment for comment in comments if not comment.own and comment.codes is not None)
        return (
            self.skips_file
            or any(comment.own and comment.covers(line, code) for comment in comments)
            or any(comment.covers(line, alias) for comment in by_alias for alias in aliases)
        )

    @cached_property
    def skips_file(self) -> bool:
        """Does a line of its own say `# flake8: noqa`, or a comment `# lintorch: skip-file`?"""
        text = self.source.text
        if "flake8" in text.lower() and any(map(_NOQA_FILE.match, self._lines)):
            return True
        return _SKIP_FILE.search(text) is not None and any(map(_SKIP_FILE.match, self._comments()))

    @cached_property
    def all(self) -> tuple[Suppression, ...]:
        """Every suppression of single lines, in file order."""
        text = self.source.text
        if "noqa" not in text.lower() and "lintorch:" not in text:
            return ()
        return tuple(suppression for first, last in self._ranges for suppression in self._within(first, last))

    @cached_property
    def _by_line(self) -> dict[int, list[Suppression]]:
        by_line: dict[int, list[Suppression]] = {}
        for suppression in self.all:
            for line in range(suppression.first, suppression.last + 1):
                by_line.setdefault(line, []).append(suppression)
        return by_line

    def _within(self, first: int, last: int) -> Iterator[Suppression]:
        """The suppressions in a range of lines that count as one."""
        text = "".join(self._lines[first - 1 : last])
        noqa = _NOQA.search(text)
        for match in (*((noqa,) if noqa else ()), *_IGNORE.finditer(text)):
            codes = match["codes"]
            named = None if codes is None else tuple(filter(None, _SEPARATOR.split(codes)))
            line, own = first + text.count("\n", 0, match.start()), match.re is _IGNORE
            yield Suppression(line, *(self._logical_line(line) if own else (first, last)), named, own)

    @cached_property
    def _lines(self) -> list[str]:
        return list(io.StringIO(self.source.text, newline=None))

    @cached_property
    def _tokens(self) -> list[tokenize.TokenInfo]:
        """The file's tokens, none where Python's tokenizer fails."""
        try:
            return list(tokenize.generate_tokens(iter(self._lines).__next__))
        except (tokenize.TokenError, SyntaxError):
            return []

    def _comments(self) -> Iterator[str]:
        return (token.string for token in self._tokens if token.type == tokenize.COMMENT)

    @cached_property
    def comment_spans(self) -> dict[int, Span]:
        """By line (1-based), where the comment on it stands; a line has one at most."""
        comments = (token for token in self._tokens if token.type == tokenize.COMMENT)
        starts = {token.start[0]: (self.source.line_starts[token.start[0] - 1] + token.start[1], len(token.string)) for token in comments}
        return {line: Span(start, start + length) for line, (start, length) in starts.items()}

    def extent(self, line: int) -> tuple[int, int]:
        """The lines that count as one with `line`, first and last: a comment behind the last speaks for all of them."""
        return next(((first, last) for first, last in self._ranges if first <= line <= last), (line, line))

    def _logical_line(self, line: int) -> tuple[int, int]:
        """The lines of the statement, or of the header, that a line belongs to: brackets join them."""
        return next(((first, last) for first, last in self._logical if first <= line <= last), self.extent(line))

    @cached_property
    def _logical(self) -> list[tuple[int, int]]:
        ranges: list[tuple[int, int]] = []
        first = 0
        for token in self._tokens:
            first = first or (token.start[0] if token.type not in _BETWEEN else 0)
            if token.type == tokenize.NEWLINE:
                ranges.append((first, token.end[0]))
                first = 0
        return ranges

    @cached_property
    def _ranges(self) -> list[tuple[int, int]]:
        """The lines that count as one, as flake8 has them: joined by strings and backslashes, parted at every other line end."""
        ranges: list[tuple[int, int]] = []
        first = last = 0
        for token in self._tokens:
            if token.type in (tokenize.ENDMARKER, tokenize.DEDENT):
                continue
            first, last = first or token.start[0], max(last, token.end[0])
            if token.type in (tokenize.NL, tokenize.NEWLINE):
                ranges.append((first, last))
                first = last = 0
        mapped = {line for start, end in ranges for line in range(start, end + 1)}
        return sorted([*ranges, *((line, line) for line in range(1, len(self._lines) + 1) if line not in mapped)])
