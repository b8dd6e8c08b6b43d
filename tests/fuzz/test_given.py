"""What people and workers hand in: settings, comments, notebooks, results. Whatever it is, it is used or refused in one line."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintorch.cli import main
from lintorch.settings import Settings
from lintorch.source.notebook import Notebook
from lintorch.source.suppress import Suppressions
from lintorch.source.text import Source, SourceError
from lintorch.worker import protocol
from lintorch.worker.protocol import BrokenFrame
from tests.cli.doors import NET
from tests.fuzz.invariants import fix

NAMES = [field.name.replace("_", "-") for field in fields(Settings)]
CODES = ["LT", "LT1", "LT101", "returned-temporary", "E501", "", "*", "[", "**/*", "!x", "/", "\\", "LT101,LT2", "\u00e9", "Net(", "Net(), 1"]
SCALARS = st.one_of(st.sampled_from(CODES), st.text(max_size=8), st.integers(), st.floats(), st.booleans())
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*CODES, "a.py"]), inner, max_size=2)))
TABLES = st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=6)), VALUES, max_size=4)


def toml(value: Any) -> str:
    """A value as TOML spells it; characters that TOML has no escape for are left to be wrong."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value) if isinstance(value, str) else str(value)


def checked(files: dict[str, bytes], *arguments: str) -> tuple[int, str, str]:
    """The command line on files in a folder of their own."""
    with tempfile.TemporaryDirectory() as name, _inside(name), pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(NET.encode())))
        (Path(name) / ".git").mkdir()
        for file, raw in files.items():
            (Path(name) / file).write_bytes(raw)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["check", "--jobs", "1", *arguments])
        return status, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def _inside(folder: str):
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def holds(status: int, out: str, err: str) -> None:
    """A run that worked, or one line that says why it did not."""
    assert status in (0, 1, 2)
    assert "internal error" not in out + err
    if status == 2:
        assert err.startswith("lintorch: ")
        assert err.count("\n") == 1


@given(TABLES)
@settings(max_examples=150)
def test_settings(table: dict[str, Any]) -> None:
    text = "[tool.lintorch]\n" + "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in table.items())
    holds(*checked({"pyproject.toml": text.encode("utf-8", "surrogatepass"), "a.py": NET.encode()}))


@given(st.binary(max_size=60))
@settings(max_examples=50)
def test_configuration_files_of_any_bytes(raw: bytes) -> None:
    files = {"pyproject.toml": raw, "ruff.toml": raw, "setup.cfg": raw, ".flake8": raw, ".gitignore": raw, "a.py": NET.encode()}
    holds(*checked(files))


PIECES = [
    "# noqa",
    "#noqa",
    ": ",
    "LT101",
    "LT",
    ",",
    " ",
    "E501",
    "# lintorch: ignore",
    "[",
    "]",
    "skip-file",
    "# flake8: noqa",
    "\\\n",
    "\n",
    "'''",
    '"',
    "(",
    ")",
    "\r",
]
COMMENTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=8).map("".join)


@given(COMMENTS, COMMENTS, st.integers(1, 20))
def test_suppressing_comments(above: str, behind: str, line: int) -> None:
    """Any comment is one of three things for each line: it says nothing, it silences a code, or it silences all."""
    text = f"{above}\n" + NET.replace("y = x.relu()\n", f"y = x.relu(){behind}\n")
    try:
        source = Source.from_bytes("a.py", text.encode("utf-8", "surrogatepass"))
    except SourceError as error:
        assert "\n" not in str(error)
        return
    found = Suppressions.of(source)
    assert found.covers(line, "LT101") in (True, False)
    assert all(one.first <= one.line <= one.last for one in found.all)
    assert not found.covers(line, "LT101") or "noqa" in text.lower() or "lintorch:" in text


SOURCES = st.one_of(
    st.sampled_from([NET, "%matplotlib inline\n" + NET, "!ls", "%%bash\nls", "x = !ls", "pip install x", "x?", "", "a\u2028b", "if x:", NET.rstrip()]),
    st.text(max_size=12),
)
CELLS = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown", "raw", "x"]), "source": st.one_of(SOURCES, SOURCES.map(lambda text: text.splitlines(keepends=True)))},
    optional={"metadata": st.one_of(st.just({}), VALUES), "outputs": st.just([]), "id": st.text(max_size=3), "execution_count": st.none()},
)
NOTEBOOKS = st.fixed_dictionaries(
    {"cells": st.lists(st.one_of(CELLS, CELLS, CELLS, VALUES), max_size=4), "nbformat": st.sampled_from([4, 4, 4, 3, "4", None])},
    optional={"nbformat_minor": st.integers(0, 5), "metadata": st.one_of(st.just({}), VALUES)},
)


@given(st.one_of(NOTEBOOKS, VALUES), st.sampled_from([None, 1, "\t"]), st.booleans())
@settings(max_examples=150)
def test_notebooks(document: Any, indent: Any, ascii_only: bool) -> None:
    """A notebook is read and fixed, or refused in one line; a fix changes the sources of its cells and nothing else."""
    pytest.importorskip("nbformat")
    raw = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        notebook = Notebook.from_bytes("a.ipynb", raw)
        result = fix(notebook)
    except SourceError as error:
        assert "\n" not in str(error)
        return
    if result.text is not None:
        after = json.loads(notebook.written(result.text))
        assert without_sources(after) == without_sources(json.loads(raw))
        assert fix(Notebook.from_bytes("a.ipynb", notebook.encode(result.text))).text is None


def without_sources(document: Any) -> Any:
    return {**document, "cells": [{**cell, "source": None} for cell in document["cells"]]}


JSON = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)), lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["blobs", "status", "tensors", "head", "x"]), inner, max_size=3)))  # fmt: skip


@given(JSON, st.binary(max_size=40))
def test_results_that_a_worker_forges(head: Any, body: bytes) -> None:
    """A whole frame with the job's own key may hold any JSON: it is a frame or no result."""
    key = bytes(protocol.KEY_BYTES)
    text = json.dumps(head).encode()
    frame = protocol._LENGTHS.pack(protocol._MAGIC, key, len(text), len(body)) + text + body
    frame += protocol._SEAL.pack(protocol._checksum([text, body]))
    with contextlib.suppress(BrokenFrame):
        for one in protocol.unpack(key, frame):
            assert isinstance(one.head, dict)
            assert sum(map(len, one.blobs)) == len(body)


@pytest.mark.parametrize("seed", range(30))
def test_command_lines_of_any_words(seed: int) -> None:
    """Options, values, paths and rubbish in any order end in a run or in one line."""
    words: list[Callable[[random.Random], str]] = [
        lambda chance: chance.choice(
            ["--select", "--ignore", "--exclude", "--format", "--fail-on", "--jobs", "--config", "--stdin-filename", "--statistics", "-q"]
        ),
        lambda chance: chance.choice(
            ["LT1", "LT999", "json", "sarif", "error", "0", "-1", "a.py", "missing", "--", "", "\x00", "\udcff", "*", "--zzz", "=", "[", "1e9"]
        ),
    ]
    chance = random.Random(seed)
    arguments = [chance.choice(words)(chance) for _ in range(chance.randrange(1, 6))]
    try:
        status, out, err = checked({"a.py": NET.encode()}, *arguments)
    except SystemExit as end:  # --help and --version
        assert end.code in (0, None)
        return
    assert status in (0, 1, 2)
    assert "internal error" not in out + err, arguments
