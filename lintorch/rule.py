"""Everything a rule may import: the finding it yields, the fix it proposes, and the questions flow answers."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lintorch.flow.seed import Seed
from lintorch.flow.statement import Statement
from lintorch.flow.temporary import Temporary
from lintorch.source.text import Span

if TYPE_CHECKING:  # rules are listed and explained without libcst
    from lintorch.flow.activation import StoredActivation
    from lintorch.flow.best import Best
    from lintorch.flow.cache import CachedTensor
    from lintorch.flow.capturing_hook import CapturingHook
    from lintorch.flow.collecting_hook import CollectingHook
    from lintorch.flow.context_attribute import ContextTensor
    from lintorch.flow.evaluation_scope import Evaluation
    from lintorch.flow.event import Definition
    from lintorch.flow.failed_attempt import KeptException, Retry
    from lintorch.flow.function import FunctionFlow
    from lintorch.flow.keeping import Kept
    from lintorch.flow.movement import Inlining
    from lintorch.flow.replay import Replayed
    from lintorch.flow.statistic import LiveStatistic
    from lintorch.flow.surviving import Surviving
    from lintorch.flow.volatile import Volatile

__all__ = [
    "Best",
    "CachedTensor",
    "CapturingHook",
    "CollectingHook",
    "ContextTensor",
    "Definition",
    "Drop",
    "Evaluation",
    "Finding",
    "Fix",
    "FunctionFlow",
    "Inlining",
    "Kept",
    "KeptException",
    "LiveStatistic",
    "Measurement",
    "Move",
    "Operation",
    "Replace",
    "Replayed",
    "Retention",
    "Retry",
    "Rule",
    "Scope",
    "Seed",
    "Severity",
    "Span",
    "Statement",
    "StoredActivation",
    "Surviving",
    "Temporary",
    "Volatile",
    "moves",
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
    TRAINING = "functions, methods and module level, but for methods that only compute a module's forward"
    EVERYWHERE = "every function, method and the module's own statements"
    CLASS = "every method of a torch module"


class Measurement(enum.Enum):
    """What must be measured before a finding of the rule is shown."""

    NONE = "none"
    PEAK = "peak live bytes"
    WITNESS = "retained nodes and bytes"


@dataclass(frozen=True)
class Replace:
    """Put `text` in place of `span`. `observed` names an expression of the original whose new form must be seen to matter."""

    span: Span
    text: str
    observed: Span | None = None


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


def moves(function: FunctionFlow, inlining: Inlining) -> tuple[Move, ...]:
    """The operations that inline a definition: its own move, behind those of what stands between it and its use."""
    every = (*inlining.before, inlining)
    return tuple(Move(each.value, each.target, function.own_statement(each.definition), each.parenthesised) for each in every)


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
    `temporary` names the kind of inlining the rule applies, `aliases` codes of other tools whose noqa speaks for this rule too.
    """

    code: str
    check: Callable[[FunctionFlow], Iterator[Finding]]
    scope: Scope
    seeds: frozenset[Seed] = field(default_factory=frozenset)
    needs: Measurement = Measurement.NONE
    default: bool = True
    temporary: Temporary | None = None
    aliases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The bad pattern's name: the rule's file name with hyphens."""
        return self.check.__module__.rpartition(".")[2].replace("_", "-")

    def finding(
        self,
        function: FunctionFlow,
        place: Definition | Span,
        message: str,
        *,
        fix: Fix | None = None,
        evidence: tuple[str, ...] = (),
        severity: Severity = Severity.WARNING,
        retains: Retention | None = None,
    ) -> Finding:
        """A finding of this rule at the statement of a definition, or at the span given."""
        span = place if isinstance(place, Span) else function.own_statement(place).span
        return Finding(self.code, self.name, message, span, function.entry.qualname, severity, evidence, fix, retains)
