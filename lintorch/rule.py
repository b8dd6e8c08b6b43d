"""Everything a rule may import: the finding it yields, the fix it proposes, and the questions flow answers."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lintorch.flow.function import FunctionFlow
from lintorch.flow.gate import Seed
from lintorch.flow.statement import Statement
from lintorch.source.text import Span

__all__ = [
    "Drop", "Finding", "Fix", "FunctionFlow", "Measurement", "Move", "Operation", "Replace", "Retention", "Rule", "Scope", "Seed", "Severity", "Span",
    "Statement",
]


class Severity(enum.Enum):
    """How much is at stake; ordered by `rank`."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info, 2 for error."""
        return ("info", "warning", "error").index(self.value)


class Scope(enum.Enum):
    """The functions a rule judges."""

    FORWARD = "forward and what it calls on self"
    TRAINING = "functions, methods and module level that train or evaluate"
    CLASS = "every method of a torch module"


class Measurement(enum.Enum):
    """What must be measured before a finding of the rule is shown."""

    NONE = "none"
    PEAK = "peak live bytes"
    WITNESS = "retained nodes and bytes"


@dataclass(frozen=True)
class Replace:
    """Put `text` in place of `span`."""

    span: Span
    text: str


@dataclass(frozen=True)
class Drop:
    """Remove a whole statement with its lines; a suite that would be left empty keeps a `pass`."""

    statement: Statement


@dataclass(frozen=True)
class Move:
    """Evaluate the expression at `value` where `target` (the only use of its name) stands, and remove the definition `statement`.

    `parenthesised` asks for parentheses round the moved text.
    """

    value: Span
    target: Span
    statement: Statement
    parenthesised: bool = False


# Operations compose where plain edits would overlap: a moved value may itself hold the target of another move.
Operation = Replace | Drop | Move


@dataclass(frozen=True)
class Fix:
    """A proposed change: operations on the text of the file the finding is in."""

    title: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Retention:
    """What a retention finding says is kept alive, and the evidence in the code."""

    what: str  # graph nodes | activations | storage | gradients | frames
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One place a rule speaks about. `span` counts code points of the file's text; `symbol` is the qualified name of the function."""

    code: str
    rule: str
    message: str
    span: Span
    symbol: str
    severity: Severity = Severity.WARNING
    evidence: tuple[str, ...] = ()
    fix: Fix | None = None
    retains: Retention | None = None


@dataclass(frozen=True)
class Rule:
    """A rule: its code, where it looks, and the function that yields findings.

    The name is taken from the file (`returned_temporary.py` is `returned-temporary`); everything told to people is on the page beside it.
    """

    code: str
    check: Callable[[FunctionFlow], Iterator[Finding]]
    scope: Scope
    seeds: frozenset[Seed] = field(default_factory=frozenset)
    needs: Measurement = Measurement.NONE
    default: bool = True
