"""One attempt: build the target and call it, under limits, and tell how far it came and where it stopped."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import types
from dataclasses import dataclass, field, replace
from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Tuple

import torch
from torch.overrides import TorchFunctionMode

from .discover import Discovering, completed
from .make import Maker
from .nesting import tensors
from .standin import LEDGER
from .values import Arguments, Built, Items, Path, Record, Table, Tensor, Value, leaves

Rank = Tuple[int, int, Tuple[int, ...]]
PHASES = ("make", "construct", "inputs", "forward", "backward", "done")
MOST_WORK = 1 << 28  # elements made in one run, all of which the watch keeps alive where they come from an input
_FACTORIES = frozenset({"empty", "zeros", "ones", "rand", "randn", "full", "arange", "eye", "randint", "linspace"})


_NO_LIMIT = 1 << 62
_HERE, _TORCH = os.path.dirname(os.path.abspath(__file__)), os.path.dirname(os.path.abspath(torch.__file__))
_DEEPEST_LINE = 3


def _fake_mode() -> Any:
    from torch._subclasses.fake_tensor import FakeTensorMode  # late: seldom needed, and half of torch with it

    return FakeTensorMode(allow_non_fake_inputs=True)


class TooLarge(Exception):
    """More memory was asked for than an attempt may use."""


class Vacuous(Exception):
    """Nothing came out that could tell two versions apart."""


class TooSlow(BaseException):
    """An attempt ran out of time. Not an Exception: user code must not swallow it."""


@dataclass(frozen=True)
class Plan:
    """What an attempt does: constructor arguments (None for a function), the method to call and its arguments."""

    build: Optional[Arguments]
    call: Arguments
    method: str = "__call__"


@dataclass
class Outcome:
    """How far an attempt came. `operation` is the torch function that raised, with its arguments; `inputs` and `parts` are
    the objects made for the values of the call and of the constructor; `sources` tells from which inputs a tensor (by id) was computed.
    """

    phase: str = "make"
    steps: int = 0
    error: Optional[BaseException] = None
    operation: Optional[Tuple[Any, Tuple[Any, ...], Dict[str, Any]]] = None
    frames: List[Tuple[types.FrameType, int]] = field(default_factory=list)
    sources: Dict[int, FrozenSet[Path]] = field(default_factory=dict)
    inputs: Dict[Path, Any] = field(default_factory=dict)
    parts: Dict[Path, Any] = field(default_factory=dict)
    target: Any = None
    result: Any = None
    finite: bool = True
    differentiable: bool = False
    lines: Tuple[int, ...] = ()  # where it stopped, from the target's own function inwards
    work: int = 0  # elements that the operations made: what a run costs, the same on every machine

    @property
    def rank(self) -> Rank:
        """Greater is better: the phase reached, then the number of operations, then the lines reached."""
        return PHASES.index(self.phase), self.steps, self.lines


class Watch(TorchFunctionMode):
    """Counts operations, remembers the one that raised, follows which inputs a tensor comes from, and refuses huge allocations."""

    def __init__(self, outcome: Outcome, elements: int, most_work: float = MOST_WORK) -> None:
        super().__init__()
        self.outcome, self.left, self.most_work = outcome, elements, most_work
        self.kept: List[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _FACTORIES:
            self._account(args, kwargs)
        if name == "__get__":
            return func(*args, **kwargs)
        try:
            made = func(*args, **kwargs)
        except Exception:
            if self.outcome.operation is None:
                self.outcome.operation = (func, args, kwargs)
            raise
        self.outcome.steps += 1
        self.outcome.work += sum(tensor.numel() for tensor in tensors_in(made, 1))
        if self.outcome.work > self.most_work:
            raise TooLarge("a call makes more than the search may use")
        self._follow(args, kwargs, made)
        return made

    def _account(self, args: Any, kwargs: Dict[str, Any]) -> None:
        shape = args[0] if args and isinstance(args[0], (tuple, list)) else args
        count = 1
        for size in shape if isinstance(shape, (tuple, list)) else ():
            count *= size if isinstance(size, int) else 1
        self.left -= count
        if self.left < 0:
            raise TooLarge("the target needs more memory than the search may use")

    def _follow(self, args: Any, kwargs: Dict[str, Any], made: Any) -> None:
        known = self.outcome.sources
        found: FrozenSet[Path] = frozenset().union(*(known.get(id(tensor), frozenset()) for tensor in tensors_in((args, kwargs))))
        if found:
            for tensor in tensors_in(made):
                self.kept.append(tensor)  # an id means its tensor only while that is alive
                known[id(tensor)] = known.get(id(tensor), frozenset()) | found


def tensors_in(value: Any, depth: int = 3) -> Iterator[torch.Tensor]:
    """The tensors in nested tuples, lists and dicts."""
    if isinstance(value, torch.Tensor):
        yield value
    elif depth and isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item, depth - 1)
    elif depth and isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item, depth - 1)


class Tagger:
    """Notes the objects made for values: in `table` by path, tensors as sources of what is computed from them, records so that they can go on discovering."""

    def __init__(self, table: Dict[Path, Any], outcome: Outcome, watch: Watch, maker: Maker) -> None:
        self.table, self.outcome, self.watch, self.maker = table, outcome, watch, maker

    def note(self, value: Value, made: Any, path: Path) -> None:
        """Note the object of a value and what is inside it."""
        self.table[path] = made
        if isinstance(value, Tensor):
            self.outcome.sources[id(made)] = frozenset([path])
            self.watch.kept.append(made)
        elif isinstance(value, Items):
            for number, item in enumerate(value.items):
                self.note(item, made[number], (*path, number))
        elif isinstance(value, Table):
            for key, item in value.items:
                self.note(item, made[key], (*path, key))
        elif isinstance(value, (Record, Built)):
            for key, item in value.attributes:
                self.note(item, getattr(made, key, None), (*path, ("attribute", key) if isinstance(value, Built) else key))
        if isinstance(made, Discovering):
            notes = made.__dict__["_lintorch"]
            notes.path, notes.invent = path, self._invent

    def _invent(self, path: Path, value: Value) -> Any:
        """Make a value that a record came up with."""
        armed, LEDGER.armed = LEDGER.armed, False
        try:
            made = self.maker.make(value)
        finally:
            LEDGER.armed = armed
        self.note(value, made, path)
        return made


class Limit:
    """Raises TooSlow in the main thread after so many seconds of processor time, where the system has timers.

    Time on the clock would make a search's result depend on what else the machine does.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGPROF, self._raise)
            # Again and again: the first may fall into a destructor or callback that drops exceptions.
            signal.setitimer(signal.ITIMER_PROF, self.seconds, 0.5)

    def _raise(self, number: int, frame: Any) -> None:
        raise TooSlow(f"ran for more than {self.seconds:.1f} s")

    def __exit__(self, *error: Any) -> None:
        self.stop()

    @staticmethod
    def stop() -> None:
        """Stop whatever limit is running."""
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)


class Bench:
    """Runs attempts on one loaded target. `seconds` and `elements` limit each; `fake` ones have no values, and sizes do not limit them."""

    def __init__(self, target: Any, module: types.ModuleType, seconds: float = 4.0, elements: int = 40_000_000, fake: bool = False) -> None:
        self.target, self.module = target, module
        self.seconds, self.elements = seconds, _NO_LIMIT if fake else elements
        self.mode = _fake_mode() if fake else None  # one for all attempts: a target that is kept belongs to it
        self._built: Tuple[Any, Any, Dict[Path, Any]] = (None, None, {})
        self.runs = 0
        self.with_grad = True  # do floating inputs carry a gradient?

    def run(self, plan: Plan, fresh: bool = False, training: bool = True) -> Outcome:
        """Try `plan`, `fresh` with a target built anew; never raises for what user code does."""
        outcome = self._run(plan, fresh, training)
        # The target sets `requires_grad` of its input itself, or takes its values out of the graph.
        if self.with_grad and re.search(r"leaf variable|numpy\(\) on Tensor that requires grad", str(outcome.error), re.IGNORECASE):
            self.with_grad = False
            return self._run(plan, fresh, training)
        return outcome

    def _run(self, plan: Plan, fresh: bool, training: bool) -> Outcome:
        outcome = Outcome()
        self.runs += 1
        torch.default_generator.manual_seed(0)  # torch.manual_seed also keeps a stack trace for each absent accelerator
        LEDGER.armed = True
        modes = torch._C._len_torch_function_stack()
        try:
            with Limit(self.seconds), self.mode or contextlib.nullcontext():
                self._go(plan, outcome, fresh, training)
        except (Exception, TooSlow, SystemExit) as error:
            outcome.error = error
            outcome.frames = list(_frames(error))
            outcome.lines = tuple(line for frame, line in outcome.frames if not frame.f_code.co_filename.startswith((_HERE, _TORCH)))[:_DEEPEST_LINE]
        finally:
            # The timer may strike while it is being stopped, or a watch while it leaves: neither may outlive the run.
            Limit.stop()
            while torch._C._len_torch_function_stack() > modes:
                torch._C._pop_torch_function_stack()
            LEDGER.armed = False
        return outcome

    def _go(self, plan: Plan, outcome: Outcome, fresh: bool, training: bool) -> None:
        watch = Watch(outcome, self.elements, MOST_WORK if self.mode is None else _NO_LIMIT)
        maker = Maker(self.module, lambda attributes: Discovering(attributes, building=outcome.phase in ("make", "construct")))
        target = self._target(plan, outcome, maker, watch, fresh)
        outcome.phase, outcome.steps = "inputs", 0
        maker.with_grad = self.with_grad
        outcome.target = target
        if isinstance(target, torch.nn.Module):
            target.train(training)
        positional, keywords = maker.arguments(plan.call)
        self._tag(plan.call, positional, keywords, Tagger(outcome.inputs, outcome, watch, maker))
        outcome.phase = "forward"
        method = target if plan.method == "__call__" else getattr(target, plan.method)
        with watch:
            outcome.result = method(*positional, **keywords)
        if not any(True for _ in tensors(outcome.result, "")):
            raise Vacuous("nothing that holds a tensor came back")
        outcome.phase = "backward"
        self._backward(outcome)
        outcome.phase = "done"

    def _target(self, plan: Plan, outcome: Outcome, maker: Maker, watch: Watch, fresh: bool) -> Any:
        if plan.build is None:
            return self.target
        if not fresh and self._built[0] == plan.build:
            outcome.parts.update(self._built[2])
            return self._built[1]
        positional, keywords = maker.arguments(plan.build)
        self._tag(plan.build, positional, keywords, Tagger(outcome.parts, outcome, watch, maker))
        outcome.phase = "construct"
        with watch:
            target = self.target(*positional, **keywords)
        self._built = (plan.build, target, outcome.parts)
        return target

    def _tag(self, arguments: Arguments, positional: List[Any], keywords: Dict[str, Any], tagger: Tagger) -> None:
        """Remember which object was made for which value of the plan."""
        made = iter(positional)
        for name, value in arguments:
            if name.startswith("**"):
                continue
            if name.startswith("*"):
                tagger.note(value, [next(made) for _ in getattr(value, "items", ())], (name,))
            else:
                tagger.note(value, keywords[name[1:]] if name.startswith("=") else next(made), (name,))

    def _backward(self, outcome: Outcome) -> None:
        wanted = [tensor for _, tensor in tensors(outcome.result, "") if tensor.requires_grad and (tensor.is_floating_point() or tensor.is_complex())]
        outcome.differentiable = bool(wanted)
        outcome.finite = self.mode is not None or all(bool(torch.isfinite(tensor.detach()).all()) for tensor in wanted)
        if wanted:
            total = sum((torch.view_as_real(tensor) if tensor.is_complex() else tensor).float().sum() for tensor in wanted)
            total.backward()  # type: ignore[union-attr]


def _frames(error: BaseException) -> Iterator[Tuple[types.FrameType, int]]:
    """The frames of the traceback with their lines, outermost first."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def tensor_leaves(arguments: Arguments) -> List[Tuple[Path, Tensor]]:
    """Every tensor in the arguments with its path (the first key is the argument's name)."""
    found = [(path, leaf) for name, value in arguments for path, leaf in leaves(value, (name,))]
    return [(path, leaf) for path, leaf in found if isinstance(leaf, Tensor)]


def filled(plan: Plan, outcome: Outcome) -> Plan:
    """The plan with what its records discovered while it ran."""
    build = None if plan.build is None else _filled(plan.build, outcome.parts)
    return replace(plan, build=build, call=_filled(plan.call, outcome.inputs))


def _filled(arguments: Arguments, made: Dict[Path, Any]) -> Arguments:
    return tuple((name, completed(value, made.get((name,)))) for name, value in arguments)
