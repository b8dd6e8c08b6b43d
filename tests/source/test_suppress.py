"""Suppressions silence what flake8 would silence, and lintorch's own comments on the same lines."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest
from flake8.processor import FileProcessor
from flake8.violation import Violation
from hypothesis import given
from hypothesis import strategies as st

from lintorch.source.suppress import Suppressions
from lintorch.source.text import Source

OPTIONS = argparse.Namespace(disable_noqa=False, hang_closing=False, indent_size=4, max_line_length=79, max_doc_length=None, verbose=0)


def suppressions(text: str) -> Suppressions:
    return Suppressions.of(Source.from_bytes(Path("net.py"), text.encode()))


def flake8_silences(text: str, line: int, code: str) -> bool:
    """flake8's own answer."""
    lines = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8").readlines()
    processor = FileProcessor("net.py", OPTIONS, lines)
    if processor.should_ignore_file():
        return True
    physical = processor.noqa_line_for(line)
    if physical is None:  # flake8 then takes the line as it stands in the file
        physical = lines[line - 1] if line <= len(lines) else ""
    return Violation(code, "net.py", line, 1, "", physical).is_inline_ignored(disable_noqa=False)


NOT_SILENCED = [
    pytest.param("x = 1\n", 1, "LT101", id="nothing"),
    pytest.param("x = 1  # noqa: E501\n", 1, "LT101", id="another code"),
    pytest.param("x = 1  # noqa: LT1011\n", 1, "LT101", id="a longer code"),
    pytest.param("x = 1\ny = 2  # noqa\n", 1, "LT101", id="the next line"),
    pytest.param("f(\n    1,  # noqa\n    2,\n)\n", 3, "LT101", id="another line within brackets"),
    pytest.param("x = 1  #noqa\n", 1, "LT101", id="no blank"),
    pytest.param("x = 1  # noqa: E501  # noqa: LT101\n", 1, "LT101", id="only the first noqa is read"),
    pytest.param("x = 1  # noqa: lt101\n", 1, "LT101", id="small letters name no code"),
    pytest.param("x = 1  # flake8: noqa\n", 2, "LT101", id="file level behind code is a line's"),
    pytest.param("x = 1  # lintorch: ignore[LT102]\n", 1, "LT101", id="own comment, another code"),
    pytest.param("x = 1  # lintorch: ignore[]\n", 1, "LT101", id="own comment, no code"),
    pytest.param("f(\n    1,\n)\ng()  # lintorch: ignore\n", 3, "LT101", id="own comment, the next statement"),
    pytest.param("if (\n    x\n):  # lintorch: ignore\n    y = 1\n", 4, "LT101", id="own comment, the body below the header"),
    pytest.param("x = 1  # lintorch: ignored\n", 1, "LT101", id="a word that begins like it"),
    pytest.param("s = '''\n# lintorch: skip-file\n'''\nx = 1\n", 4, "LT101", id="skip-file within a string"),
]


@pytest.mark.parametrize(("text", "line", "code"), NOT_SILENCED)
def test_not_silenced(text: str, line: int, code: str) -> None:
    assert not suppressions(text).covers(line, code)


SILENCED = [
    pytest.param("x = 1  # noqa\n", 1, "LT101", id="blanket"),
    pytest.param("x = 1  # NoQA\n", 1, "LT101", id="blanket, any case"),
    pytest.param("x = 1  # noqa: LT101\n", 1, "LT101", id="code"),
    pytest.param("x = 1  # noqa:LT101,E501\n", 1, "LT101", id="codes, no blank"),
    pytest.param("x = 1  # noqa: E501 LT101\n", 1, "LT101", id="codes parted by blanks"),
    pytest.param("x = 1  # noqa: LT1\n", 1, "LT101", id="prefix"),
    pytest.param("x = 1  # noqa : E501\n", 1, "LT101", id="a blank before the colon makes it blanket"),
    pytest.param("x = 1  # a reason # noqa: LT101\n", 1, "LT101", id="behind another comment"),
    pytest.param("s = '''\na\n'''  # noqa: LT101\n", 1, "LT101", id="first line of a string that ends with it"),
    pytest.param("s = '''\n# noqa: LT101\n'''\n", 3, "LT101", id="within the string"),
    pytest.param("x = 1 + \\\n    2  # noqa: LT101\n", 1, "LT101", id="backslash"),
    pytest.param("f(\n    1,  # lintorch: ignore[LT101]\n    2,\n)\n", 1, "LT101", id="own comment, first line of the statement"),
    pytest.param("f(\n    1,\n    2,\n)  # lintorch: ignore[LT101]\n", 2, "LT101", id="own comment, another line of the statement"),
    pytest.param("def f(\n    a,\n    # lintorch: ignore\n    b,\n):\n    pass\n", 4, "LT101", id="own comment, a header"),
    pytest.param("x = 1\n# flake8: noqa\n", 1, "LT101", id="file"),
    pytest.param("x = 1\n# flake8: noqa: E501\n", 1, "LT101", id="file, codes are not read"),
    pytest.param("x = 1  # noqa", 1, "LT101", id="no final newline"),
    pytest.param("x = 1\r\ny = 2  # noqa\r\n", 2, "LT101", id="CRLF"),
    pytest.param("x = 1\ry = 2  # noqa\r", 2, "LT101", id="lone CR"),
    pytest.param("x = 1  # lintorch: ignore\n", 1, "LT101", id="own comment"),
    pytest.param("x = 1  # lintorch:ignore[LT101]\n", 1, "LT101", id="own comment, code"),
    pytest.param("x = 1  # lintorch: ignore[LT2, LT101]\n", 1, "LT101", id="own comment, codes"),
    pytest.param("x = 1  # noqa: E501  # lintorch: ignore[LT101]\n", 1, "LT101", id="own comment behind noqa"),
    pytest.param("s = '''\na\n'''  # lintorch: ignore[LT101]\n", 1, "LT101", id="own comment, string"),
    pytest.param("x = 1\n# lintorch: skip-file\n", 1, "LT101", id="own comment, file"),
    pytest.param("if x:\n    y\n  z  # noqa\n", 3, "LT101", id="a text that Python's tokenizer refuses"),
]


@pytest.mark.parametrize(("text", "line", "code"), SILENCED)
def test_silenced(text: str, line: int, code: str) -> None:
    assert suppressions(text).covers(line, code)


FLAKE8_CASES = [case for case in (*NOT_SILENCED, *SILENCED) if "lintorch" not in str(case.values[0])]


@pytest.mark.parametrize(("text", "line", "code"), FLAKE8_CASES)
def test_flake8_answers_the_same(text: str, line: int, code: str) -> None:
    assert suppressions(text).covers(line, code) is flake8_silences(text, line, code)


COMMENTS = st.sampled_from(["", "  # noqa", "  # noqa: LT101", "  # NOQA:LT1,E501", "  # noqa : LT2", "  # noqa: E1 LT2", "  # flake8: noqa"])
STATEMENTS = st.sampled_from([
    "x = 1", "f(\n    1,{c}\n    2)", "s = '''\n{c}\n'''", "s = f('''a\nb'''{c}\n)", "y = 1 + \\\n    2", "if x:\n    y = 2{c}", "", "# a", "\x0cz = 3",
    "x = (1\n\n)",
])  # fmt: skip
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])
PROGRAMS = st.lists(st.tuples(STATEMENTS, COMMENTS, COMMENTS, ENDS), max_size=6)


@given(PROGRAMS, st.sampled_from(["LT101", "LT201", "E501"]))
def test_every_line_of_any_program_is_silenced_as_by_flake8(parts: list[tuple[str, str, str, str]], code: str) -> None:
    text = "".join(statement.replace("{c}", inner) + outer + end for statement, inner, outer, end in parts)
    ours = suppressions(text)
    lines = range(1, len(ours.source.line_starts) + 1)
    assert [ours.covers(line, code) for line in lines] == [flake8_silences(text, line, code) for line in lines]


def test_every_suppression_is_listed() -> None:
    text = "x = 1  # noqa: E501\ns = '''\na\n'''  # lintorch: ignore[LT101, LT2]\ny = 2  # noqa\n"
    assert [(each.line, each.first, each.last, each.codes) for each in suppressions(text).all] == [
        (1, 1, 1, ("E501",)), (4, 2, 4, ("LT101", "LT2")), (5, 5, 5, None),
    ]  # fmt: skip


def test_files_without_comments_are_not_tokenized() -> None:
    ours = suppressions("x = 1\n" * 10)
    assert not ours.covers(1, "LT101")
    assert "_tokens" not in vars(ours)


BESIDE = [
    ("x = 1  # noqa: LT101\n", False),
    ("x = 1  # noqa\n", False),
    ("x = 1  # lintorch: ignore[LT101]\n", True),
    ("x = 1  # noqa: RET504\n", True),
    ("# lintorch: skip-file\n", True),
]


@pytest.mark.parametrize(("text", "silenced"), BESIDE)
def test_beside_flake8_only_what_it_does_not_read_counts(text: str, silenced: bool) -> None:
    assert suppressions(text).covers_beside_flake8(1, "LT101", ("RET504",)) is silenced
