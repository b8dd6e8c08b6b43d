"""What crosses between the host and a worker: the shapes of a job in JSON, and the two calls a job makes of loading and searching.

Imported by both sides, so it needs neither torch nor lintorch. Everything here is data; `wire` says how it travels.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple, TypedDict, Union


class LoadSpec(TypedDict):
    """One version of a file, and the symbol wanted from it.

    `load(spec)` must compile `text` under the file name `path` with the line numbers of `text` (a slice keeps them too): coverage and warnings are read by them.
    `text` may differ from what is on disk (the rewrite, or a canary text that calls `__lintorch_canary__`, found in builtins).
    """

    path: str  # absolute path of the file
    text: str
    symbol: str  # qualified name as in `__qualname__`, without "<locals>"
    module: str  # dotted name the file has in its project, e.g. "pkg.models.net"
    roots: List[str]  # folders that go before sys.path


class Hints(TypedDict):
    """What is known before the search. `usages` is written by `verify/mine*.py` and read by `worker/search*.py` alone."""

    examples: List[str]  # given by the user, `Net(10, 20), torch.randn(4, 10)`: they come first, and decide if they work
    usages: List[Any]
    lines: List[int]  # lines of the text that should run in some call variant
    methods: List[str]  # names of the symbol's methods that hold those lines; one that forward does not reach needs calls of its own


class Budget(TypedDict):
    """What a search may spend."""

    seconds: float
    bytes: int  # of parameters, inputs and activations together


class _RecipeBase(TypedDict):
    symbol: str  # what is built: the symbol itself, or a concrete subclass of it


class Recipe(_RecipeBase, total=False):
    """How to build the target and call it. JSON-able; only `search` and `materialise` read the keys that are not named here.

    `materialise(recipe, loaded, seed)` gives the same structure for every seed and version (same calls, same places of tensors, same shapes and dtypes);
    only the values inside tensors depend on the seed. It draws from torch's, random's and numpy's global generators, which the caller has seeded.
    """

    constructor: Any
    calls: Any
    hint: str  # the same as an example line a user could have given
    notes: List[str]  # what a reader of the verdict must know ("stand-in for torchvision touched", "base class verified through Net")
    doubt: str  # set: the verdict cannot be better than undecided, for this reason (a stand-in was touched)


class _FailureBase(TypedDict):
    failure: str  # the reason in one line


class Failure(_FailureBase, total=False):
    """Nothing could be built or called."""

    nearest: str  # the attempt that came furthest, as code
    hint: str  # an example line for the user to complete


SearchResult = Union[Recipe, Failure]

# One call of the target: the method's name ("__call__" for the module or function itself), positional and keyword arguments.
Call = Tuple[str, Tuple[Any, ...], Dict[str, Any]]

# The seam to loading and searching (worker/load.py, worker/search.py):
#
#   load.load(spec: LoadSpec) -> Loaded                                raises CannotLoad; `Loaded.object` is the class or function, `Loaded.module` its namespace
#   search.search(loaded, hints: Hints, budget: Budget) -> SearchResult
#   search.materialise(recipe: Recipe, loaded, seed: int) -> (target, list[Call])      target: a torch.nn.Module or a callable; calls: the variants, main one first
#   search.warm_up() -> None                                           called once in the zygote: imports what a search needs of torch, runs no user code
#
# Each runs in a child that is thrown away; none needs to clean up. The caller seeds all generators before each.


class CannotLoad(Exception):
    """A version could not be loaded; str() is the reason in one line."""
