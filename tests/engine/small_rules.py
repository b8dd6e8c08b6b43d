"""Rules of a few lines for tests of the engine: they read the text alone, so that what the engine does with findings is all that is tested."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from lintorch.catalogue import Catalogue, RegisteredRule
from lintorch.project.module import SCRIPT
from lintorch.rule import Finding, Fix, Measurement, Operation, Replace, Rule, Scope, Severity, Span
from lintorch.source.text import Source

Check = Callable[..., Iterator[Finding]]


def catalogue(*rules: RegisteredRule) -> Catalogue:
    return Catalogue(tuple(sorted(rules, key=lambda registered: registered.code)))


def registered(code: str, check: Check, scope: Scope = Scope.CLASS, needs: Measurement = Measurement.NONE, aliases: tuple[str, ...] = ()) -> RegisteredRule:
    return RegisteredRule(Rule(code, check, scope, needs=needs, aliases=aliases), code.lower(), Path("none.md"))


def matching(code: str, pattern: str, replacement: str | None = None, severity: Severity = Severity.WARNING) -> Check:
    """A check that speaks of every match of a pattern in a function, and replaces it."""

    def check(function) -> Iterator[Finding]:
        if function.entry.qualname == SCRIPT:
            return  # the whole file once more
        source: Source = function.module.source
        node = function.entry.node
        start, end = source.line_span(node.lineno).start, source.line_span(node.end_lineno).end
        for match in re.compile(pattern).finditer(source.text, start, end):
            span = Span(*match.span())
            operations: tuple[Operation, ...] = (Replace(span, match.expand(replacement)),) if replacement is not None else ()
            fix = Fix(f"replace {match.group()}", operations) if operations else None
            yield Finding(code, code.lower(), f"`{match.group()}` here", span, function.entry.qualname, severity, fix=fix)

    return check


def replacing(code: str, pattern: str, replacement: str | None = None, **options) -> RegisteredRule:
    return registered(code, matching(code, pattern, replacement), **options)


HEAD = "import torch\nfrom torch import nn\n\n\n"


def module(name: str, *lines: str) -> str:
    """A torch module whose forward has these lines."""
    return f"class {name}(nn.Module):\n    def forward(self, x):\n" + "".join(f"        {line}\n" for line in lines) + "\n\n"


def source(text: str, path: Path | str = "a.py") -> Source:
    return Source.from_bytes(path, text.encode())
