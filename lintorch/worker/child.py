"""What a child does with its job: one role, one result, and out. Nothing a child has touched is used again."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch

from . import load, search
from .alter import Canary
from .confine import LEVELS, confine
from .differences import differences
from .lines import LineLog
from .loops import run_canary, run_loop, witness_loop
from .measure import fake_trace, figures, peaks, traces, witness_module
from .observe import Listing, Record, digest, in_brief
from .opened import Opened
from .protocol import CannotLoad, Frame, Limits, Plan, pack, unpack
from .runs import SECTIONS, Runner, Seen, Sink, Subject, Variant, describe_error, situations
from .seek import NoInputs, seek
from .state import Unmatched
from .subject import NotBuilt, Setup, Version, build, filled_memory, load_version

# Sections that decide; what is only heard (warnings, prints) is compared too, but cannot refute.
DECIDING = ("raised", "output", "gradient", "argument", "state", "attributes", "globals")
_TURNS = 3  # alterations tried before an edit counts as not observed: a comparison or an argmax does not mind every one
_LISTED_BYTES = 512 << 20

Write = Callable[..., None]


def warm_up() -> None:
    """Import and run once, in the zygote, what children need of torch."""
    search.warm_up()
    layer = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.LayerNorm(2))
    plan = Plan(seeds=[0], modes=["train", "eval"], repeats=1)
    subject = Subject(layer, [Variant(("__call__", (torch.ones(1, 2),), {}), {0: [None]}, with_grad=True)], {})
    list(Runner(subject, plan, in_brief, Sink()).run_all())
    traces(subject, plan, Sink())


def run(job: int, result: int, key: bytes, isolation: str, temp: str) -> None:
    """Read the job, take on its confinement, do it, send what came of it, end the process."""
    frame = unpack(key, _read_all(job))[0]
    sink = _settle(result, temp)

    def write(head: Dict[str, Any], blobs: "List[bytes] | None" = None) -> None:
        _write_all(result, pack(key, head, blobs or []))

    limits = Limits(seconds=frame.head["seconds"], bytes=frame.head["bytes"], temp=temp)
    reached = confine(limits, own_namespaces=isolation == "full")
    if LEVELS.index(reached) < LEVELS.index(isolation):
        write({"problem": "isolation", "reason": f"only {reached} of {isolation} was reached"})
    else:
        opened = Opened([os.path.dirname(torch.__file__)], temp)
        opened.begin()
        _do(frame, lambda head, blobs=None: write({**head, "loaded": opened.files}, blobs), sink)
    os._exit(0)


def _settle(result: int, temp: str) -> Sink:
    """Leave nothing open but the result, nothing to read, nobody listening, and one folder to write into."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    limit = os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else 256
    os.closerange(3, result)
    os.closerange(result + 1, min(limit, 4096))
    os.environ.update(HOME=temp, TMPDIR=temp, TEMP=temp, TMP=temp)
    tempfile.tempdir = temp
    sink = Sink()
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), sink, Sink()
    return sink


def _read_all(descriptor: int) -> bytes:
    chunks: List[bytes] = []
    while True:
        chunk = os.read(descriptor, 1 << 20)
        if not chunk:
            os.close(descriptor)
            return b"".join(chunks)
        chunks.append(chunk)


def _write_all(descriptor: int, chunks: List[bytes]) -> None:
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]


def _do(frame: Frame, write: Write, sink: Sink) -> None:
    """The role the job names; user code may raise anything at any point, and that is a result too."""
    try:
        _ROLES[frame.head["kind"]](frame, write, sink)
    except CannotLoad as error:
        write({"problem": "load", "reason": str(error)})
    except (NotBuilt, Unmatched, NoInputs) as error:
        write({"problem": {NotBuilt: "build", Unmatched: "match"}.get(type(error), "inputs"), "reason": str(error), "hint": getattr(error, "hint", None)})
    except BaseException as error:
        write({"problem": "failure", "reason": describe_error(error)})


def _search(frame: Frame, write: Write, sink: Sink) -> None:
    found = seek(frame.head, sink)
    write(found.head, found.blobs)


def _measure(frame: Frame, write: Write, sink: Sink) -> None:
    """Run the plan; then, as frames of their own, so that a failure there costs no more, what else is asked for: trace, peak, the same once more."""
    setup, head = Setup.from_frame(frame), frame.head
    log = LineLog(head["spec"]["path"])
    with log if head.get("again") else contextlib.nullcontext():
        loaded = load_version(head["spec"])
        version = build(setup, loaded)
    seen = [_told(run) for run in Runner(version.subject, head["plan"], in_brief, sink).run_all()]
    write({"runs": seen, "initial": version.initial, "renamed": version.renamed, "touched": list(loaded.touched)})
    if head.get("trace"):
        write({"trace": traces(version.subject, head["plan"], sink)})
    if head.get("peak"):
        write({"peak": peaks(version.subject, head["plan"], sink)})
    if head.get("figures"):
        write({"figures": figures(version.subject, head["plan"], sink)})
    if head.get("again"):
        write({"again": _again(setup, loaded, head["again"], log, sink)})


def _again(setup: Setup, loaded: load.Loaded, plan: Plan, log: LineLog, sink: Sink) -> Dict[str, Any]:
    """The runs of a plan with everything built anew, the lines that run noted, and fresh memory filled: a value read before it is written shows."""
    with log:
        version = build(setup, loaded)
    with filled_memory():
        seen = [_told(run) for run in Runner(version.subject, plan, in_brief, sink, log).run_all()]
    return {"runs": seen, "lines": sorted(log.lines)}


def _version(frame: Frame) -> Version:
    return build(Setup.from_frame(frame), load_version(frame.head["spec"]))


def _told(seen: Seen) -> Dict[str, Any]:
    digests = {section: seen.records[section].result() for section in SECTIONS}
    return {"key": seen.key, "mode": seen.mode, "digests": digests, "outlook": seen.outlook, "differentiable": seen.differentiable, "raised": seen.raised}


def _audit(frame: Frame, write: Write, sink: Sink) -> None:
    """The same once more in a process of its own, for an original that does not come out the same twice in one."""
    log = LineLog(frame.head["spec"]["path"])
    with log:
        loaded = load_version(frame.head["spec"])
    write({"again": _again(Setup.from_frame(frame), loaded, frame.head["again"], log, sink)})


def _explain(frame: Frame, write: Write, sink: Sink) -> None:
    """The same runs, with the wanted sections listed in full."""
    wanted = {key: set(sections) for key, sections in frame.head["wanted"].items()}
    version = _version(frame)

    def make_record(key: str, section: str) -> Record:
        return Listing() if section in wanted.get(key, ()) else Record()

    listings: Dict[str, Any] = {}
    blobs: List[bytes] = []
    for seen in Runner(version.subject, frame.head["plan"], make_record, sink).run_all():
        for section in SECTIONS:
            record = seen.records[section]
            if isinstance(record, Listing):
                listings.setdefault(seen.key, {})[section] = _listed(record, blobs)
        if len(listings) == len(wanted):
            break
    write({"listings": listings}, blobs)


def _listed(listing: Listing, blobs: List[bytes]) -> List[Any]:
    """Entries of a listing as (path, facts, place of the bytes): an index, None where there are none, or a digest of those beyond the cap."""
    entries: List[Any] = []
    listed = sum(map(len, blobs))
    for (path, facts), raw in zip(listing.entries, listing.raws):
        if raw is None:
            entries.append([path, facts, None])
        elif listed + len(raw) > _LISTED_BYTES:
            entries.append([path, facts, digest(raw)])
        else:
            entries.append([path, facts, len(blobs)])
            blobs.append(raw)
            listed += len(raw)
    return entries


def _canary(frame: Frame, write: Write, sink: Sink) -> None:
    """Run with each probed expression altered in turn, until a run differs from the baseline."""
    canary = Canary()
    canary.install()
    setup, loaded = Setup.from_frame(frame), load_version(frame.head["spec"])
    baseline: Dict[str, Dict[str, str]] = frame.head["baseline"]
    noticed: Dict[str, Optional[str]] = {}
    longest = 1
    for probe in frame.head["probes"]:
        canary.active = probe
        for canary.turn in range(_TURNS):
            noticed[str(probe)], runs = _first_difference(setup, loaded, frame, sink, baseline, canary)
            longest = max(longest, runs)
            if noticed[str(probe)] is not None or probe not in canary.reached:
                break
    canary.active = None
    control, _ = _first_difference(setup, loaded, frame, sink, baseline, canary, at_most=longest)
    reached = {"reached": canary.reached, "asked_gradient": canary.asked_gradient, "got_gradient": canary.got_gradient}
    write({"noticed": noticed, "control": control, **{name: sorted(probes) for name, probes in reached.items()}})


def _first_difference(
    setup: Setup, loaded: load.Loaded, frame: Frame, sink: Sink, baseline: Dict[str, Dict[str, str]], canary: Canary, at_most: int = 1 << 30
) -> Tuple[Optional[str], int]:
    """The key of the first run that differs from the baseline (None: none does; "building": it does not come to one), and how many were run."""
    try:
        subject = build(setup, loaded).subject
    except (NotBuilt, Unmatched):
        return "building", 0
    runner = Runner(subject, frame.head["plan"], in_brief, sink)
    noticed, count = None, 0
    for situation in list(situations(subject, frame.head["plan"]))[:at_most]:
        seen, count = runner.run(situation), count + 1
        if noticed is None and _differs(seen, baseline[seen.key]):
            noticed = seen.key
        waits_for_gradient = canary.active in canary.asked_gradient - canary.got_gradient and seen.raised is None
        if noticed is not None and not waits_for_gradient:
            break
    return noticed, count


def _differs(seen: Seen, baseline: Dict[str, str]) -> bool:
    return any(seen.records[section].result() != baseline[section] for section in DECIDING)


def _fake(frame: Frame, write: Write, sink: Sink) -> None:
    write({"trace": fake_trace(frame.head["recipe"], load_version(frame.head["spec"]), frame.head["plan"])})


def _compare(frame: Frame, write: Write, sink: Sink) -> None:
    """Compare two listings, in a process that has run nobody's code."""
    head, shift = frame.head, frame.head["shift"]
    write({"differences": differences(head["before"], head["after"], frame.blobs[:shift], frame.blobs[shift:], head["graphs_count"])})


def _module_witness(frame: Frame, write: Write, sink: Sink) -> None:
    write(witness_module(_version(frame).subject, frame.head["plan"], sink))


def _loop(frame: Frame, write: Write, sink: Sink) -> None:
    write(run_loop(frame.head, sink))


def _loop_canary(frame: Frame, write: Write, sink: Sink) -> None:
    write(run_canary(frame.head, sink))


def _loop_witness(frame: Frame, write: Write, sink: Sink) -> None:
    write(witness_loop(frame.head, sink))


_ROLES: Dict[str, Callable[[Frame, Write, Sink], None]] = {
    "search": _search,
    "measure": _measure,
    "audit": _audit,
    "explain": _explain,
    "canary": _canary,
    "fake": _fake,
    "compare": _compare,
    "module witness": _module_witness,
    "loop": _loop,
    "loop canary": _loop_canary,
    "loop witness": _loop_witness,
}
