"""A loop run with unknowns for everything that it is given: what each step computes, and what each step leaves alive."""

from __future__ import annotations

import ast
import builtins
import contextlib
import itertools
import sys
import time
import types
import warnings
from typing import Any, Callable, Dict, List, Set, Tuple

from .adapt import adapt_factories, pliable_isinstance, pliable_range
from .alter import Canary
from .choices import Choices, models_of, settings_of
from .drive import NotDriven, Run, Target
from .lines import LineLog
from .load import load
from .outline import UNKNOWN, bound_names, outline
from .pliable import Lenient, World, enter, unknown
from .protocol import CannotLoad, LoadSpec, LoopPlan
from .runs import Sink, describe_error, seed_all
from .sliced import SlicedModule
from .standin import is_stand_in, stand_in
from .told import Entry, live_training, told, without_graphs
from .witness import Steps, WitnessError, measure_loop

TICK = "__lintorch_tick__"
_CALLS = 16  # of a target whose steps are not inside it
_MOST_TICKS = 30  # after which a run has shown enough
_WEIGHED = 6  # steps at which all weights are looked at; after them at the end only
_MOST_ENTRIES = 6_000
_WARMUP = 2
_WITNESS_STEPS = 3  # few: totals are often reset after ten
SUBSET = [-1.0]  # in place of numbers: the words of the later version need only be among those of the earlier one


class Enough(BaseException):
    """A run has taken all the steps that it should take. Not an Exception: user code must not swallow it."""


class Ticker:
    """Called at the start of every watched statement; `at` is told which."""

    def __init__(self) -> None:
        self.hits: Dict[int, int] = {}
        self.at: Callable[[int, Any], None] = lambda number, frame: None

    def __call__(self, number: int) -> None:
        self.hits[number] = self.hits.get(number, 0) + 1
        self.at(number, sys._getframe(1))


class Loop:
    """A version of a file with its targets ready to run under a plan."""

    def __init__(self, spec: Any, plan: LoopPlan, sink: Sink) -> None:
        self.plan, self.sink, self.spec = plan, sink, spec
        self.text: str = spec["text"]
        self.tree = ast.parse(self.text)
        self.wanted: Set[int] = set(plan["lines"])
        self.ticker = Ticker()
        self.most_in_call = 0
        self.at_call: Dict[int, int] = {}
        self.gives: Callable[[Any], None] = lambda result: None
        setattr(builtins, TICK, self.ticker)
        setattr(builtins, UNKNOWN, unknown)
        _still_clock()
        self.world = self._enter_world()
        adapt_factories()
        with Lenient():
            self.module, self.touched = _module(spec, outline(self.text), self.plan["targets"])
        self._fill_names()
        self.made_by = (self.module.__name__,)

    def _enter_world(self) -> World:
        choices = Choices(self.text, self.spec["path"], self.wanted)
        world = World(choices, models_of(self.text), self.plan["number"], self.plan["seed"], everything=self.plan["models"] == "all")
        world.settings = settings_of(self.text)
        enter(world)
        return world

    def _fill_names(self) -> None:
        """Make a sliced module's names, and unknowns of what missing imports gave."""
        module = self.module
        self._import_one_by_one(module)
        if isinstance(module, SlicedModule):
            for node in ast.walk(self.tree):
                if isinstance(node, ast.Name):
                    self._make_name(module, node.id)
        names: Dict[str, Any] = object.__getattribute__(module, "__dict__") if not isinstance(module, SlicedModule) else vars(module)
        names.setdefault("range", pliable_range)
        names.setdefault("isinstance", pliable_isinstance)
        for name, value in list(names.items()):
            if is_stand_in(value):
                names[name] = unknown(name)

    def _import_one_by_one(self, module: types.ModuleType) -> None:
        """What a `try` imports together: one that is missing must not cost the others."""
        tried = [node for guarded in self.tree.body if isinstance(guarded, ast.Try) for node in guarded.body]
        for node in tried:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                with contextlib.suppress(Exception):
                    exec(compile(ast.Module([node], []), self.spec["path"], "exec", dont_inherit=True), object.__getattribute__(module, "__dict__"))

    @staticmethod
    def _make_name(module: types.ModuleType, name: str) -> None:
        try:
            getattr(module, name)
        except AttributeError:
            pass
        except Exception:
            setattr(module, name, unknown(name))

    def runners(self) -> List[Run]:
        """The targets, ready to be called."""
        target = Target(self.module, self.tree, self.spec["path"], self.wanted, self.plan["sliced"])
        return [target.runner(name) for name in self.plan["targets"]]

    def drive(self, most_calls: int = _CALLS) -> None:
        """Call each target until its steps are taken; a result lives as long as the next call, as it does in a loop."""
        seed_all(0)
        with Lenient(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for run in self.runners():
                self._repeat(run, most_calls)

    def count(self) -> None:
        """Note how often the watched statements ran since the call began."""
        self.most_in_call = max(self.most_in_call, *(hits - self.at_call.get(number, 0) for number, hits in self.ticker.hits.items()), 0)

    def _repeat(self, run: Run, most_calls: int) -> None:
        for _ in range(most_calls):
            self.at_call = dict(self.ticker.hits)
            result = run()  # noqa: F841 - held until the next call
            self.count()
            self.gives(result)
            if self.ticker.hits == self.at_call or max(self.ticker.hits.values()) >= _CALLS:
                break


def _module(spec: Any, text: str, targets: List[str]) -> Tuple[types.ModuleType, List[str]]:
    """The module of an outline: imported, or where that fails statement by statement, with unknowns for what cannot be had; and what is missing."""
    try:
        loaded = load(LoadSpec(path=spec["path"], text=text, symbol="__name__", module=spec["module"], roots=spec["roots"]))
        for target in targets:
            if target != "<module>":
                getattr(loaded.module, target.partition(".")[0])
        return loaded.module, list(loaded.touched)
    except (CannotLoad, NameError, AttributeError, ImportError):
        module = types.ModuleType(spec["module"] or "script")
    module.__package__ = spec["module"].rpartition(".")[0]
    sys.modules[module.__name__] = module
    missing: List[str] = []
    for node in ast.parse(text).body:
        try:
            exec(compile(ast.Module([node], []), spec["path"], "exec", dont_inherit=True), vars(module))
        except Exception:
            names = bound_names(node)
            missing += names
            vars(module).update((name, stand_in(name)) for name in names)  # which classes can inherit from
    return module, missing


def _still_clock() -> None:
    """Time that passes by the number of times somebody asks."""
    for name in ("time", "perf_counter", "monotonic", "process_time"):
        counter = itertools.count(1_000)
        setattr(time, name, lambda counter=counter: next(counter) / 1_000)


class _Recorder:
    """Writes down the local variables and the weights at every step, and what unknowns are called with."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.entries: List[Entry] = []
        self.weights: List[str] = []
        loop.ticker.at = self._step
        loop.world.hears = self._hear
        loop.gives = lambda result: self._note("the result of a call", result)

    def _note(self, path: str, value: Any) -> None:
        if len(self.entries) < _MOST_ENTRIES:
            self.entries += told(value, path, self.loop.made_by)

    def _step(self, number: int, frame: Any) -> None:
        step = sum(self.loop.ticker.hits.values())
        if step > _MOST_TICKS:
            raise Enough
        names = {name: value for name, value in frame.f_locals.items() if not name.startswith("__")}
        for name in sorted(names) if frame.f_code.co_name != "<module>" else sorted(set(names) & self._script_names()):
            self._note(f"{name} at step {step}", names[name])
        if step <= _WEIGHED:
            weights = live_training()
            self.weights.append(weights["parameters"])
            self.entries += [(f"{what} at step {step}", digest, SUBSET) for what, digest in weights.items()]

    def _script_names(self) -> Set[str]:
        return {node.id for node in ast.walk(self.loop.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}

    def _hear(self, path: str, args: Any, kwargs: Any) -> None:
        self._note(f"what {path} is called with", (*args, *kwargs.values()))


def run_loop(head: Dict[str, Any], sink: Sink) -> Dict[str, Any]:
    """What a version does at each step of the loop, and what ran; an error that it ends with is a fact among others."""
    log = LineLog(head["spec"]["path"])
    raised = None
    loop = Loop(head["spec"], head["plan"], sink)
    recorder = _Recorder(loop)
    try:
        with log:
            loop.drive()
    except Enough:
        pass
    except NotDriven as error:
        raised = str(error)
    except (Exception, SystemExit) as error:
        raised = describe_error(error)
    loop.count()
    loop.world.hears = None
    loop.ticker.at = lambda number, frame: None
    recorder.entries += [(f"{what} at the end", digest, SUBSET) for what, digest in live_training().items()]
    recorder.entries.append(("prints", without_graphs(sink.take()[0]), []))
    return {
        "raised": raised,
        "hits": loop.ticker.hits,
        "most_in_call": loop.most_in_call,
        "lines": sorted(log.lines),
        "entries": recorder.entries,
        "trained": len(set(recorder.weights)) > 1,
        "unknowns": sorted({path.partition(".")[0] for path in loop.world.counters} | set(loop.world.parameters)),
        "replaced": sorted(loop.world.replaced),
        "touched": loop.touched,
    }


def run_canary(head: Dict[str, Any], sink: Sink) -> Dict[str, Any]:
    """The run with one probed expression altered."""
    canary = Canary()
    canary.install()
    canary.active = head["probe"]
    return {**run_loop(head, sink), "reached": head["probe"] in canary.reached}


def witness_loop(head: Dict[str, Any], sink: Sink) -> Dict[str, Any]:
    """How many nodes and bytes each step leaves alive, a step being one pass over the watched statement."""
    loop = Loop(head["spec"], head["plan"], sink)
    primary = head["primary"]

    def run(steps: Steps) -> None:
        loop.ticker.hits.clear()
        loop.world = loop._enter_world()

        def step(number: int, frame: Any) -> None:
            if number == primary:
                try:
                    next(steps)
                except StopIteration:
                    raise Enough from None

        loop.ticker.at = step
        with contextlib.suppress(Enough):
            loop.drive(most_calls=4 * _CALLS)

    try:
        return {"witness": measure_loop(run, steps=_WITNESS_STEPS, warmup=_WARMUP).as_dict()}
    except WitnessError as error:
        return {"problem": "witness", "reason": str(error)}
