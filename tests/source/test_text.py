"""Texts survive decoding, addressing and splicing byte for byte."""

from __future__ import annotations

import ast
import itertools
import pickle
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lintorch.source.text import Edit, Position, Source, SourceError, Span, splice

PATH = Path("net.py")

KEPT = [
    pytest.param(b"", id="empty"),
    pytest.param(b"x = 1", id="no final newline"),
    pytest.param(b"\xef\xbb\xbfx = 1\n", id="BOM"),
    pytest.param(b"\xef\xbb\xbf", id="BOM alone"),
    pytest.param(b"x = 1\r\ny = 2\r\n", id="CRLF"),
    pytest.param(b"x = 1\ry = 2\r", id="lone CR"),
    pytest.param(b"x = 1\r\ny = 2\nz = 3\r", id="mixed line ends"),
    pytest.param(b"x = 1\n\x0c\ny = 2\n", id="form feed"),
    pytest.param("s = 'a\u2028b\x85c\x1cd'\n".encode(), id="separators that are no line ends"),
    pytest.param("# -*- coding: latin-1 -*-\ns = '\u00e9'\n".encode("latin-1"), id="latin-1"),
    pytest.param("#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\ns = '\u20ac'\n".encode("cp1252"), id="cookie on line two"),
    pytest.param("# coding: shift_jis\ns = '\u8868'\n".encode("shift_jis"), id="a trailing byte that is a backslash"),
    pytest.param("# coding: utf-8\ns = '\U0001f525'\n".encode(), id="astral"),
]


@pytest.mark.parametrize("raw", KEPT)
def test_bytes_survive(raw: bytes) -> None:
    source = Source.from_bytes(PATH, raw)
    assert source.encode(source.text) == raw
    assert source.with_text(source.text) == source
    assert not source.text.startswith("\ufeff")


REFUSED = [
    pytest.param(b"x = 1\0\n", "NUL", id="NUL"),
    pytest.param("x = 1\n".encode("utf-16"), "NUL", id="UTF-16"),
    pytest.param(b"s = '\xff'\n", "decoded", id="not UTF-8"),
    pytest.param(b"# coding: klingon\n", "decoded", id="unknown encoding"),
    pytest.param(b"\xef\xbb\xbf# coding: latin-1\n", "decoded", id="BOM against cookie"),
    pytest.param(b"# coding: iso2022_jp\ns = '\x1b(B'\n", "survive", id="a redundant escape sequence"),
]


@pytest.mark.parametrize(("raw", "reason"), REFUSED)
def test_refusals_are_one_line(raw: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        Source.from_bytes(PATH, raw)
    assert str(caught.value).startswith("net.py: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        Source.read(tmp_path / "gone.py")


def test_a_character_the_encoding_lacks_is_refused() -> None:
    with pytest.raises(SourceError, match="cannot hold '\u20ac'"):
        Source.from_bytes(PATH, b"# coding: latin-1\n").with_text("# coding: latin-1\ns = '\u20ac'\n")


def test_errors_cross_process_borders() -> None:
    error = SourceError("a.py", "is odd", "look at it", 3)
    assert str(pickle.loads(pickle.dumps(error))) == "a.py:3: is odd; look at it"


ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "cp1252", "shift_jis", "euc_kr"])
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
CHARACTERS = st.sampled_from("ab =#'\"\\\t\x0c\x0b\u00e9\u20ac\u2028\x85\u8868\U0001f525()")
LINES = st.lists(st.tuples(st.text(CHARACTERS, max_size=12), LINE_ENDS), max_size=8)


@given(ENCODINGS, LINES, st.text(CHARACTERS, max_size=5))
def test_any_text_in_any_encoding_survives(encoding: str, lines: list[tuple[str, str]], rest: str) -> None:
    cookie = "" if encoding.startswith("utf-8") else f"# coding: {encoding}\n"
    text = cookie + "".join(line + end for line, end in lines) + rest
    try:
        raw = text.encode(encoding)
    except UnicodeEncodeError:
        assume(False)
    assume(raw.decode(encoding) == text)  # some codecs map two characters to one byte sequence
    source = Source.from_bytes(PATH, raw)
    assert source.text == text
    assert source.encode(source.text) == raw


@given(LINES, st.text(CHARACTERS, max_size=5))
def test_lines_partition_the_text(lines: list[tuple[str, str]], rest: str) -> None:
    source = Source(PATH, b"", "".join(line + end for line, end in lines) + rest, "utf-8")
    spans = [source.line_span(number) for number in range(1, len(source.line_starts) + 1)]
    assert "".join(source.text[span.start : span.end] for span in spans) == source.text
    assert all(before.end == after.start for before, after in itertools.pairwise(spans))


@given(LINES, st.data())
def test_positions_come_back(lines: list[tuple[str, str]], data: st.DataObject) -> None:
    source = Source(PATH, b"", "".join(line + end for line, end in lines), "utf-8")
    offset = data.draw(st.integers(0, len(source.text)))
    assert source.offset(source.position(offset)) == offset


NAMES = st.sampled_from(["x", "\u00e9", "\u8868\u8868", "self"])
STRINGS = st.text(st.sampled_from("ab\u00e9\u2028\x85\x0c\U0001f525"), max_size=6)


@given(st.lists(st.tuples(NAMES, STRINGS, st.sampled_from(["\n", "\r\n", "\r", "; ", "\n\x0c"])), min_size=1, max_size=6))
def test_ast_positions_are_found(parts: list[tuple[str, str, str]]) -> None:
    source = Source(PATH, b"", "".join(f"{name} = '{string}'{end}" for name, string, end in parts), "utf-8")
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Constant):
            start = source.ast_offset(node.lineno, node.col_offset)
            end = source.ast_offset(node.end_lineno or 0, node.end_col_offset or 0)
            assert ast.literal_eval(source.text[start:end]) == node.value


@pytest.mark.parametrize(("text", "newline"), [("", "\n"), ("x", "\n"), ("x\r\ny\n", "\r\n"), ("x\ry\n", "\r"), ("x\x0cy\nz\r\n", "\n")])
def test_the_first_line_end_counts(text: str, newline: str) -> None:
    assert Source(PATH, b"", text, "utf-8").newline == newline


def test_columns_count_code_points() -> None:
    source = Source(PATH, b"", "s = '\U0001f525'; y\n", "utf-8")
    assert source.position(source.text.index("y")) == Position(1, 10)
    assert source.line(1) == "s = '\U0001f525'; y"


SPLICES = [
    ([], "abcdef"),
    ([Edit(Span(0, 0), "x")], "xabcdef"),
    ([Edit(Span(6, 6), "x")], "abcdefx"),
    ([Edit(Span(4, 5), ""), Edit(Span(1, 3), "X")], "aXdf"),
    ([Edit(Span(1, 2), "x"), Edit(Span(2, 3), "y")], "axydef"),
]


@pytest.mark.parametrize(("edits", "expected"), SPLICES)
def test_splice(edits: list[Edit], expected: str) -> None:
    assert splice("abcdef", edits) == expected


def test_overlapping_edits_are_an_error() -> None:
    with pytest.raises(ValueError, match="overlap"):
        splice("abcdef", [Edit(Span(1, 4), ""), Edit(Span(3, 5), "")])


@pytest.mark.parametrize(("inner", "contained"), [(Span(2, 4), True), (Span(3, 3), True), (Span(1, 3), False), (Span(3, 5), False)])
def test_spans_contain(inner: Span, contained: bool) -> None:
    assert Span(2, 4).contains(inner) is contained
