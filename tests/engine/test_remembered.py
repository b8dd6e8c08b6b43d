"""Results of earlier runs: what they say is what a run without them says, and only what may have changed is judged again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lintorch.cache.store import Store
from lintorch.engine.pool import Local, Onlooker
from lintorch.engine.remembered import Remembered
from lintorch.engine.result import FileResult
from lintorch.engine.run import Mode, Task, run_files
from lintorch.engine.workshop import Worked
from lintorch.settings import Settings

HEAD = "import torch\nfrom torch import nn\n\n"
RETURNING = "    def forward(self, x):\n        y = x.relu()\n        return y\n"
NET = HEAD + "from {home} import Base\n\nclass {name}(Base):\n" + RETURNING
TRAIN = """\
from {home} import measure

def train(model, data, optimizer):
    total = 0.0
    for x in data:
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        total += measure(loss)
    return total
"""
BASES = (
    HEAD + "class Base(nn.Module):\n    pass\n",
    HEAD + "class Base:\n    pass\n",
    "from pkg.deep import Base\n",
    "from pkg.deep import *\n",
    HEAD + "class Other(nn.Module):\n" + RETURNING,
)
MEASURES = (
    "def measure(loss):\n    return loss.detach()\n",
    "def measure(loss):\n    return loss * 2\n",
    "def measure(loss):\n    return loss.item()\n",
    "from pkg.deep import measure\n",
    "def measure(:\n",
)
# For each file what it may hold; None where it may be missing.
PROJECT: dict[str, Sequence[str | None]] = {
    "pyproject.toml": ("",),
    "pkg/__init__.py": ("", "from pkg.base import Base\n", "from pkg.base import *\n"),
    "pkg/base.py": (*BASES, None),
    "pkg/base/__init__.py": (None, None, HEAD + "class Base(nn.Module):\n    pass\n"),
    "pkg/deep.py": (BASES[0] + MEASURES[1], BASES[1] + MEASURES[0], None),
    "pkg/loss.py": MEASURES,
    "pkg/net.py": (NET.format(home="pkg.base", name="Net"), NET.format(home="pkg", name="Net"), NET.format(home=".base", name="Net")),
    "pkg/train.py": (TRAIN.format(home="pkg.loss"), TRAIN.format(home="pkg.deep")),
    "script.py": (NET.format(home="helper", name="Script"), NET.format(home="pkg.net", name="Script").replace("Base", "Net")),
    "helper.py": (None, *BASES[:2]),
    "src/helper.py": (None, None, BASES[0], BASES[1]),
    "src/pkg/__init__.py": (None, None, None, None, ""),
}


@dataclass(frozen=True)
class Counting:
    """The executor of one process, which notes what it is given."""

    worked: list[str] = field(default_factory=list)

    def run(self, tasks: Sequence[Task], onlooker: Onlooker) -> Iterator[tuple[int, Worked]]:
        self.worked.extend(task.path.name for task in tasks)
        return Local(1).run(tasks, onlooker)


def put(root: Path, name: str, content: str | None) -> None:
    path = root / name
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def tasks(root: Path, mode: Mode = Mode.CHECK, **settings) -> list[Task]:
    chosen = Settings(root=root, extend_select=("LT1",), **settings)
    return [Task(path, chosen, mode) for path in sorted(root.rglob("*.py"))]


def run(given: list[Task], store: Store | None) -> tuple[tuple[FileResult, ...], list[str]]:
    executor = Counting()
    return run_files(given, executor=executor, remembered=Remembered(store)), executor.worked


@pytest.mark.parametrize("seed", range(12))
def test_a_run_that_remembers_says_what_one_that_does_not_says(tmp_path: Path, seed: int) -> None:
    draw, root, store = random.Random(seed), tmp_path / "project", Store(tmp_path / "cache")
    for name, variants in PROJECT.items():
        put(root, name, draw.choice(variants))
    remembered, judged, outcomes = 0, 0, set()
    for _ in range(12):
        given = tasks(root)
        results, worked = run(given, store)
        assert results == run_files(given, 1)
        remembered, judged = remembered + len(given) - len(worked), judged + len(worked)
        outcomes.add(repr(results))
        name = draw.choice(list(PROJECT))
        put(root, name, draw.choice(PROJECT[name]))
    assert remembered > judged / 2
    assert len(outcomes) > 2


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name, variants in PROJECT.items():
        put(root, name, variants[0])
    put(root, "lonely.py", NET.format(home="torch.nn", name="Lonely").replace("Base", "Module"))
    return root


@pytest.mark.parametrize(
    ("name", "content", "again"),
    [
        ("pkg/base.py", BASES[1], {"base.py", "net.py"}),
        ("pkg/loss.py", MEASURES[1], {"loss.py", "train.py"}),
        ("pkg/base.py", BASES[0] + "# a comment\n", {"base.py", "net.py"}),
        ("lonely.py", HEAD, {"lonely.py"}),
        ("pkg/base/__init__.py", HEAD, {"__init__.py", "base.py", "net.py"}),  # takes the place of pkg/base.py
        ("helper.py", BASES[0], {"helper.py", "script.py"}),  # was missing
        ("pkg/new.py", HEAD, {"new.py"}),
        ("README.md", "nothing", set()),
    ],
)
def test_a_change_is_judged_with_what_depends_on_it_and_nothing_else(project: Path, tmp_path: Path, name: str, content: str, again: set[str]) -> None:
    store = Store(tmp_path / "cache")
    first, worked = run(tasks(project), store)
    assert len(worked) == len(first)
    second, worked = run(tasks(project), store)
    assert (second, worked) == (first, [])
    put(project, name, content)
    changed, worked = run(tasks(project), store)
    assert set(worked) == again
    assert changed == run_files(tasks(project), 1)


def test_what_was_seen_before_comes_back(project: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    first, _ = run(tasks(project), store)
    put(project, "lonely.py", HEAD)
    run(tasks(project), store)
    put(project, "lonely.py", NET.format(home="torch.nn", name="Lonely").replace("Base", "Module"))
    assert run(tasks(project), store) == (first, [])


@pytest.mark.parametrize(
    ("settings", "again"),
    [({"ignore": ("LT101",)}, True), ({"line_length": 20}, True), ({"severity": {"LT101": "info"}}, True), ({"jobs": 3, "fail_on": "error"}, False)],
)
def test_settings_that_bear_on_findings_count(project: Path, tmp_path: Path, settings: dict, again: bool) -> None:
    store = Store(tmp_path / "cache")
    run(tasks(project), store)
    results, worked = run(tasks(project, **settings), store)
    assert bool(worked) is again
    assert results == run_files(tasks(project, **settings), 1)


def test_failures_are_not_kept(project: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    put(project, "broken.py", "def f(:\n")
    for _ in range(2):
        results, worked = run(tasks(project), store)
        assert "broken.py" in worked
        assert any(result.failures for result in results)
    assert worked == ["broken.py"]


def test_entries_that_make_no_sense_are_absent(project: Path, tmp_path: Path) -> None:
    store, nonsense = Store(tmp_path / "cache"), [b"", b"null", b"[]", b'{"result": 1, "files": {}, "folders": {}, "rest": []}', b'{"files": 3}', b"\xff"]
    for content in nonsense:
        first, _ = run(tasks(project), store)
        for path in (tmp_path / "cache" / "entries").glob("*/*"):
            store.put(path.parent.name + path.name, content)
        results, worked = run(tasks(project), store)
        assert (results, len(worked)) == (first, len(first))


def test_a_file_that_changes_while_it_is_judged_is_not_kept(project: Path, tmp_path: Path) -> None:
    store, given = Store(tmp_path / "cache"), tasks(project)
    remembered = Remembered(store)
    assert remembered.recall(given[0]) is None  # what is on disk now has been looked at
    put(project, "lonely.py", HEAD)
    run_files(given, 1, remembered=remembered)
    assert "lonely.py" in run(tasks(project), store)[1]


def test_a_fix_asks_only_where_there_is_something_to_fix(project: Path, tmp_path: Path) -> None:
    store, clean = Store(tmp_path / "cache"), [task for task in tasks(project, Mode.DIFF) if task.path.name in ("deep.py", "loss.py", "__init__.py")]
    first, worked = run(clean, store)
    assert len(worked) == len(clean)
    assert run(clean, store) == (tuple(replace(one, original=None) for one in first), [])
