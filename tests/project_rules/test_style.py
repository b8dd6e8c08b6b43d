"""What the eye expects of this code: small functions, short files, a sentence on everything public."""

from __future__ import annotations

import ast
import statistics

import pytest

from tests.project_rules.code import Unit, functions, public_definitions, units

PRODUCT = [pytest.param(unit, id=unit.place) for unit in units()]


def lengths() -> list[tuple[int, str]]:
    return sorted(((node.end_lineno or 0) - node.lineno + 1, f"{unit.place}:{node.lineno} {node.name}") for unit in units() for node in functions(unit.tree))


def test_functions_are_small() -> None:
    sizes = [size for size, _ in lengths()]
    longest = ", ".join(f"{place} ({size})" for size, place in lengths()[-5:])
    assert statistics.median(sizes) <= 12, f"the median function has {statistics.median(sizes)} lines; the longest: {longest}"
    assert sizes[int(len(sizes) * 0.9)] < 40, f"nine functions of ten have under 40 lines; the longest: {longest}"


@pytest.mark.parametrize("unit", PRODUCT)
def test_files_are_short(unit: Unit) -> None:
    lines = len(unit.path.read_text(encoding="utf-8").splitlines())
    assert lines <= 500, f"{unit.place} has {lines} lines: two rooms in one"


@pytest.mark.parametrize("unit", PRODUCT)
def test_everything_public_has_a_sentence(unit: Unit) -> None:
    missing = [name for name, node in public_definitions(unit.tree.body) if ast.get_docstring(node) is None and not _overrides(node)]
    assert not missing, f"{unit.place}: no docstring on {', '.join(missing)}"
    if unit.tree.body:
        assert ast.get_docstring(unit.tree), f"{unit.place} does not say what it is for"


@pytest.mark.parametrize("unit", PRODUCT)
def test_docstrings_are_sentences(unit: Unit) -> None:
    documented = [(name, ast.get_docstring(node)) for name, node in public_definitions(unit.tree.body)]
    wrong = [name for name, text in documented if text and not text.split("\n\n")[0].rstrip().endswith((".", "?", ":", "!", "`", ")"))]
    assert not wrong, f"{unit.place}: the docstring of {', '.join(wrong)} does not end as a sentence does"


# What Python's import system and torch call on the objects they are given.
FOREIGN_PROTOCOLS = {"find_spec", "create_module", "exec_module", "get_code", "get_source", "is_package", "forward", "backward"}


def _overrides(node: ast.AST) -> bool:
    """Methods dispatched by name (`visit_Name`), overloads, and methods of foreign protocols say what they do by being what they are."""
    decorators = [ast.unparse(decorator) for decorator in getattr(node, "decorator_list", ())]
    name = getattr(node, "name", "")
    return (
        name in FOREIGN_PROTOCOLS
        or name.startswith(("visit_", "leave_"))
        or any(word.split(".")[-1] in {"overload", "override", "setter"} for word in decorators)
    )
