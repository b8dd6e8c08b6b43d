"""Imports run downward only, without cycles, and heavy packages stay where they belong."""

from __future__ import annotations

import ast
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.project_rules.code import Unit, functions, imports, units

# Top to bottom. A module may import what stands below it, and its own package. Names on one line may not import each other.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("flake8_plugin", "lsp"),
    ("config",),
    ("report",),
    ("engine",),
    ("fix", "verify"),
    ("catalogue",),
    ("page",),
    ("rule",),
    ("flow",),
    ("project",),
    ("source",),
    ("cache",),
    ("settings", "garbage", "there"),
    ("",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

# Where each package that costs start-up time may be imported at all, by prefix of the path. Elsewhere not even late.
HEAVY = {
    "torch": ("lintorch/worker/",),
    "libcst": ("lintorch/flow/", "lintorch/fix/", "lintorch/source/syntax.py"),
    "pathspec": ("lintorch/source/",),
    "pygls": ("lintorch/lsp/",),
    "lsprotocol": ("lintorch/lsp/",),
    "nbformat": ("lintorch/source/notebook.py",),
    "watchfiles": ("lintorch/cli/watch.py",),
    "jinja2": ("lintorch/report/html/",),
    "markupsafe": ("lintorch/report/html/",),
    "matplotlib": ("lintorch/report/html/",),
    "distributed": ("lintorch/engine/cluster.py",),
}

# Of dataclass(), zip() and entry_points(); ast's feature_version sees syntax only.
NEWER_THAN_3_9 = {"kw_only", "slots"}

PRODUCT = [pytest.param(unit, id=unit.place) for unit in units()]
WORKER = [pytest.param(unit, id=unit.place) for unit in units() if unit.name.startswith("lintorch.worker")]
RULES = [pytest.param(unit, id=unit.place) for unit in units() if unit.name.startswith("lintorch_rules.")]


def part(module: str) -> str:
    """The name that LAYERS knows a module of lintorch by: the first below `lintorch`, empty for the package itself."""
    return module.split(".")[1] if "." in module else ""


def own_imports(unit: Unit) -> list[str]:
    return [target for target in imports(unit) if target.split(".")[0] == "lintorch"]


@pytest.mark.parametrize("unit", [param for param in PRODUCT if param.id.startswith("lintorch/") and not param.id.startswith("lintorch/worker")])
def test_imports_run_downward(unit: Unit) -> None:
    here = part(unit.name)
    assert here in RANK, f"give lintorch.{here} its place in LAYERS"
    for target in own_imports(unit):
        there = part(target)
        if there == here or (target == "lintorch.worker.protocol" and here == "verify"):
            continue
        assert there in RANK, f"{unit.place} imports {target}, which has no place in LAYERS"
        assert RANK[there] > RANK[here], f"{unit.place} imports {target}, which stands beside or above it"


@pytest.mark.parametrize("unit", RULES)
def test_rules_import_only_the_rule_module(unit: Unit) -> None:
    foreign = [name for name in imports(unit) if name != "lintorch.rule" and name.split(".")[0] not in sys.stdlib_module_names]
    assert not foreign, f"{unit.place} imports {foreign}; a rule imports lintorch.rule alone"


@pytest.mark.parametrize("unit", WORKER)
def test_worker_imports_nothing_of_lintorch(unit: Unit) -> None:
    foreign = [name for name in imports(unit) if not name.startswith("lintorch.worker") and name.split(".")[0] not in {*sys.stdlib_module_names, "torch"}]
    assert not foreign, f"{unit.place} imports {foreign}; the worker has the standard library and torch"
    absolute = [node.lineno for node in ast.walk(unit.tree) if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lintorch")]
    assert not absolute, f"{unit.place}, lines {absolute}: import relatively; in the user's interpreter the worker has no package `lintorch` round it"


@pytest.mark.parametrize("unit", WORKER)
def test_worker_is_python_3_9(unit: Unit) -> None:
    ast.parse(unit.path.read_text(encoding="utf-8"), feature_version=(3, 9))
    annotated = any(node.returns or any(argument.annotation for argument in node.args.args) for node in functions(unit.tree))
    future = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in unit.tree.body)
    assert future or not annotated, f"{unit.place}: X | Y in annotations needs the future import"
    calls = [node for node in ast.walk(unit.tree) if isinstance(node, ast.Call)]
    newer = [call.lineno for call in calls if {word.arg for word in call.keywords} & NEWER_THAN_3_9]
    assert not newer, f"{unit.place}, lines {newer}: {', '.join(sorted(NEWER_THAN_3_9))} came with Python 3.10"


def test_no_import_cycles() -> None:
    names = {unit.name for unit in units()}
    graph = {unit.name: {target for target in imports(unit, executed=True) if target in names and target != unit.name} for unit in units()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(reversed(error.args[1]))}")


@pytest.mark.parametrize("unit", PRODUCT)
def test_heavy_packages_stay_where_they_belong(unit: Unit) -> None:
    for target in imports(unit):
        allowed = HEAVY.get(target.split(".")[0])
        assert allowed is None or unit.place.startswith(allowed), f"{unit.place} imports {target}; only {', '.join(allowed or ())} may"
