"""Notebooks: IPython's lines survive the way to Python and back, and a change touches the bytes of its own cells and no others."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintorch.source import magic
from lintorch.source.json_spans import elements, members, whole
from lintorch.source.notebook import Notebook, NotPython
from lintorch.source.text import Position, SourceError

NB = Path("nb.ipynb")
PYTHON = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def code(source: object, **more: object) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source, **more}


def notebook(*cells: object, metadata: object = PYTHON, version: int = 4) -> bytes:
    return (json.dumps({"cells": cells, "metadata": metadata, "nbformat": version, "nbformat_minor": 5}, indent=1, ensure_ascii=False) + "\n").encode()


MAGICS = [
    pytest.param("%matplotlib inline\nx = 1\n", "M\nx = 1\n", id="line magic"),
    pytest.param("!pip install \\\n  torch\nx = 1", "M\nM\nx = 1", id="a shell line that goes on"),
    pytest.param("files = !ls *.py\na, b[0] = %time f(x)", "files = M\na, b[0] = M", id="assigned"),
    pytest.param("if x:\n    !ls\n    y = (1\n      % 3)\n", "if x:\n    M\n    y = (1\n      % 3)\n", id="in a block, and a remainder in brackets"),
    pytest.param("x?\nnp.array??\n?x\n??y\n%time?", "M\nM\nM\nM\nM", id="help"),
    pytest.param("s = '''\n%not\n!no\nwhy?\n'''\nz = a \\\n  % b", None, id="strings and joined lines"),
    pytest.param("# why?\nx = d['a?'] != y\nf'{x!r}'", None, id="signs elsewhere"),
    pytest.param("%%time\nx = 1\n%cd x\n", "M\nx = 1\nM\n", id="a cell magic round Python"),
    pytest.param("x = 1\r\n%cd y\r\nz\r\n", "x = 1\r\nM\r\nz\r\n", id="line ends"),
]


@pytest.mark.parametrize(("text", "expected"), MAGICS)
def test_magics_become_calls_line_for_line(text: str, expected: str | None) -> None:
    python = magic.as_python(text)
    lines = [line.partition(magic.NAME)[0] + "M" if magic.NAME in line else line for line in python.replace("\r", "").split("\n")]
    assert "\n".join(lines) == (text if expected is None else expected).replace("\r", "")
    assert magic.as_cell(python) == text
    compile(python.replace("\r\n", "\n"), "cell", "exec")


@given(st.text(alphabet=st.sampled_from("ab%!?=.()[]'\"\\#\n\r\t é,"), max_size=60))
def test_every_cell_comes_back(text: str) -> None:
    python = magic.as_python(text)
    assert magic.as_cell(python) == text
    assert python.count("\n") == text.count("\n")


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=4)


@given(st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)))
def test_spans_are_those_of_the_values(value: object) -> None:
    for text in (json.dumps(value), f" {json.dumps(value, indent=3)}\n"):
        place = whole(text)
        assert json.loads(text[place.span.start : place.span.end]) == value
        if isinstance(value, dict):
            found = members(text, place)
            assert {name: json.loads(text[each.span.start : each.span.end]) for name, each in found.items()} == value
        if isinstance(value, list):
            assert [json.loads(text[each.span.start : each.span.end]) for each in elements(text, place)] == value


CELLS = (
    {"cell_type": "markdown", "metadata": {}, "source": ["# x = 1\n", "text"]},
    code(["%matplotlib inline\n", "x = 'é'\n", "y = x"]),
    code("z = 1\nz = 2", id="a"),
    code(["%%bash\n", "z = (\n"]),
    code(["w = 3"], outputs=[{"output_type": "stream", "name": "stdout", "text": ["x = 1\n"]}], metadata={"tags": ["x = 1"]}),
    code([]),
)


def test_the_text_is_the_python_cells_in_order() -> None:
    text = Notebook.from_bytes(NB, notebook(*CELLS)).text
    assert text == (
        "# %% lintorch cell 2\n__lintorch_magic__('%matplotlib inline')\nx = 'é'\ny = x\n# %% lintorch cell 3\nz = 1\nz = 2\n"
        "# %% lintorch cell 5\nw = 3\n# %% lintorch cell 6\n\n"
    )


def test_places_are_those_of_cells_and_of_the_file() -> None:
    read = Notebook.from_bytes(NB, notebook(*CELLS))
    raw = notebook(*CELLS).decode().split("\n")
    assert [(read.cell(line), read.shown(Position(line, 5)).line) for line in (2, 3, 6, 7, 9)] == [(2, 1), (2, 2), (3, 1), (3, 2), (5, 1)]
    assert [raw[read.file_line(line) - 1].strip(" ,") for line in (2, 3, 9)] == [r'"%matplotlib inline\n"', r'"x = ' + "'é'" + r'\n"', '"w = 3"']
    assert raw[read.file_line(7) - 1].strip(" ,") == r'"source": "z = 1\nz = 2"'
    assert read.told("made on line 4, `line`") == "made on line 3 of cell 2, `line`"


STYLES = [
    pytest.param(lambda raw: raw, id="as nbformat writes it"),
    pytest.param(lambda raw: json.dumps(json.loads(raw)).encode(), id="on one line, in ASCII"),
    pytest.param(lambda raw: json.dumps(json.loads(raw), indent=4).encode().replace(b"\n", b"\r\n"), id="other blanks and line ends"),
    pytest.param(lambda raw: raw.replace(b'"nbformat_minor"', b'"extra": 1.0e+5,\n "nbformat_minor"').rstrip(), id="odd numbers, no last line end"),
    pytest.param(lambda raw: raw.replace(b'"cells"', b'"cells": 3, "cells"', 1), id="a name that is there twice"),
]
CHANGES = [
    ("x = 'é'\n", "x = 'è'\n", 2),
    ("y = x\n", "y = x  # é\n", 2),
    ("x = 'é'\n", "", 2),
    ("z = 1\n", "", 3),
    ("w = 3\n", "if w:\n    w = 3\n", 5),
    ("cell 6\n\n", "cell 6\nu = 1\n", 6),
    ("__lintorch_magic__('%matplotlib inline')\n", "if w:\n    __lintorch_magic__('%matplotlib inline')\n", 2),
]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("before", "after", "cell"), CHANGES)
def test_a_change_touches_its_own_cell_and_nothing_else(style, before: str, after: str, cell: int) -> None:
    raw = style(notebook(*CELLS))
    read = Notebook.from_bytes(NB, raw)
    changed = read.with_text(read.text.replace(before, after, 1))
    place, new = (next(one for one in each.cells if one.number == cell).place.span for each in (read, changed))
    assert changed.document[: new.start] == read.document[: place.start]
    assert changed.document[new.end :] == read.document[place.end :]
    assert changed.raw != raw
    back = changed.with_text(read.text).raw
    assert json.loads(back) == json.loads(raw)
    assert back == raw or raw.isascii()  # whether é was an escape is forgotten with the last one
    expected = json.loads(raw)
    expected["cells"][cell - 1]["source"] = json.loads(changed.raw)["cells"][cell - 1]["source"]
    assert json.loads(changed.raw) == expected
    same = {one.number: one.source for one in changed.cells}
    assert [same[one.number] for one in read.cells if one.number != cell] == [one.source for one in read.cells if one.number != cell]


def test_lines_that_stay_keep_their_spelling() -> None:
    raw = notebook(*CELLS).replace("x = 'é'".encode(), rb"x = '\u00e9'")
    read = Notebook.from_bytes(NB, raw)
    assert read.with_text(read.text.replace("y = x", "y = 'è'")).raw == raw.replace(b'"y = x"', rb'''"y = '\u00e8'"''')


def test_the_same_line_may_be_spelled_in_two_ways() -> None:
    raw = notebook(code(["x = '\u00e9'\n", "y = 1\n", "x = '\u00e9'"])).replace("x = 'é'\\n".encode(), rb"x = '\u00e9'\n")
    raw = raw.replace(b'   "x', b'\t"x')  # as a merge leaves it
    read = Notebook.from_bytes(NB, raw)
    assert read.with_text(read.text.replace("y = 1", "y = 2")).raw == raw.replace(b"y = 1", b"y = 2")


@pytest.mark.parametrize("text", ["", "x = 1\n", "# %% lintorch cell 3\n", "# %% lintorch cell 2\nx = 1\n# %% lintorch cell 2\n"])
def test_a_change_across_cells_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="would change across its cells"):
        Notebook.from_bytes(NB, notebook(*CELLS)).with_text(text)


NOT, PARTS = "nb.ipynb: is not a notebook (", "nb.ipynb: is not a notebook (its parts are not those of one)"
BAD = [
    pytest.param(b"", NOT, id="empty"),
    pytest.param(b"\xff", "nb.ipynb: is not a notebook (it cannot be decoded", id="encoding"),
    pytest.param(b"\0", NOT, id="binary"),
    pytest.param(b"[]", NOT, id="a list"),
    pytest.param(b"3", NOT, id="a number"),
    pytest.param(b"[" * 100_000, NOT, id="nested"),
    pytest.param(notebook()[:-10], NOT, id="cut off"),
    pytest.param(b"\xef\xbb\xbf" + notebook(), NOT, id="byte order mark"),
    pytest.param(b'{"nbformat": 4, "nbformat_minor": 5}', PARTS, id="no cells"),
    pytest.param(b'{"cells": {"a": 1}, "nbformat": 4, "nbformat_minor": 5}', PARTS, id="cells are no list"),
    pytest.param(notebook(3), PARTS, id="a cell is no object"),
    pytest.param(notebook(code("")).replace(b'"source": ""', b'"source": [3]'), PARTS, id="source is no text"),
    pytest.param(notebook(code("")).replace(b'"source": ""', b'"source": 3'), "nb.ipynb:cell 1: is not a notebook (the source", id="source is a number"),
    pytest.param(
        b'{"worksheets": [], "nbformat": 3, "nbformat_minor": 0, "metadata": {}}', "nb.ipynb: is a notebook of format 3; open it with Jupyter", id="old"
    ),
    pytest.param(notebook(code("x = 1"), code("x = 1\ny = (")), "nb.ipynb:cell 2:2: is not valid Python", id="a cell that is no Python"),
    pytest.param(notebook(code("x = 1\\"), code("y = 1")), "nb.ipynb:cell 1:1: is not valid Python", id="a cell that would run into the next"),
    pytest.param(notebook(code("# %% lintorch cell 1")), "nb.ipynb:cell 1: holds a line that lintorch marks cells with", id="a mark"),
]


@pytest.mark.parametrize(("raw", "message"), BAD)
def test_a_bad_notebook_is_one_line(raw: bytes, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        Notebook.from_bytes(NB, raw)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


ODD = (None, 3, True, "", "x = (", "%%time\n%x", "?", [], {}, [1], ["a\n", 3], {"cells": []}, "\ud800", "é\u2028x", [[]], "a\r\nb", "\x0c", "'''", "\\")


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in paths(item, (*path, key)))]


@given(st.randoms(use_true_random=False))
def test_whatever_stands_in_the_file_it_is_read_or_refused_in_one_line(random) -> None:
    document = json.loads(notebook(*CELLS))
    *way, last = random.choice(paths(document)[1:])
    place = document
    for key in way:
        place = place[key]
    place[last] = random.choice(ODD)
    raw = json.dumps(document, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    try:
        read = Notebook.from_bytes(NB, raw)
        assert read.encode(read.text) == raw
        assert [read.file_line(line) >= 1 for line in range(1, read.text.count("\n") + 1)].count(False) == 0
        if read.cells:
            read.with_text(read.text.replace(f"cell {read.cells[0].number}\n", f"cell {read.cells[0].number}\nadded = 1\n", 1))
    except SourceError as error:
        assert "\n" not in str(error)


def test_other_languages_are_left_alone() -> None:
    with pytest.raises(NotPython):
        Notebook.from_bytes(NB, notebook(code("x <- 1"), metadata={"kernelspec": {"language": "R"}}))
    foreign = code("x <- 1", metadata={"vscode": {"languageId": "r"}})
    cells = (foreign, code("%%writefile x.py\ny = ("), code("pip install torch\nls\nx = 1"), code("await x\nx;"))
    assert [cell.number for cell in Notebook.from_bytes(NB, notebook(*cells, metadata={})).cells] == [3, 4]
