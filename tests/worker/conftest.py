"""Loading changes how the process imports; here every test gets that back as it was."""

from __future__ import annotations

import builtins
import linecache
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lintorch.worker.load import Loaded, load
from lintorch.worker.standin import LEDGER

Load = Callable[..., Loaded]


@pytest.fixture
def imports_restored() -> Iterator[None]:
    meta_path, path, argv, importer = list(sys.meta_path), list(sys.path), list(sys.argv), builtins.__import__
    modules, lines = set(sys.modules), dict(linecache.cache)
    LEDGER.made.clear()
    LEDGER.touched.clear()
    yield
    sys.meta_path[:], sys.path[:], sys.argv[:] = meta_path, path, argv
    builtins.__import__ = importer
    linecache.cache.clear()
    linecache.cache.update(lines)
    for name in set(sys.modules) - modules:
        origin = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None) or getattr(sys.modules[name], "__file__", None)
        if origin is None or "site-packages" not in str(origin):
            sys.modules.pop(name)


@pytest.fixture
def project(tmp_path: Path, imports_restored: None) -> Load:
    """Write files (name=text) below a folder and load a symbol of the first one, `text` in place of its text if given."""

    def write_and_load(symbol: str, files: dict[str, str], text: str | None = None) -> Loaded:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        first = next(iter(files))
        module = first.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        return load(
            {"path": str(tmp_path / first), "text": files[first] if text is None else text, "symbol": symbol, "module": module, "roots": [str(tmp_path)]}
        )

    return write_and_load
