"""Notebooks at the command line: all Python cells as one flow, places by cell in every format, and only the changed cells written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.cli.doors import NET, Doors

METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
HEAD = "%matplotlib inline\n!pip install torch\nimport torch\nfrom torch import nn"
CLASS = "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.layer = nn.Linear(10, 5)\n\n    def forward(self, x):\n"
BEFORE, AFTER = "        y = self.layer(x)\n        return y", "        return self.layer(x)"
SETUP = "net = Net()\noptimizer = torch.optim.SGD(net.parameters(), 0.1)\n?net"
STEP = "    optimizer.zero_grad()\n    loss = net(torch.randn(4, 10)).pow(2).mean()\n    loss.backward()\n    optimizer.step()\n"
LOOP = f"total = 0\nfor step in range(10):\n{STEP}"
ADD, ADD_DETACHED = "    total += loss\nprint('é')", "    total += loss.detach()\nprint('é')"


def notebook(*cells: str, metadata: object = METADATA) -> str:
    """A notebook as nbformat writes it; every second cell is Markdown, and each code cell has an output."""
    made = nbformat.v4.new_notebook(metadata=metadata)
    for number, source in enumerate(cells):
        output = nbformat.v4.new_output("stream", text=f"y = self.layer(x)\n{number}\n")
        made.cells.append(nbformat.v4.new_markdown_cell("    total += loss", id=f"m{number}"))
        made.cells.append(nbformat.v4.new_code_cell(source, outputs=[output], id=f"c{number}"))
    return str(nbformat.writes(made)) + "\n"


TEXT = notebook(HEAD, CLASS + BEFORE, "%%bash\nls (", SETUP, LOOP + ADD)
FIXED = notebook(HEAD, CLASS + AFTER, "%%bash\nls (", SETUP, LOOP + ADD_DETACHED)


@pytest.fixture(autouse=True)
def _torch_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_cells_are_one_flow_and_a_fix_is_verified_and_spliced(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "my notebook.v2.ipynb").write_text(TEXT)
    done = subprocess.run([sys.executable, "-m", "lintorch", "--fix", "-j1", "."], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "my notebook.v2.ipynb").read_text() == FIXED
    assert "  cell 4:7:9 LT101" in done.stdout
    assert " cell 10:7:5 LT201" in done.stdout
    assert "same-trace" in done.stdout
    assert "backward on line 5 of cell 10" in done.stdout
    nbformat.validate(nbformat.read(tmp_path / "my notebook.v2.ipynb", as_version=4))


def test_places_in_every_format(doors: Doors) -> None:
    doors.write({"a.ipynb": TEXT})
    raw = TEXT.split("\n")
    starts = ('    "        y = self', '    "    total += loss\\n')
    first, second = (next(number for number, line in enumerate(raw, 1) if line.startswith(text)) for text in starts)

    def report(form: str) -> str:
        return doors.run("--format", form, "a.ipynb").out

    assert report("text").startswith("a.ipynb:cell 4:7:9: LT101 returned-temporary")
    assert [line.split(": ")[0] for line in report("concise").splitlines()] == ["a.ipynb:cell 4:7:9", "a.ipynb:cell 10:7:5"]
    findings = json.loads(report("json"))["findings"]
    assert [(one["cell"], one["line"], one["column"]) for one in findings] == [(4, 7, 9), (10, 7, 5)]
    assert {(edit["cell"], edit["line"]) for one in findings for edit in one["fix"]["edits"]} == {(4, 7), (4, 8), (10, 7)}
    assert f"::warning file=a.ipynb,line={first},endLine={first},title=LT101 returned-temporary::cell 4, line 7: `y` is" in report("github")
    assert [issue["location"]["lines"]["begin"] for issue in json.loads(report("gitlab"))] == [first, second]
    results = json.loads(report("sarif"))["runs"][0]["results"]
    assert results[1]["locations"][0]["physicalLocation"]["region"] == {"startLine": second, "endLine": second}
    assert results[1]["message"]["text"].startswith("cell 10, line 7: `total` keeps")
    assert ">a.ipynb:cell 4:7:9: Net.forward</failure>" in report("junit")


def test_a_diff_is_one_of_the_file(doors: Doors) -> None:
    doors.write({"a.ipynb": TEXT})
    outcome = doors.run("--fix", "--diff", "--select", "LT101", "a.ipynb")
    assert doors.read("a.ipynb") == TEXT
    subprocess.run(["git", "init", "-q", "."], check=True)
    subprocess.run(["git", "apply", "-"], input=outcome.out.encode(), check=True)
    assert doors.read("a.ipynb") == FIXED.replace("    total += loss.detach()", "    total += loss")


def test_adoption_knows_cells(doors: Doors) -> None:
    doors.write({"a.ipynb": TEXT})
    assert doors.run("--write-baseline", "known.json").status == 0
    doors.write({"a.ipynb": notebook("x = 1", HEAD, CLASS + BEFORE, SETUP, LOOP + ADD)})
    assert doors.run("--baseline", "known.json").status == 0
    assert doors.run("--add-ignore").out == "Silenced 2 findings in 1 file.\n"
    method, add = BEFORE.replace("(x)", "(x)  # lintorch: ignore[LT101]"), ADD.replace("loss", "loss  # lintorch: ignore[LT201]")
    assert doors.read("a.ipynb") == notebook("x = 1", HEAD, CLASS + method, SETUP, LOOP + add)
    assert doors.run().status == 0


def test_changed_lines_are_those_of_the_file(doors: Doors) -> None:
    subprocess.run(["git", "init", "-q", "."], check=True)
    doors.write({"a.ipynb": TEXT})
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "one"], check=True)
    below = TEXT.replace('"    total += loss\\n', '"    total += loss\\n",\n    "    x = 1\\n', 1)
    doors.write({"a.ipynb": below.replace("        y = self.layer(x)\\n", "        y = self.layer(x) \\n")})
    assert [line.split(": ")[0] for line in doors.run("--format", "concise", "--diff-from", "HEAD").out.splitlines()] == ["a.ipynb:cell 4:7:9"]


def test_standard_input(doors: Doors) -> None:
    outcome = doors.run("--fix", "--stdin-filename", "a.ipynb", "-", stdin=TEXT)
    assert outcome.out == FIXED
    broken = doors.run("--fix", "--stdin-filename", "a.ipynb", "-", stdin=TEXT[:-10])
    assert (broken.status, broken.out) == (2, TEXT[:-10])


def test_bad_notebooks_cost_themselves_only(doors: Doors) -> None:
    other = notebook("x <- 1", metadata={"kernelspec": {"display_name": "R", "name": "ir", "language": "R"}})
    doors.write({"a.py": NET, "bad.ipynb": "{", "cell.ipynb": notebook("x = 1", "x = (\n"), "r.ipynb": other, ".ipynb_checkpoints/a.ipynb": TEXT})
    outcome = doors.run("--fix")
    assert outcome.status == 2
    assert outcome.err.splitlines() == [
        "bad.ipynb: is not a notebook (it is no JSON); save it with Jupyter or exclude it",
        "cell.ipynb:cell 4:1: is not valid Python ('(' was never closed); correct it or exclude it",
    ]
    assert "Skipped 1 file: a notebook of R.\n" in outcome.out
    assert doors.run("r.ipynb").status == 0


def test_without_nbformat_there_is_one_line(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nbformat", None)
    monkeypatch.setattr("lintorch.cli.check.find_spec", lambda name: None)
    doors.write({"a.ipynb": TEXT, "b.py": NET})
    outcome = doors.run("a.ipynb")
    message = "a.ipynb: is a notebook, and the package nbformat that reads them is not installed; install `lintorch[notebook]`\n"
    assert (outcome.status, outcome.err) == (2, message)
    outcome = doors.run()
    assert (outcome.status, outcome.err) == (1, "")
    assert outcome.out.endswith("Skipped 1 file: a notebook, which needs `lintorch[notebook]` to be read.\n")


def test_two_notebooks_are_compared(doors: Doors) -> None:
    doors.write({"old.ipynb": notebook(HEAD, CLASS + BEFORE), "new.ipynb": notebook(HEAD, CLASS + AFTER)})
    done = subprocess.run([sys.executable, "-m", "lintorch", "verify", "old.ipynb", "new.ipynb"], cwd=doors.folder, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("new.ipynb: Net: same-trace")


def test_percent_scripts_are_plain_files(doors: Doors) -> None:
    doors.write({"a.py": "# %%\n" + NET + "# %% [markdown]\n# text\n"})
    doors.run("--fix")
    assert doors.read("a.py") == "# %%\n" + NET.replace("        y = x.relu()\n        return y\n", "        return x.relu()\n") + "# %% [markdown]\n# text\n"


def test_the_page_names_cells(doors: Doors) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    doors.write({"a.ipynb": TEXT})
    doors.run("--fix", "--diff", "--format", "html", "--output-file", "page.html", "a.ipynb")
    page = doors.read("page.html")
    assert "a.ipynb:cell 4:7:9" in page
    assert "a.ipynb:cell 10:7:5" in page
    assert "lintorch cell" not in page


def test_a_rewrite_of_several_cells_names_them(doors: Doors) -> None:
    again = LOOP.replace("total", "more") + "    more += loss"
    doors.write({"a.ipynb": notebook(HEAD, SETUP.replace("Net()", "nn.Linear(10, 5)"), LOOP + ADD, again)})
    shown = [line.strip() for line in doors.run("--fix", "a.ipynb").out.splitlines() if "| cell " in line or "| - " in line]
    assert [line.partition(" -")[0] for line in shown] == ["| cell 6", "7 |", "| cell 8", "7 |"]
