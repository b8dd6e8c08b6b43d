"""Values that nobody knows: tensors that also answer as models, loaders, optimizers, loggers and numbers, by how they are used.

A loop's real data, models and settings are out of reach. What the loop keeps alive does not hang on them, but on how it passes on what it gets; so
each unknown is a tensor (with everything a tensor can do) that is named after where it comes from, and that gives further unknowns when asked for
attributes, items, elements or results. Values depend on the names alone: both versions of a text see the same.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import gc
import itertools
import math
import os
import sys
import types
import weakref
import zlib
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

import torch
from torch.overrides import TorchFunctionMode

from .choices import Choices
from .nesting import tensors

SIDE = 16  # of every unknown tensor, in both dimensions
ELEMENTS = 16  # of every unknown iterable
_REAL: Dict[str, Any] = {"device": torch.device("cpu"), "dtype": torch.float32}
_FOREIGN = (os.path.dirname(torch.__file__), os.path.dirname(os.__file__))
_METHOD_KINDS = (types.BuiltinMethodType, types.MethodType, type(object().__str__))
_STILL = 32  # tensors of a call that its result is computed from
_plain = torch.Tensor.as_subclass


class World:
    """What the unknowns of a run share: the parameters of the models among them, what was called with what, and how questions are answered."""

    def __init__(self, choices: Choices, models: Set[str], number: int, seed: int, everything: bool) -> None:
        self.choices, self.models, self.number, self.seed = choices, models, number, seed
        self.everything = everything  # has whatever is called a parameter?
        self.settings: Dict[str, Any] = {}  # names that stand for plain numbers and flags
        self.backwards = 0
        self.parameters: Dict[str, torch.nn.Parameter] = {}
        self.calls: List[Tuple[str, Any, Any]] = []
        self.hears: Any = None  # called with the name and the arguments of every call of an unknown
        self.replaced: Set[str] = set()
        self.counters: Dict[str, "itertools.count[int]"] = {}

    def is_model(self, path: str) -> Optional[str]:
        """The name of the model that a dotted name belongs to, if any."""
        parts = path.split(".")
        found = self.known_model(path)
        return ".".join(parts[: 2 if parts[0] == "self" else 1]) if found is None and self.everything else found

    def known_model(self, path: str) -> Optional[str]:
        """The same, of those that the text uses as modules."""
        parts = path.replace("()", "").split(".")
        prefixes = [".".join(parts[:size]) for size in range(1, len(parts) + 1)]
        return next((prefix for prefix in prefixes if prefix in self.models), None)

    def parameter(self, model: str) -> torch.nn.Parameter:
        """The one parameter of an unknown model."""
        if model not in self.parameters:
            with torch.no_grad():
                self.parameters[model] = torch.nn.Parameter(_values(model, self.seed) - 0.6)
        return self.parameters[model]

    def step(self) -> None:
        """What an unknown optimizer does."""
        with torch.no_grad():
            for parameter in live_parameters():
                if parameter.grad is not None and parameter.grad.layout == torch.strided:
                    parameter.sub_(0.05 * parameter.grad)

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for parameter in live_parameters():
            parameter.grad = None


def live_parameters() -> List[torch.nn.Parameter]:
    """Every parameter that is alive: an unknown optimizer may be any's."""
    return [thing for thing in gc.get_objects() if issubclass(type(thing), torch.nn.Parameter)]


_world: List[World] = []


def world() -> World:
    """The world of this process."""
    return _world[-1]


def enter(new: World) -> None:
    """Make a world the one that all unknowns belong to."""
    _world[:] = [new]


def _values(path: str, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(zlib.crc32(path.encode()) + 7_919 * seed)
    return torch.rand((SIDE, SIDE), generator=generator) + 0.1


def unknown(path: str) -> Any:
    """The unknown of a name; devices and dtypes, which torch takes nothing else for, are real."""
    last = path.rpartition(".")[2].lower()
    if last in _REAL:
        return _REAL[last]
    if path in world().settings:
        return world().settings[path]
    made = _plain(_values(path, world().seed), Pliable)
    made.path = path
    return made


def _unpacked(frame: Any) -> Optional[int]:
    """How many values the instruction that `frame` is at unpacks."""
    code, at = frame.f_code.co_code, frame.f_lasti
    name = dis.opname[code[at]]
    if name == "UNPACK_SEQUENCE" or name.startswith("UNPACK_SEQUENCE"):
        return int(code[at + 1])
    return int(code[at + 1]) + 1 if name == "UNPACK_EX" else None


def _calls(frame: Any) -> bool:
    """Is the attribute that `frame` reads called at once?"""
    code, at = frame.f_code.co_code, frame.f_lasti
    name = dis.opname[code[at]]
    return not name.startswith("LOAD_ATTR") or (sys.version_info >= (3, 12) and bool(code[at + 1] & 1))


def _leniently(method: Any, name: str, owner: Any, *args: Any, **kwargs: Any) -> Any:
    """A method of a tensor; where it does not take its arguments, what it gives is unknown too."""
    try:
        return method(*args, **kwargs)
    except TypeError:
        return replacement(method, name, (owner, *args), kwargs)


def _is_foreign(frame: Any) -> bool:
    name = frame.f_code.co_filename
    return name.startswith(_FOREIGN[0]) or (name.startswith(_FOREIGN[1]) and "site-packages" not in name)


class Pliable(torch.Tensor):
    """An unknown, or what was computed from one. `path` is its name where it has one."""

    path: Optional[str] = None
    __array_ufunc__ = None  # numpy leaves operators to this class
    born: Optional[int] = None  # how often backward had run when a call gave it
    owner: Any = None

    # --- as an object ---------------------------------------------------------------------------------------------------------------------

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or name in Pliable.__dict__ or not isinstance(found, _METHOD_KINDS):
            return found
        frame = sys._getframe(1)
        if frame.f_code.co_filename != world().choices.path:
            return found
        if not _calls(frame) and self.path is not None and not self.requires_grad:
            return self.child(name)  # a setting that is called like a tensor's method
        return functools.partial(_leniently, found, name, self)

    def __getattr__(self, name: str) -> Any:
        if name in ("__name__", "__qualname__") and not _is_foreign(sys._getframe(1)):
            return self.path or "value"
        if name.startswith("__") or (name.startswith("_") and _is_foreign(sys._getframe(1))):
            raise AttributeError(name)
        return self.child(name)

    def child(self, key: str) -> Any:
        """The unknown that this one has under a name; the same one each time."""
        store = self.__dict__.setdefault("children", {})
        kept = (key, torch.is_grad_enabled())
        if kept not in store:
            store[kept] = self._derived(key)
        return store[kept]

    def _derived(self, key: str) -> Any:
        name = f"{self.path or 'value'}.{key}"
        if key.lower() in _REAL:
            return _REAL[key.lower()]
        if self.path is not None and not self.requires_grad:
            made = unknown(name)
        else:
            made = _plain(self * (1 + (zlib.crc32(key.encode()) % 97) / 1000) if self.is_floating_point() else self.clone(), Pliable)
            made.path, made.born = name, self.born
        if isinstance(made, Pliable):
            made.owner = weakref.ref(self)
        return made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        path = self.path or "value"
        here = world()
        if here.hears is not None:
            here.hears(path, args, kwargs)
        name = path.rpartition(".")[2]
        known: Any = _METHODS.get(name)
        if known is not None and self.owner is not None:
            return known(self.owner(), path.rpartition(".")[0], args, kwargs)
        model = here.is_model(path)
        made = mixed(here.parameter(model) if model is not None else _values(path, here.seed), (args, kwargs))
        made.path, made.born = f"{path}()", here.backwards
        return made

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def __fspath__(self) -> str:
        return f"/nonexistent/{self.path}"

    def __deepcopy__(self, memo: Any) -> Any:
        made = _plain(torch.Tensor.clone(self.detach()), Pliable)
        made.path = f"{self.path}.copy" if self.path else None
        return made

    # --- as a container -------------------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return ELEMENTS

    def __iter__(self) -> Iterator[Any]:
        count = _unpacked(sys._getframe(1))
        if count is not None:
            return (self.element(number) for number in range(count))
        source = self._as_source()
        return (source._derived(f"[{number}]") for number in range(ELEMENTS))

    def element(self, number: int) -> Any:
        """One of the elements; made anew each time, as a loader's batches are."""
        return self._derived(f"[{number}]")

    def _as_source(self) -> Any:
        """As what gives elements: a loader that some wrapper gave has no graph, what a model gave may have one."""
        if not self.requires_grad or world().known_model(self.path or "") is not None:
            return self
        made = _plain(self.detach(), Pliable)
        made.path = self.path
        return made

    def __next__(self) -> Any:
        path = self.path or "value"
        counter = world().counters.setdefault(path, itertools.count())
        return self._as_source()._derived(f"next {next(counter)}")

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str) or (isinstance(key, int) and self.path is not None):
            return self.child(f"[{key}]")
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, str):
            store = self.__dict__.setdefault("children", {})
            store[(f"[{key}]", True)] = store[(f"[{key}]", False)] = value
        else:
            super().__setitem__(key, value)

    def __contains__(self, key: Any) -> bool:
        answer = world().choices.answer(sys._getframe(1))
        return bool(answer)

    # --- as a number ----------------------------------------------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        frame = sys._getframe(1)
        answer = world().choices.answer(frame)
        if answer is not None:
            return answer
        if self.path is not None and not self.requires_grad and not world().seed:
            return False  # a setting
        return self._number() > (0.6 if self.path is not None else 0.5)

    def _number(self) -> float:
        with torch.no_grad():
            plain = _plain(self.detach(), torch.Tensor)
            return float(plain.float().mean()) if plain.numel() else 0.0

    def item(self) -> Any:
        """Its value, or the mean of its values."""
        return self._number() if self.numel() != 1 or self.is_floating_point() else torch.Tensor.item(self)

    def __float__(self) -> float:
        return self._number()

    def __int__(self) -> int:
        return world().number if self.path is not None and not self.requires_grad else math.floor(self._number()) or 1

    def __index__(self) -> int:
        return int(self)

    def __round__(self, digits: Optional[int] = None) -> float:
        return round(self._number(), digits)

    def __format__(self, form: str) -> str:
        kind = form[-1:]
        value: Any = int(self) if kind in ("d", "x") else self._number() if kind in ("f", "e", "g", "%", "F", "E", "G", "n") else str(self)
        try:
            return format(value, form)
        except ValueError:
            return str(value)

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return self.path if self.path is not None and not self.requires_grad else f"{self._number():.6g}"

    __str__ = __repr__

    def __eq__(self, other: object) -> Any:
        """As tensors are compared; whether a setting is some text is answered by the seed."""
        return bool(world().seed) if isinstance(other, str) else super().__eq__(other)

    def __ne__(self, other: object) -> Any:
        return not world().seed if isinstance(other, str) else super().__ne__(other)

    def __hash__(self) -> int:
        return id(self)

    # --- as a tensor ----------------------------------------------------------------------------------------------------------------------

    def backward(self, gradient: Any = None, retain_graph: Any = None, create_graph: bool = False, inputs: Any = None) -> None:
        """Backward from its mean; what has no graph and is given a tensor is a helper that calls backward."""
        if not self.requires_grad and not isinstance(gradient, torch.Tensor):
            return  # an unknown that something else would train
        world().backwards += 1
        plain = _plain(self if self.requires_grad or not isinstance(gradient, torch.Tensor) else gradient, torch.Tensor)
        (plain if plain.dim() == 0 else plain.mean()).backward(None, retain_graph, create_graph, inputs)  # type: ignore[no-untyped-call, unused-ignore]

    @property
    def shape(self) -> Any:  # type: ignore[override]
        """Its sizes, of as many dimensions as are asked for."""
        return Shape(_plain(self.detach(), torch.Tensor).shape)

    def size(self, dim: Any = None) -> Any:
        """Its sizes, or one of them."""
        sizes = self.shape
        return sizes if dim is None else sizes[dim]


def _accepting_arrays(name: str) -> Any:
    method = getattr(torch.Tensor, name)

    def operate(self: Any, other: Any) -> Any:
        if type(other).__module__ == "numpy":
            other = torch.tensor(other.astype("float32") if hasattr(other, "astype") else float(other))
        return method(self, other)

    return operate


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "mod", "lt", "le", "gt", "ge"):
    setattr(Pliable, f"__{_name}__", _accepting_arrays(f"__{_name}__"))


class Shape(Tuple[int, ...]):
    """Sizes that unpack into as many as are wanted."""

    def __iter__(self) -> Iterator[int]:
        count = _unpacked(sys._getframe(1))
        own = tuple.__iter__(self)
        return own if count is None or count == len(self) else iter([*own, *([SIDE] * count)][:count])

    def numel(self) -> int:
        """As torch.Size tells it."""
        return math.prod(tuple.__iter__(self))

    def __getitem__(self, key: Any) -> Any:
        try:
            return tuple.__getitem__(self, key)
        except IndexError:
            return SIDE


def mixed(weight: torch.Tensor, arguments: Any, scalar: bool = False) -> Pliable:
    """A tensor computed from a weight and every tensor among the arguments, with a graph where they have one."""
    with torch._C.DisableTorchFunction():
        total = weight
        for place, tensor in enumerate(itertools.islice(_usable(arguments), _STILL)):
            total = total + torch.nan_to_num(tensor.float(), 0.5, 2.0, -2.0).mean() * (0.4 + 0.17 * place)
        made = torch.sin(total)
        return _plain(made.mean() if scalar else made, Pliable)


def _usable(arguments: Any) -> Iterator[torch.Tensor]:
    for _, tensor in tensors(arguments, ""):
        if tensor.layout == torch.strided and tensor.numel() and not tensor.is_nested and not tensor.is_complex():
            # What an earlier backward has run through has no graph left to run through again.
            stale = isinstance(tensor, Pliable) and tensor.born is not None and tensor.born < world().backwards
            yield _plain(tensor.detach() if stale else tensor, torch.Tensor)


class Lenient(TorchFunctionMode):
    """Where an operation does not take the unknowns it is given, what it gives is an unknown too."""

    def __torch_function__(self, func: Any, kinds: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        try:
            return func(*args, **kwargs)
        except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError, AttributeError):
            name = getattr(func, "__name__", "")
            if "backward" in name or name == "__get__":
                raise
            if name not in _SHAPED and not any(isinstance(tensor, Pliable) for _, tensor in tensors((args, kwargs), "")):
                raise
        return replacement(func, name, args, kwargs)


def replacement(func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """What an operation gives that does not take the unknowns it is given."""
    if name in _CONVERSIONS:
        return args[0]
    if name.startswith("__i") or (name.endswith("_") and not name.endswith("__")):
        return _changed(func, name, args)
    world().replaced.add(name)
    return mixed(_values(name, world().seed), (args, kwargs), scalar=func in _LOSSES)


def _changed(func: Any, name: str, args: Any) -> Any:
    """What an operation in place leaves: done with the means of what does not fit, else undone."""
    world().replaced.add(name)
    with contextlib.suppress(RuntimeError, TypeError, IndexError, ValueError):
        return func(args[0], *(_plain(part, torch.Tensor).mean() if isinstance(part, torch.Tensor) else part for part in args[1:]))
    return args[0]


# What an unknown's sizes seldom fit into, whatever wrapped it.
_SHAPED = frozenset({"linear", "conv1d", "conv2d", "conv3d", "embedding", "layer_norm", "batch_norm"})
_CONVERSIONS = frozenset({"to", "cuda", "cpu", "type", "half", "float", "double", "long", "type_as", "numpy", "contiguous", "expand_as"})
_LOSSES = frozenset(
    getattr(torch.nn.functional, name) for name in dir(torch.nn.functional) if name.endswith(("_loss", "cross_entropy", "kl_div", "with_logits"))
)


def _itself(owner: Any, path: str, args: Any, kwargs: Any) -> Any:
    return owner if owner is not None else unknown(path)


def _step(owner: Any, path: str, args: Any, kwargs: Any) -> None:
    world().step()


def _zero_grad(owner: Any, path: str, args: Any, kwargs: Any) -> None:
    world().zero_grad()


def _backward(owner: Any, path: str, args: Any, kwargs: Any) -> None:
    for _, tensor in tensors((args, kwargs), ""):
        run: Any = (tensor if isinstance(tensor, Pliable) else tensor.sum()).backward
        run()
        return


def _parameters(owner: Any, path: str, args: Any, kwargs: Any) -> Any:
    return iter([_parameter(path)])


def _parameter(path: str) -> torch.nn.Parameter:
    return world().parameter(world().is_model(path) or path)


def _named(owner: Any, path: str, args: Any, kwargs: Any) -> Any:
    return iter([("weight", _parameter(path))])


def _state(owner: Any, path: str, args: Any, kwargs: Any) -> Any:
    return {"weight": _parameter(path).detach()} if world().is_model(path) else {}


def _items(owner: Any, path: str, args: Any, kwargs: Any) -> Any:
    return [(f"item{number}", unknown(f"{path}.item{number}")) for number in range(2)]


_METHODS = {
    **dict.fromkeys(("train", "eval", "requires_grad_", "prepare_model", "module"), _itself),
    "step": _step,
    "zero_grad": _zero_grad,
    **dict.fromkeys(("backward", "manual_backward"), _backward),
    "parameters": _parameters,
    "named_parameters": _named,
    "state_dict": _state,
    "items": _items,
    "keys": lambda owner, path, args, kwargs: ["item0", "item1"],
    "values": lambda owner, path, args, kwargs: [unknown(f"{path}.item{number}") for number in range(2)],
    **dict.fromkeys(("modules", "named_modules", "children", "buffers"), lambda owner, path, args, kwargs: iter(())),
}
