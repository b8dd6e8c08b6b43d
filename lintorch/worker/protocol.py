"""What crosses between the host and a worker: the shapes of a job in JSON, frames of bytes, and the calls a job makes of loading and searching.

Imported by both sides, so it needs neither torch nor lintorch. A frame is JSON plus raw bytes behind their lengths, sealed by a checksum; nothing is ever
unpickled, and bytes that do not form whole frames with the job's own key are no result.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, TypedDict, Union


class LoadSpec(TypedDict):
    """One version of a file, and the symbol wanted from it.

    `load(spec)` must compile `text` under the file name `path` with the line numbers of `text` (a slice keeps them too): coverage is read by them.
    `text` may differ from what is on disk (the rewrite, or a canary text that calls `__lintorch_canary__`, found in builtins).
    """

    path: str  # absolute path of the file
    text: str
    symbol: str  # qualified name as in `__qualname__`, without "<locals>"
    module: str  # dotted name the file has in its project, e.g. "pkg.models.net"
    roots: List[str]  # folders that go before sys.path


class Usage(TypedDict):
    """One use of the symbol in the project's text. Arguments are [key, value] pairs: key "0", "1", ... by position or "=name" by keyword; None is not known."""

    build: List[List[Any]]  # of the constructor
    call: Optional[List[List[Any]]]  # of what it made
    where: str


class Hints(TypedDict):
    """What is known before the search. `usages` is written by `verify/mine*.py` and read by `worker/search*.py` alone."""

    examples: List[str]  # given by the user, `Net(10, 20), torch.randn(4, 10)`: they come first, and decide if they work
    usages: List[Usage]
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
    fake: bool  # true: too large for real tensors, only FakeTensor runs are possible


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
#   load.load(spec: LoadSpec) -> Loaded              raises CannotLoad; `Loaded.object` is the class or function, `Loaded.module` its namespace
#   search.search(loaded, hints: Hints, budget: Budget) -> SearchResult
#   search.materialise(recipe: Recipe, loaded, seed: int) -> (target, list[Call])
#                                                    target: a torch.nn.Module or a callable; calls: the variants, main one first
#   search.warm_up() -> None                         called once in the zygote: imports what a search needs of torch, runs no user code
#
# Each runs in a child that is thrown away; none needs to clean up. The caller seeds all generators before each.


class CannotLoad(Exception):
    """A version could not be loaded; str() is the reason in one line."""


class Plan(TypedDict):
    """How often a target is run: every call variant in each mode, `repeats` times in a row with the first seed and once with each other."""

    seeds: List[int]
    modes: List[str]  # of "train", "eval"; a function has neither and runs once per seed
    repeats: int


class LoopPlan(TypedDict):
    """How a loop is run with unknowns. The targets are dotted names of functions ("<module>": the script); `lines` are the watched ones of the text."""

    targets: List[str]
    lines: List[int]
    models: str  # "usage": what the text uses as modules has parameters; "all": whatever is called
    number: int  # what an unknown counts as
    seed: int
    sliced: bool  # only the loop itself is run, what comes before it in its function is unknown too


class Limits(TypedDict):
    """What a child may use: seconds of processor time and bytes of address space beyond the zygote's own."""

    seconds: float
    bytes: int
    temp: str  # the one folder that may be written


class TensorMeta(TypedDict):
    """A dense tensor whose bytes follow in the frame's body, row by row."""

    path: str
    dtype: str  # "float32"
    shape: List[int]


class Frame(NamedTuple):
    """One message: what it says, and the bytes that belong to it."""

    head: Dict[str, Any]
    blobs: List[bytes]


_MAGIC = b"lintorch"
_LENGTHS = struct.Struct("<8s16sIQ")
_SEAL = struct.Struct("<I")
KEY_BYTES = 16


class BrokenFrame(Exception):
    """The bytes received are not whole frames of this job."""


def pack(key: bytes, head: Dict[str, Any], blobs: Sequence[bytes] = ()) -> List[bytes]:
    """A frame as chunks of bytes to be written one after the other; `key` is the job's."""
    head_bytes = json.dumps({**head, "blobs": [len(blob) for blob in blobs]}).encode()
    lengths = _LENGTHS.pack(_MAGIC, key, len(head_bytes), sum(len(blob) for blob in blobs))
    return [lengths, head_bytes, *blobs, _SEAL.pack(_checksum([head_bytes, *blobs]))]


def unpack(key: bytes, data: bytes) -> List[Frame]:
    """All frames in `data`; raises BrokenFrame if a byte of it belongs to no whole frame."""
    frames = []
    view, offset = memoryview(data), 0
    while offset < len(view):
        frame, offset = _frame_at(key, view, offset)
        frames.append(frame)
    return frames


def _frame_at(key: bytes, view: memoryview, offset: int) -> Tuple[Frame, int]:
    if len(view) - offset < _LENGTHS.size:
        raise BrokenFrame("a frame is cut short")
    magic, frame_key, head_length, body_length = _LENGTHS.unpack_from(view, offset)
    if magic != _MAGIC or frame_key != key:
        raise BrokenFrame("bytes that are no frame")
    head_start = offset + _LENGTHS.size
    body_start = head_start + head_length
    end = body_start + body_length
    if end + _SEAL.size > len(view):
        raise BrokenFrame("a frame is cut short")
    if _SEAL.unpack_from(view, end)[0] != _checksum([view[head_start:end]]):
        raise BrokenFrame("a frame with a wrong checksum")
    head = _head(bytes(view[head_start:body_start]))
    return Frame(head, _split(view[body_start:end], head.pop("blobs", None))), end + _SEAL.size


def _head(data: bytes) -> Dict[str, Any]:
    try:
        head = json.loads(data)
    except (ValueError, RecursionError):
        raise BrokenFrame("a head that is no JSON") from None
    if not isinstance(head, dict):
        raise BrokenFrame("a head that is no object")
    return head


def _split(body: memoryview, lengths: Any) -> List[bytes]:
    counted = isinstance(lengths, list) and all(type(length) is int and length >= 0 for length in lengths)
    if not counted or sum(lengths) != len(body):
        raise BrokenFrame("blobs that do not fill their frame")
    blobs, start = [], 0
    for length in lengths:
        blobs.append(bytes(body[start : start + length]))
        start += length
    return blobs


def _checksum(chunks: Iterable[Union[bytes, memoryview]]) -> int:
    seal = 0
    for chunk in chunks:
        seal = zlib.crc32(chunk, seal)
    return seal
