"""Whatever text is given, parsing ends in a tree that other tools survive or in one line."""

from __future__ import annotations

import ast
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import libcst
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintorch.source.parse import parse
from lintorch.source.syntax import python_needed
from lintorch.source.text import Source, SourceError


def source(text: str) -> Source:
    return Source.from_bytes(Path("net.py"), text.encode())


# Programs that nest so many levels of one kind.
NESTED: dict[str, Callable[[int], str]] = {
    "parentheses": lambda depth: "x = " + "(" * depth + "1" + ")" * depth,
    "lists": lambda depth: "x = " + "[" * depth + "1" + "]" * depth,
    "dictionaries": lambda depth: "x = " + "{1: " * depth + "1" + "}" * depth,
    "calls": lambda depth: "x = " + "f(" * depth + "1" + ")" * depth,
    "calls over lines": lambda depth: "x = " + "f(\n" * depth + "1" + "\n)" * depth,
    "subscripts": lambda depth: "x = a" + "[0]" * depth,
    "attributes": lambda depth: "x = a" + ".b" * depth,
    "sums": lambda depth: "x = a" + " + a" * depth,
    "sums over lines": lambda depth: "x = (a" + "\n + a" * depth + ")",
    "powers": lambda depth: "x = a" + "**a" * depth,
    "negations": lambda depth: "x = " + "-" * depth + "a",
    "nots": lambda depth: "x = " + "not " * depth + "a",
    "lambdas": lambda depth: "x = " + "lambda: " * depth + "a",
    "choices": lambda depth: "x = " + "a if a else " * depth + "a",
    "method chains": lambda depth: "x = a" + ".b()" * depth,
    "elif": lambda depth: "if a: pass\n" + "elif a: pass\n" * depth,
    "else": lambda depth: "".join(" " * level + "if a:\n" for level in range(depth)) + " " * depth + "pass\n",
    "decorator": lambda depth: "@" + "f(" * depth + "1" + ")" * depth + "\ndef g(): pass\n",
    "default": lambda depth: "def g(a=" + "-" * depth + "1): pass\n",
    "base": lambda depth: "class A(" + "f(" * depth + "1" + ")" * depth + "): pass\n",
    "except": lambda depth: "try:\n    pass\nexcept a" + ".b" * depth + ":\n    pass\n",
    "pattern": lambda depth: "match a:\n    case " + "[" * depth + "1" + "]" * depth + ":\n        pass\n",
    "pattern over lines": lambda depth: "match a:\n    case (\n" + "{1:\n" * depth + "1" + "}\n" * depth + "):\n        pass\n",
    "subject": lambda depth: "match " + "f(" * depth + "1" + ")" * depth + ":\n    case 1:\n        pass\n",
    "with": lambda depth: "with " + "f(" * depth + "1" + ")" * depth + ":\n    pass\n",
    "docstring": lambda depth: "'''" + "(" * depth + "'''\nx = 1\n",
    "strings": lambda depth: "x = '" + "[" * depth + "]" * depth + "'\n",
    "comment": lambda depth: "# " + "(" * depth + ")" * depth + "\n",
}


def nested(kind: str, depth: int) -> str:
    return NESTED[kind](depth)


FLAT = ["docstring", "strings", "comment"]
PATTERNS = ["pattern", "pattern over lines"]
DEEP = [kind for kind in NESTED if kind not in (*FLAT, *PATTERNS)]


@pytest.mark.parametrize("kind", FLAT)
@pytest.mark.parametrize("depth", [10, 1000, 100_000])
def test_what_is_no_nesting_parses(kind: str, depth: int) -> None:
    assert isinstance(parse(source(nested(kind, depth))), ast.Module)


@pytest.mark.parametrize("kind", DEEP)
def test_ordinary_depth_parses_and_survives_libcst(kind: str) -> None:
    text = nested(kind, 40)
    parse(source(text))
    libcst.parse_module(text).visit(libcst.CSTTransformer())


@pytest.mark.parametrize("kind", PATTERNS)
def test_patterns_that_would_hang_libcst_are_one_line(kind: str) -> None:
    parse(source(nested(kind, 5)))
    with pytest.raises(SourceError, match=r"net\.py:1: is nested too deeply"):
        parse(source(nested(kind, 20)))


@pytest.mark.parametrize("body", [" f(f(f(f(f(f(f(f(1))))))))", "\n        f(f(f(f(f(f(f(f(1))))))))"])
def test_what_a_case_runs_is_no_pattern(body: str) -> None:
    assert parse(source(f"match a:\n    case [[1], 2]:{body}\n")).body


def test_rejected_patterns_are_not_given_to_libcst() -> None:
    with pytest.raises(SourceError, match="not valid Python"):
        parse(source(nested("pattern", 30) + "x = = 1\n"))


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("depth", [400, 3000])
def test_depth_is_one_line(kind: str, depth: int) -> None:
    with pytest.raises(SourceError, match=r"nested too deeply|is not valid Python") as caught:
        parse(source(nested(kind, depth)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind in DEEP if kind != "else"])
def test_what_passes_the_gate_survives_libcst(kind: str) -> None:
    """The deepest program of a kind that still passes, visited and copied as flow would."""
    passing = max(depth for depth in range(10, 400, 10) if parses(nested(kind, depth)))
    libcst.parse_module(nested(kind, passing)).visit(libcst.CSTTransformer())


def parses(text: str) -> bool:
    try:
        parse(source(text))
    except SourceError:
        return False
    return True


@pytest.mark.parametrize("sign", ["(", "[", "{", "-", "f(", "a if ", "not ", "lambda: ", "('a' + "])
def test_a_hundred_thousand_levels_do_not_kill_the_process(sign: str) -> None:
    script = (
        "import pathlib, sys; from lintorch.source.parse import parse; from lintorch.source.text import *\n"
        "try: parse(Source.from_bytes(pathlib.Path('a.py'), ('x = ' + sys.argv[1] * 100_000).encode()))\n"
        "except SourceError: print('one line')"
    )
    run = subprocess.run([sys.executable, "-c", script, sign], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, "one line")


SYNTAX_ERRORS = [("x = = 1\n", 1), ("def f():\npass\n", 2), ("x = (1\n", 1), ("print 'python 2'\n", 1), ("x = '\n", 1), ("\tx\n  y\n", 2)]


@pytest.mark.parametrize(("text", "line"), SYNTAX_ERRORS)
def test_syntax_errors_name_file_and_line(text: str, line: int) -> None:
    with pytest.raises(SourceError, match="not valid Python") as caught:
        parse(source(text))
    assert caught.value.line in (line, line - 1)
    assert "\n" not in str(caught.value)


NEWER = [
    pytest.param("def f[T](x: T) -> T: return x\n", (3, 12), id="type parameters"),
    pytest.param("type Pair[T] = tuple[T, T]\n", (3, 12), id="type statement"),
    pytest.param("class A[T = int]: pass\n", (3, 13), id="type parameter default"),
    pytest.param("x = f'{y['a']}'\n", (3, 12), id="quotes within an f-string"),
    pytest.param("x = f'{'\\n'.join(y)}'\n", (3, 12), id="backslash within an f-string"),
    pytest.param("try:\n    pass\nexcept A, B:\n    pass\n", (3, 14), id="except without parentheses"),
    pytest.param("try:\n    pass\nexcept* A, B:\n    pass\n", (3, 14), id="except* without parentheses"),
    pytest.param("x = t'{y}'\n", (3, 14), id="template string"),
    pytest.param("try:\n    x = t'{f'y'}'\nexcept (A, B):\n    a[*b, 1]\n", (3, 14), id="beside older syntax"),
    pytest.param("def f[T](x: T): return t'{x}'\n", (3, 14), id="the newest counts"),
]


@pytest.mark.parametrize(("text", "version"), NEWER)
def test_newer_syntax_names_the_python_needed(text: str, version: tuple[int, int]) -> None:
    if sys.version_info >= version:
        parse(source(text))
        return
    with pytest.raises(SourceError, match=rf"uses syntax of Python {version[0]}\.{version[1]}; run lintorch with Python {version[0]}"):
        parse(source(text))


@pytest.mark.parametrize("text", ["x = = 1\n", "x = 1\n", "() if 0 else(lambda:())\n", "print 'a'\n"])
def test_no_version_is_named_where_none_would_help(text: str) -> None:
    assert python_needed(text) is None


def test_older_new_syntax_is_told() -> None:
    if sys.version_info < (3, 11):
        assert python_needed("try:\n    pass\nexcept* A:\n    pass\n") == "3.11"
        assert python_needed("x = a[*b]\n") == "3.11"


def test_warnings_of_the_checked_file_are_not_ours() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parse(source("x = '\\d'\ny = 1 is 1\n"))
    assert not caught


def test_depth_that_brackets_in_strings_hide_is_one_line() -> None:
    with pytest.raises(SourceError, match="nested too deeply"):
        parse(source("x = " + "(')' + " * 300 + "1" + ")" * 300))


def test_a_number_too_long_is_one_line() -> None:
    if hasattr(sys, "set_int_max_str_digits"):
        with pytest.raises(SourceError):
            parse(source("x = " + "9" * 5000 + "\n"))


@given(st.text(st.sampled_from("()[]{}'\"#\\\n ax=:+-.,f*@"), max_size=60))
def test_random_text_is_a_tree_or_one_line(text: str) -> None:
    try:
        expected: str | None = ast.dump(ast.parse(text))
    except SyntaxError:
        expected = None
    try:
        found: str | None = ast.dump(parse(source(text)))
    except SourceError as error:
        assert "\n" not in str(error)
        found = None
    assert found == expected
