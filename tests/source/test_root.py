"""Where a file's project begins."""

from __future__ import annotations

from pathlib import Path

from lintorch.source.root import find_root


def test_without_a_mark_a_package_begins_where_it_could_be_imported_from(tmp_path: Path) -> None:
    inner = tmp_path / "package" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()
    assert find_root(inner / "module.py") == tmp_path
    assert find_root(tmp_path / "script.py") == tmp_path


def test_a_mark_wins_over_packages(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "pyproject.toml").touch()
    assert find_root(tmp_path / "package" / "module.py") == tmp_path / "package"
