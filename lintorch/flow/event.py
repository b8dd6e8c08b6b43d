"""The vocabulary of flow: events in evaluation order, the regions they stand in, and the blocks of the control-flow graph."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

import libcst as cst


class Kind(enum.Enum):
    """What an evaluation step does."""

    LOAD = "read a name"
    STORE = "bind a name"
    DELETE = "unbind a name"
    GET_ATTRIBUTE = "read an attribute"
    SET_ATTRIBUTE = "write an attribute"
    GET_ITEM = "read an item"
    SET_ITEM = "write an item"
    CALL = "call"
    OPERATE = "apply an operator"
    TEST = "ask for truth"
    BUILD = "build a container or a literal"
    FORMAT = "format a value"
    ITERATE = "take from an iterable"
    CAPTURE = "make a nested scope that may read or write names later"
    AWAIT = "suspend"
    ENTER = "enter a context manager"
    EXIT = "leave a context manager"
    RAISE = "raise"
    RETURN = "return"
    IMPORT = "import"


class RegionKind(enum.Enum):
    """Why the events of a region may run never, once or many times."""

    BODY = "the function's own body"
    BRANCH = "if, match"
    LOOP = "for, while"
    WITH = "with"
    TRY = "try"
    HANDLER = "except"
    FINALLY = "finally"
    CHOICE = "part of an expression that is evaluated on a condition"
    COMPREHENSION = "comprehension"


@dataclass(frozen=True, eq=False)
class Region:
    """A stretch of code whose events run together; regions form a tree."""

    kind: RegionKind
    parent: Region | None
    node: cst.CSTNode

    def within(self, kind: RegionKind) -> bool:
        """Is this region, or one around it, of `kind`?"""
        return self.kind is kind or (self.parent is not None and self.parent.within(kind))


class Event(NamedTuple):
    """One evaluation step. `name` is the bound or read name, the attribute, or empty; `at` counts in evaluation order."""

    at: int
    kind: Kind
    node: cst.CSTNode
    name: str
    region: Region
    block: int


class Binding(enum.Enum):
    """How a name got its value."""

    PARAMETER = "parameter"
    ASSIGNED = "plain assignment to one name"
    ANNOTATED = "annotated assignment"
    CHAINED = "one of several targets"
    UNPACKED = "unpacking"
    AUGMENTED = "augmented assignment"
    LOOP = "for target"
    CONTEXT = "with ... as"
    EXCEPTION = "except ... as"
    IMPORT = "import"
    NESTED = "def or class"
    WALRUS = "assignment expression"
    MATCH = "pattern capture"


@dataclass(frozen=True, eq=False)
class Definition:
    """A name bound at an event. `value` is the expression bound, where there is one; `statement` the small statement that binds it."""

    name: str
    event: Event
    binding: Binding
    value: cst.BaseExpression | None = None
    statement: cst.CSTNode | None = None


@dataclass(eq=False)
class Block:
    """A basic block: events that run one after the other, and where control may go from its end."""

    number: int
    events: list[Event] = field(default_factory=list)
    successors: set[int] = field(default_factory=set)


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a statement stands: the suite's statements in order and its index there. `alone`: it has its lines for itself."""

    suite: tuple[cst.CSTNode, ...]
    index: int
    alone: bool
    region: Region

    @property
    def following(self) -> cst.CSTNode | None:
        """The next statement of the suite."""
        return self.suite[self.index + 1] if self.index + 1 < len(self.suite) else None


@dataclass(frozen=True, eq=False)
class Graph:
    """A function in evaluation order, with its control flow.

    `definitions` are keyed by the index of their STORE event; `extents` give the half-open range of event indices of an expression
    or small statement; `placements` tell where a statement (a line of small statements counts as one) stands.
    """

    events: tuple[Event, ...]
    blocks: tuple[Block, ...]
    exit: int
    definitions: dict[int, Definition]
    extents: dict[cst.CSTNode, tuple[int, int]]
    placements: dict[cst.CSTNode, Placement]
