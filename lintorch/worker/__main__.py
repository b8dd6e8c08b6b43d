"""The program the host starts in the user's interpreter: `python path/to/worker serve FD LEVEL_TEMP` or `python path/to/worker once KEY`.

Runs from any interpreter, whether lintorch is installed there or not: the worker's modules are loaded as a package of their own from beside this file.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Any

PACKAGE = "lintorch_worker"


def _load_package() -> Any:
    """The worker as package `lintorch_worker`, with nothing added to sys.path (its modules have common names)."""
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0] or os.curdir) == here:
        del sys.path[0]
    spec = importlib.util.spec_from_file_location(PACKAGE, os.path.join(here, "__init__.py"), submodule_search_locations=[here])
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    return importlib.import_module(PACKAGE + ".zygote")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    zygote = _load_package()
    if sys.argv[1] == "serve":
        zygote.serve(int(sys.argv[2]), sys.argv[3])
    else:
        zygote.once(sys.argv[2], sys.argv[3])
