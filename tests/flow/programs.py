"""Random small functions that log what they evaluate, so that flow's claims can be held against a real run.

Every call is `e(number, *arguments)`: it logs its number and the tokens it was given, and returns a token of its own. A token
remembers the call that made it, so a logged argument tells which definition a use has really seen.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c", "d")


class Boom(Exception):
    """What an effect may raise."""


class TooLong(BaseException):
    """Ends a run that loops; not an Exception, so that no handler of the program sees it."""


@dataclass(frozen=True, eq=False)
class Token:
    """The result of call `number`; truth, length and failure are fixed by the number and the run's seed."""

    number: int
    world: World

    def __bool__(self) -> bool:
        self.world.note("bool", self.number)
        return self.world.coin("bool", self.number)

    def __iter__(self) -> Iterator[Token]:
        self.world.note("iter", self.number)
        return iter([self] * 2)

    def __add__(self, other: Any) -> Token:
        self.world.note("add", self.number, other)
        return self

    __radd__ = __add__


class World:
    """One run: the log, and coins that depend on the seed and on how often they were tossed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.log: list[tuple[Any, ...]] = []

    def note(self, *entry: Any) -> None:
        self.log.append(tuple(item.number if isinstance(item, Token) else item for item in entry))
        if len(self.log) > 300:
            raise TooLong

    def coin(self, *what: Any) -> bool:
        return zlib.crc32(repr((self.seed, len(self.log), what)).encode()) % 3 == 0

    def effect(self, number: int, *arguments: Any) -> Token:
        self.note("call", number, *arguments)
        if number % 7 == 0 and self.coin("raise", number):
            raise Boom(number)
        return Token(number, self)


class Lenient:
    """A context manager that swallows every Exception."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, *rest: Any) -> bool:
        return kind is not None and issubclass(kind, Exception)


def run(code: str, seed: int) -> list[tuple[Any, ...]]:
    """The log of calling `forward` of the code, ended by what it returned or raised."""
    world = World(seed)
    namespace: dict[str, Any] = {"e": world.effect, "Lenient": Lenient, "Boom": Boom}
    exec(compile(code, "<program>", "exec"), namespace)
    try:
        result = namespace["forward"](*(Token(-index, world) for index in range(1, len(NAMES) + 1)))
        return [*world.log, ("returned", _plain(result))]
    except TooLong:
        return [*world.log, ("too long",)]
    except Exception as error:  # noqa: BLE001 - any failure of the program is part of its log
        return [*world.log, ("raised", type(error).__name__)]


def _plain(value: Any) -> Any:
    if isinstance(value, Token):
        return value.number
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else repr(value)


@st.composite
def programs(draw: Callable[..., Any], most: int = 9) -> str:
    """The source of a function `forward(a, b, c, d)`."""
    writer = _Writer(draw, itertools.count(1))
    lines = writer.suite(depth=0, most=most)
    return "def forward(a, b, c, d):\n" + "".join(f"    {line}\n" for line in [*lines, writer.returned()])


class _Writer:
    def __init__(self, draw: Callable[..., Any], numbers: Iterator[int]) -> None:
        self.draw, self.numbers, self.loops = draw, numbers, 0
        self.fresh: str | None = None  # a name bound by the statement before, to be used by this one

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def name(self) -> str:
        return self.pick(*NAMES)

    def read(self) -> str:
        """A name to read: one that every path has bound, for an unbound one would end the run early."""
        fresh, self.fresh = self.fresh, None
        return fresh or self.name()

    def call(self, depth: int = 0) -> str:
        arguments = [self.expression(depth + 1) for _ in range(self.pick(0, 1, 1, 2))]
        return f"e({', '.join([str(next(self.numbers)), *arguments])})"

    def expression(self, depth: int = 0) -> str:
        if depth > 2:
            return self.read()
        kind = self.pick("name", "name", "call", "call", "add", "choice", "or", "list", "comprehension", "walrus", "lambda")
        parts = {
            "call": lambda: self.call(depth),
            "add": lambda: f"({self.expression(depth + 1)} + {self.expression(depth + 1)})",
            "choice": lambda: f"({self.expression(depth + 1)} if {self.call(depth)} else {self.expression(depth + 1)})",
            "or": lambda: f"({self.call(depth)} or {self.expression(depth + 1)})",
            "list": lambda: f"e({next(self.numbers)}, *[{self.expression(depth + 1)}])",
            "comprehension": lambda: (
                f"e({next(self.numbers)}, *[e({next(self.numbers)}, {self.read()}) for {self.name()} in e({next(self.numbers)}, {self.read()})])"
            ),
            "walrus": lambda: f"({self.name()} := {self.call(depth)})",
            "lambda": lambda: f"(lambda: {self.read()})()",
        }
        return parts.get(kind, self.read)()

    def suite(self, depth: int, most: int = 4) -> list[str]:
        return [line for _ in range(self.draw(st.integers(1, most))) for line in self.statement(depth)]

    def statement(self, depth: int) -> list[str]:
        simple = ("assign", "assign", "assign", "temporary", "temporary", "expression", "augment", "unpack", "jump")
        compound = ("if", "while", "for", "try", "finally", "with") if depth < 2 else ()
        return getattr(self, f"_{self.pick(*simple, *compound)}")(depth)

    def _assign(self, depth: int) -> list[str]:
        return [f"{self.name()} = {self.expression()}"]

    def _temporary(self, depth: int) -> list[str]:
        name = f"t{next(self.numbers)}"
        lines = [f"{name} = {self.expression()}"]
        self.fresh = name
        lines += getattr(self, self.pick("_assign", "_expression", "_augment_fresh", "_temporary", "_returned"))(depth)
        self.fresh = None
        return lines

    def _augment_fresh(self, depth: int) -> list[str]:
        return [f"{self.read()} += {self.expression(1)}"]

    def _returned(self, depth: int) -> list[str]:
        return [self.returned()] if depth else self._assign(depth)

    def _expression(self, depth: int) -> list[str]:
        return [self.call()]

    def _augment(self, depth: int) -> list[str]:
        return [f"{self.name()} += {self.expression(1)}"]

    def _unpack(self, depth: int) -> list[str]:
        return [f"{self.name()}, {self.name()} = {self.call()}"]

    def _jump(self, depth: int) -> list[str]:
        if not depth:
            return [self.call()]
        return [self.pick(*(("break", "continue") if self.loops else ()), self.returned(), f"del {self.name()}", "raise ValueError")]

    def returned(self) -> str:
        return f"return {self.read() if self.pick(True, False) else self.expression()}"

    def _block(self, depth: int, looped: bool = False) -> list[str]:
        self.loops += looped
        lines = [f"    {line}" for line in self.suite(depth + 1)]
        self.loops -= looped
        return lines

    def _if(self, depth: int) -> list[str]:
        orelse = ["else:", *self._block(depth)] if self.pick(True, False) else []
        return [f"if {self.call()}:", *self._block(depth), *orelse]

    def _while(self, depth: int) -> list[str]:
        return [f"while {self.call()}:", *self._block(depth, looped=True)]

    def _for(self, depth: int) -> list[str]:
        orelse = ["else:", *self._block(depth)] if self.pick(True, False, False) else []
        return [f"for {self.name()} in {self.call()}:", *self._block(depth, looped=True), *orelse]

    def _try(self, depth: int) -> list[str]:
        orelse = ["else:", *self._block(depth)] if self.pick(True, False) else []
        return ["try:", *self._block(depth), self.pick("except Boom:", "except Exception:"), *self._block(depth), *orelse]

    def _finally(self, depth: int) -> list[str]:
        return ["try:", *self._block(depth), "finally:", *self._block(depth)]

    def _with(self, depth: int) -> list[str]:
        return ["with Lenient():", *self._block(depth)]
