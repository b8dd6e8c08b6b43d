"""What is measured beside the runs that decide: the ATen trace, the modules called, peak live bytes, and what a page of pictures shows."""

from __future__ import annotations

import itertools
import math
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import torch

from . import search
from .load import Loaded
from .memory import LiveBytes
from .nesting import tensors
from .observe import digest, dtype_name, in_brief, raw_bytes
from .protocol import Plan, Recipe
from .runs import Runner, Sink, Situation, Subject, describe_error, seed_all
from .state import held_tensors
from .trace import Trace, Tracer
from .witness import measure

_MOST_POINTS, _MOST_GRADIENTS = 600, 400  # more than a page can show


def traces(subject: Subject, plan: Plan, sink: Sink) -> Dict[str, Any]:
    """One trace over a forward and backward of every call in every mode, or why there is none."""
    runner = Runner(subject, plan, in_brief, sink)
    calls: List[str] = []
    found: List[Trace] = []
    try:
        for situation in _once_each(subject, plan):
            tracer = Tracer()
            calls += runner.trace(situation, tracer)
            found.append(tracer.result())
    except Exception as error:
        return {"failed": describe_error(error)}
    return {**_told(found), "calls": calls}


def _told(traces: Sequence[Trace]) -> Dict[str, Any]:
    """Traces as they are sent."""
    return {
        "operations": sum(trace.operations for trace in traces),
        "digests": [trace.digest for trace in traces],
        "forms": [trace.form for trace in traces],
        "numbers": [trace.numbers for trace in traces],
    }


def _once_each(subject: Subject, plan: Plan) -> Iterator[Situation]:
    modes = plan["modes"] if subject.has_modes else ["call"]
    return (Situation(plan["seeds"][0], mode, variant, 0, grad=True) for mode in modes for variant in range(len(subject.variants)))


def peaks(subject: Subject, plan: Plan, sink: Sink) -> Dict[str, Optional[int]]:
    """Peak live bytes of the main call: forward under no_grad in the last mode, and a training step in the first; None where it raised."""
    weighed = {name: _weighed(Runner(subject, plan, in_brief, sink), situation) for name, situation in _weighings(subject, plan).items()}
    return {name: counter.peak if counter else None for name, counter in weighed.items()}


def _weighings(subject: Subject, plan: Plan) -> Dict[str, Situation]:
    seed, modes = plan["seeds"][0], plan["modes"] if subject.has_modes else ["call"]
    return {"forward": Situation(seed, modes[-1], 0, 0, grad=False), "training": Situation(seed, modes[0], 0, 0, grad=True)}


def _weighed(runner: Runner, situation: Situation) -> Optional[LiveBytes]:
    try:
        return runner.weigh(situation)
    except Exception:
        return None


def figures(subject: Subject, plan: Plan, sink: Sink) -> Dict[str, Any]:
    """What a page shows of the main call: live bytes over its operations (as `peaks` weighs them), and its gradients; empty where it raised."""
    runner = Runner(subject, plan, in_brief, sink)
    weighings = _weighings(subject, plan)
    weighed = {name: _weighed(runner, situation) for name, situation in weighings.items()}
    try:
        found = runner.gradients(weighings["training"])
    except Exception:
        found = []
    series = {name: _thinned(counter.series) if counter else [] for name, counter in weighed.items()}
    return {**series, "gradients": [_gradient(path, tensor) for path, tensor in found[:_MOST_GRADIENTS]], "left_out": max(0, len(found) - _MOST_GRADIENTS)}


def _thinned(series: Sequence[int]) -> List[Tuple[int, int]]:
    """(number of operations, live bytes) for as many points as can be told apart in a picture; of those that share one, the highest."""
    width = -(-len(series) // _MOST_POINTS)
    starts = range(0, len(series), width)
    return [max(((place, series[place]) for place in range(start, min(start + width, len(series)))), key=lambda point: point[1]) for start in starts]


def _gradient(path: str, tensor: torch.Tensor) -> Dict[str, Any]:
    dense = tensor.layout == torch.strided and tensor.numel() > 0
    largest = float(tensor.detach().abs().max()) if dense else None
    return {
        "name": path,
        "kind": f"{dtype_name(tensor)}{list(tensor.shape)}",
        "largest": largest if largest is None or math.isfinite(largest) else None,
        "digest": digest(raw_bytes(tensor)) if dense else None,
    }


def witness_module(subject: Subject, plan: Plan, sink: Sink) -> Dict[str, Any]:
    """How many nodes and bytes each training step of the main call leaves alive, or why that is not known."""
    runner = Runner(subject, plan, in_brief, sink)
    numbers = itertools.count(1)

    def step() -> None:
        runner.train(Situation(plan["seeds"][0], plan["modes"][0] if subject.has_modes else "call", 0, next(numbers), grad=True))

    try:
        return {"witness": measure(lambda: step).as_dict()}
    except Exception as error:
        return {"problem": "witness", "reason": describe_error(error)}


def fake_trace(recipe: Recipe, loaded: Loaded, plan: Plan) -> Dict[str, Any]:
    """The trace under FakeTensor of a target too large to be run: no values, so that equal traces prove little."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    found: List[Trace] = []
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            seed_all(plan["seeds"][0])
            target, calls = search.materialise(recipe, loaded, plan["seeds"][0])
            for mode in plan["modes"] if isinstance(target, torch.nn.Module) else ["call"]:
                tracer = Tracer(real=False)
                _trace_fake(target, calls[0], mode, tracer)
                found.append(tracer.result())
    except Exception as error:
        return {"failed": describe_error(error)}
    return _told(found)


def _trace_fake(target: Any, call: Any, mode: str, tracer: Tracer) -> None:
    method, args, kwargs = call
    if isinstance(target, torch.nn.Module):
        target.train(mode == "train")
    for path, _, tensor in held_tensors(target):
        tracer.name(tensor, path)
    with tracer:
        output = (target if method == "__call__" else getattr(target, method))(*args, **kwargs)
    tracer.tell("output", output)
    ends = [tensor for _, tensor in tensors(output, "output") if tensor.requires_grad and tensor.is_floating_point()]
    if ends:
        seeds = [torch.ones_like(end) for end in ends]
        with tracer:
            torch.autograd.backward(ends, seeds)
