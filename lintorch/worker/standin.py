"""Objects that take the place of what a missing import would have given.

At import time they allow everything (attributes, calls, subclassing, decorating). Once armed, any use of one is remembered: a run that needed
a module that is not installed says nothing about the code. Reading an attribute is no use yet: `isinstance(x, missing.Thing)` has a true answer.
"""

from __future__ import annotations

import abc
import functools
import types
from typing import Any, Callable, Dict, Iterator, List, Tuple

_MARK = "_lintorch_stand_in"


class Ledger:
    """Which stand-ins exist and which were really used; one per process, since import state is per process too."""

    def __init__(self) -> None:
        self.armed = False
        self.made: Dict[str, Any] = {}
        self.touched: List[str] = []

    def use(self, name: str) -> None:
        """Remember that `name` was used, if constructor or forward are running."""
        if self.armed and name not in self.touched:
            self.touched.append(name)


LEDGER = Ledger()


class StandInError(Exception):
    """An exception class of a missing module: can be caught and raised."""


class StandInType(abc.ABCMeta):
    """The type of classes of missing modules: real classes, so that annotations and subclasses of them are what they look like."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_") or _MARK not in cls.__dict__:  # a subclass written in the project answers for itself
            raise AttributeError(name)
        return stand_in(f"{cls.__dict__[_MARK]}.{name}")

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if _MARK not in cls.__dict__:
            return super().__call__(*args, **kwargs)
        return use(cls.__dict__[_MARK], args, kwargs)

    def __getitem__(cls, key: Any) -> Any:
        return cls

    def __instancecheck__(cls, instance: Any) -> bool:
        return False if _MARK in cls.__dict__ else super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: Any) -> bool:
        return False if _MARK in cls.__dict__ else super().__subclasscheck__(subclass)


def _stand_in_class(dotted: str) -> type:
    module, _, name = dotted.rpartition(".")
    if name.endswith(("Error", "Exception", "Warning", "Interrupt")):
        return type(name, (StandInError,), {"__module__": module})
    return StandInType(name, (), {"__module__": module, _MARK: dotted, "__new__": _any_instance, "__init__": _any_arguments})


def _any_instance(kind: type, *args: Any, **kwargs: Any) -> Any:
    return object.__new__(kind)


def _any_arguments(self: Any, *args: Any, **kwargs: Any) -> None:
    """The constructor that a project's class reaches in a base that is missing."""
    LEDGER.use(next(kind.__dict__[_MARK] for kind in type(self).__mro__ if _MARK in kind.__dict__))


def _is_class_name(name: str) -> bool:
    return name[:1].isupper() and not name.isupper() and name.isidentifier()


def stand_in(dotted: str) -> Any:
    """The stand-in for a dotted name, one per name: a class where it is written like one, else a StandIn."""
    if dotted not in LEDGER.made:
        LEDGER.made[dotted] = _stand_in_class(dotted) if _is_class_name(dotted.rpartition(".")[2]) else StandIn(dotted)
    return LEDGER.made[dotted]


def use(name: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """Call a stand-in: at import time a decorator gives back what it decorates, everything else gives a stand-in of its own."""
    LEDGER.use(name)
    if len(args) == 1 and not kwargs and not LEDGER.armed:
        if isinstance(args[0], types.FunctionType):
            return _watched(args[0], name)
        if isinstance(args[0], (type, staticmethod, classmethod, property)):
            return args[0]
    return stand_in(f"{name}()")


def _watched(function: Callable[..., Any], decorator: str) -> Callable[..., Any]:
    """`function` as it is, but calling it counts as a use of the decorator that is missing."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        LEDGER.use(decorator)
        try:
            return function(*args, **kwargs)
        except TypeError:
            if LEDGER.armed:
                raise
            return stand_in(f"{decorator}()")  # the decorator would have given a function of another signature

    return call


class StandIn(types.ModuleType):
    """A module, class, function or value that is not installed (a module type, so that import statements take it)."""

    def __init__(self, dotted: str) -> None:
        super().__init__(dotted)
        self.__dict__["__path__"] = []
        self.__dict__["__version__"] = "99.0.0"
        self.__dict__["__qualname__"] = dotted.rpartition(".")[2]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # who asks for a private name asks what kind of object this is
            raise AttributeError(name)
        child = stand_in(f"{self.__name__}.{name}")
        self.__dict__[name] = child
        return child

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return use(self.__name__, args, kwargs)

    def __mro_entries__(self, bases: Tuple[Any, ...]) -> Tuple[type, ...]:
        return (_stand_in_class(f"{self.__name__}.Base"),)

    def __instancecheck__(self, instance: Any) -> bool:
        return False

    def __subclasscheck__(self, subclass: Any) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        LEDGER.use(self.__name__)
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def _again(self, *args: Any) -> Any:
        LEDGER.use(self.__name__)
        return self

    def _no(self, *args: Any) -> bool:
        LEDGER.use(self.__name__)
        return False

    __getitem__ = __or__ = __ror__ = __and__ = __add__ = __radd__ = __sub__ = __mul__ = __rmul__ = __truediv__ = __pow__ = __neg__ = __enter__ = _again
    __lt__ = __gt__ = __le__ = __ge__ = __contains__ = _no

    def __exit__(self, *args: Any) -> None:
        return None

    def __setitem__(self, key: Any, value: Any) -> None:
        LEDGER.use(self.__name__)

    def __iter__(self) -> Iterator[Any]:
        LEDGER.use(self.__name__)
        return iter(())

    def __len__(self) -> int:
        LEDGER.use(self.__name__)
        return 0

    def __fspath__(self) -> str:
        LEDGER.use(self.__name__)
        return f"/nonexistent/{self.__name__}"

    def __index__(self) -> int:
        LEDGER.use(self.__name__)
        return 1

    def __float__(self) -> float:
        LEDGER.use(self.__name__)
        return 1.0

    def __repr__(self) -> str:
        return f"<stand-in for {self.__name__}>"


def is_stand_in(thing: Any) -> bool:
    """Is it a stand-in (and not a project's class that inherits from one)?"""
    return type(thing) is StandIn or (type(thing) is StandInType and _MARK in thing.__dict__)
