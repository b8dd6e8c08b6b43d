"""`lintorch config`: the settings in force, and where each comes from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lintorch.catalogue import load_catalogue
from lintorch.cli.arguments import Arguments
from lintorch.cli.configure import configuration
from lintorch.cli.keys import KEYS, schema
from lintorch.cli.paths import required
from lintorch.config import keys
from lintorch.engine.check import Checker
from lintorch.report.escape import visible
from lintorch.settings import UsageError


def config(arguments: Arguments) -> int:
    """Print the settings for a file or folder, or the schema; raises UsageError where a configuration file cannot be used."""
    if arguments.schema:
        sys.stdout.write(json.dumps(schema(load_catalogue()), indent=2) + "\n")
        return 0
    if len(arguments.paths) > 1:
        raise UsageError("name one file or folder whose settings to show (see `lintorch config --help`)")
    path = required(next(iter(arguments.paths), "."))
    found = configuration(arguments)
    settings = found.settings_for(path)
    origins = found.origins(path)
    values = {key: (_plain(getattr(settings, field.name)), origins[field.name]) for key, field in keys().items()}
    rules = [registered.code for registered in Checker(load_catalogue()).rules(settings, path)]
    _print(arguments.format, path, values, rules)
    return 0


def _print(form: str, path: Path, values: dict[str, tuple[Any, str]], rules: list[str]) -> None:
    if form == "json":
        settings = {key: {"value": value, "from": origin, "for": KEYS[key]} for key, (value, origin) in values.items()}
        sys.stdout.write(json.dumps({"version": 1, "path": str(path), "settings": settings, "rules": rules}, indent=2) + "\n")
        return
    lines = [f"# settings for {path}", *(_line(key, value, origin) for key, (value, origin) in values.items()), f"# rules: {', '.join(rules) or 'none'}"]
    sys.stdout.write("".join(visible(line) + "\n" for line in lines))


def _line(key: str, value: Any, origin: str) -> str:
    return f"# {key} is not set" if value is None else f"{key} = {_toml(value)}  # {origin}"


def _plain(value: object) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _toml(value: object) -> str:
    """A value as TOML spells it; JSON's strings, numbers and truths are TOML's too."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(name)} = {_toml(item)}" for name, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
