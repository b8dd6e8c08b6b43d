"""The command line on top of the configuration files."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from lintorch.catalogue import load_catalogue
from lintorch.cli.arguments import Arguments
from lintorch.cli.output import warn
from lintorch.config import Configuration
from lintorch.settings import Settings, UsageError


def configuration(arguments: Arguments) -> Configuration:
    """Settings by folder, with what the command line says put on top; raises UsageError for an example that cannot be read."""
    examples = _by_class(arguments.example)
    _require_rules(arguments)

    def overlay(settings: Settings) -> Settings:
        chosen = replace(
            settings,
            select=settings.select if arguments.select is None else arguments.select,
            extend_select=(*settings.extend_select, *arguments.extend_select),
            ignore=(*settings.ignore, *arguments.ignore),
            exclude=(*settings.exclude, *(_from_here(pattern, settings.root) for pattern in arguments.exclude)),
            examples={**settings.examples, **examples},
            illustrated=arguments.format == "html",
        )
        simple = {name: getattr(arguments, name) for name in ("allow", "fail_on", "jobs", "min_isolation", "python", "include_generated", "unused_ignores")}
        return replace(chosen, **{name: value for name, value in simple.items() if value})

    return Configuration(arguments.config, overlay)


def _require_rules(arguments: Arguments) -> None:
    """Raise UsageError for a code of the command line that no rule has, and for a selection of nothing, such as a variable of a script that is not set."""
    if arguments.select == ():
        raise UsageError("--select names no rule (`lintorch rules` lists them)")
    given = (*(arguments.select or ()), *arguments.extend_select, *arguments.ignore)
    if given:
        load_catalogue().require(given)


def _from_here(pattern: str, root: Path) -> str:
    """A pattern with a slash is relative to where it is typed; patterns of settings are relative to the configuration file."""
    if "/" not in pattern.rstrip("/"):
        return pattern
    return "/" + Path(os.path.relpath(pattern, root)).as_posix() + ("/" if pattern.endswith("/") else "")


def _by_class(examples: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Examples by the class or function that each calls first."""
    found: dict[str, tuple[str, ...]] = {}
    for example in examples:
        name = example_name(example)
        found[name] = (*found.get(name, ()), example)
    return found


def warn_of_unused(examples: Iterable[str], texts: Iterable[str]) -> None:
    """A line for each example of the command line that is about a class or function that no text defines."""
    missing = {example: example_name(example).rpartition(".")[2] for example in examples}
    for text in texts if missing else ():
        missing = {example: name for example, name in missing.items() if not re.search(rf"\b(class|def)\s+{name}\b", text)}
    for example, name in missing.items():
        warn(f"nothing here is called {name!r}, so the example {example!r} is not used")


def example_name(example: str) -> str:
    """The class or function an example is about; raises UsageError where it is not in the form of examples."""
    try:
        body = ast.parse(f"_({example})", mode="eval").body
    except SyntaxError:
        body = None
    first = body.args[0] if isinstance(body, ast.Call) and body.args else None
    target = first.func if isinstance(first, ast.Call) else first
    if not isinstance(target, ast.Name | ast.Attribute):
        raise UsageError(f"the example {example!r} is not of the form 'Net(10, 20), torch.randn(4, 10)'")
    return ast.unparse(target)
