"""Loading one version of a file: its real package where that can be imported, else a slice."""

from __future__ import annotations

import builtins
import dataclasses
import importlib
import os
import signal
import sys
import types
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from .importing import Place, ProjectFinder, Served, ServedLoader, StandInImport, _in_package, runs_training, serve_lines
from .protocol import CannotLoad, LoadSpec
from .standin import LEDGER, StandIn

IMPORT_SECONDS = 20


@dataclasses.dataclass(frozen=True)
class Loaded:
    """The wanted class or function, the module it lives in, and how it came about ("import" or "slice")."""

    object: Any
    module: types.ModuleType
    symbol: str
    path: str
    way: str

    @property
    def touched(self) -> Tuple[str, ...]:
        """The stand-ins that were used since `arm` was called."""
        return tuple(LEDGER.touched)


class ImportTimeout(Exception):
    """An import that ran longer than a definition file should."""


def load(spec: LoadSpec) -> Loaded:
    """The object `spec` names; raises CannotLoad with the reason of the last way tried."""
    reasons: List[str] = []
    for way in _ways(spec):
        try:
            module = _enter(spec, way)
            return Loaded(_member(module, spec["symbol"]), module, spec["symbol"], spec["path"], "slice" if way.sliced else "import")
        except SyntaxError as error:
            raise CannotLoad(f"line {error.lineno} is no Python this interpreter reads: {error.msg}") from error
        except (Exception, SystemExit) as error:
            reasons.append(_reason(error))
    raise CannotLoad(reasons[0])


@dataclasses.dataclass(frozen=True)
class Way:
    """One way to load: the wanted file sliced or whole; package `__init__`s executed or light; stand-ins for guarded imports too."""

    sliced: bool
    eager: bool = False
    generous: bool = False


def _ways(spec: LoadSpec) -> Iterator[Way]:
    if _in_package(spec["path"]) and not runs_training(spec["path"], spec["text"]):
        yield Way(sliced=False)
        yield Way(sliced=False, eager=True)
    yield Way(sliced=True)
    yield Way(sliced=True, generous=True)


def _enter(spec: LoadSpec, way: Way) -> types.ModuleType:
    """Install the hooks for one way and import the module through them."""
    roots = [root for root in spec["roots"] if os.path.isdir(root)]
    name = spec["module"] or os.path.splitext(os.path.basename(spec["path"]))[0]
    if any(isinstance(finder, ProjectFinder) for finder in sys.meta_path):
        _leave(roots)
    sys.path[:0] = [root for root in roots if root not in sys.path]
    sys.argv = [spec["path"]]
    place = Place(spec["path"], os.path.basename(spec["path"]) == "__init__.py")
    serve_lines(spec["path"], spec["text"])
    sys.meta_path.insert(0, ProjectFinder(roots, Served(name, place, spec["text"]), way.sliced, way.eager))
    builtins.__import__ = StandInImport(roots, way.generous, strict=not way.sliced)
    with _TimeLimit(IMPORT_SECONDS):
        return importlib.import_module(name)


def _leave(roots: Sequence[str]) -> None:
    """Undo an earlier way: its hooks, and the project's modules as it imported them."""
    below = tuple(os.path.join(root, "") for root in roots)
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if isinstance(getattr(spec, "loader", None), ServedLoader) or (below and str(getattr(spec, "origin", None)).startswith(below)):
            del sys.modules[name]
    _unregister()
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, ProjectFinder)]
    if isinstance(builtins.__import__, StandInImport):
        builtins.__import__ = builtins.__import__.original


def _unregister() -> None:
    """Take out of torch's tables what modules registered that are gone: they cannot be imported anew while their names are taken."""
    pipes = sys.modules.get("torch.utils.data.datapipes.datapipe")
    for kind in (getattr(pipes, "IterDataPipe", None), getattr(pipes, "MapDataPipe", None)):
        table = getattr(kind, "functions", {})
        for name, function in list(table.items()):
            made_by = getattr(function, "args", (None,))[0]  # a partial of the class
            if getattr(made_by, "__module__", "torch") not in sys.modules:
                del table[name]


class _TimeLimit:
    """Raise ImportTimeout in the main thread after so many seconds of processor time; where there are no timers, the job's own limit must do."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGPROF, self._raise)
            signal.setitimer(signal.ITIMER_PROF, self.seconds)

    def _raise(self, number: int, frame: Optional[types.FrameType]) -> None:
        raise ImportTimeout(f"importing took more than {self.seconds:.0f} s")

    def __exit__(self, *error: Any) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)


def _member(module: types.ModuleType, symbol: str) -> Any:
    found: Any = module
    for part in symbol.split("."):
        found = getattr(found, part)
    if isinstance(found, StandIn):
        raise CannotLoad(f"{symbol} could not be defined")
    return found


def _reason(error: BaseException) -> str:
    line = str(error).strip().splitlines()
    return f"{type(error).__name__}: {line[0]}" if line else type(error).__name__
