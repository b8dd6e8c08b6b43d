"""What each key of [tool.lintorch] is for, and the JSON schema that tells editors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field
from typing import Any

from lintorch import __version__
from lintorch.catalogue import ALL, Catalogue
from lintorch.config import CHOICES, keys

KEYS = {
    "select": "The only rules to ask, opt-in rules included: codes, beginnings of codes such as LT1, names, or ALL.",
    "ignore": "Rules not to ask; the longest of the selectors that fit a rule decides.",
    "extend-select": "Rules to ask besides those that are on by default.",
    "exclude": "Files and folders to leave out, in the language of .gitignore, relative to the configuration file.",
    "per-file-ignores": "Rules not to ask about the files that fit a pattern.",
    "line-length": "The width that fixes keep to, in characters; else what ruff, black or flake8 are set to, else 88.",
    "single-use-style": "What becomes of a chain of names used once: one nested expression, or one name bound anew.",
    "allow": "The weakest verdict with which --fix writes a rewrite.",
    "fail-on": "The least severity that makes the exit status 1.",
    "severity": "Severities other than those the rules choose, by selector.",
    "unused-ignores": "Also report comments that silence nothing (LT001).",
    "include-generated": "Also check files that say they are generated.",
    "examples": "How to build and call a class or function: its name, and calls such as 'Net(10, 20), torch.randn(4, 10)'.",
    "python": "The interpreter that has torch and the project's packages; a path is one from the configuration file.",
    "jobs": "How many processes to use; 0 is one for each core.",
    "time-limit": "Seconds that running both versions of one class may take.",
    "memory-limit": "Bytes of memory that a process running them may take.",
    "min-isolation": "Run no code in processes confined less than this.",
}
_SELECTORS = {"select", "ignore", "extend-select"}
_PLAIN = {"str": "string", "str | None": "string", "int": "integer", "float": "number", "bool": "boolean"}


def schema(catalogue: Catalogue) -> dict[str, Any]:
    """The JSON schema of a pyproject.toml of which [tool.lintorch] alone is spoken of: editors hold a whole file to a schema."""
    table = {
        "description": f"The settings of lintorch {__version__}.",
        "type": "object",
        "additionalProperties": False,
        "properties": {key: {"description": KEYS[key], **_property(key, field)} for key, field in keys().items()},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "definitions": {"selector": _selector(catalogue), "selectors": _one_or_many({"$ref": "#/definitions/selector"})},
        "properties": {"tool": {"type": "object", "properties": {"lintorch": table}}},
    }


def _property(key: str, field: Field[Any]) -> dict[str, Any]:
    given, choices = _type(key, str(field.type)), CHOICES.get(field.name)
    if choices and "additionalProperties" in given:
        given["additionalProperties"] = {"enum": list(choices)}
    elif choices:
        given["enum"] = list(choices)
    if field.default not in (MISSING, None):
        given["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
    return given


def _type(key: str, declared: str) -> dict[str, Any]:
    if key in _SELECTORS:
        return {"$ref": "#/definitions/selectors"}
    if key in ("per-file-ignores", "severity"):
        inner: Mapping[str, Any] = {"$ref": "#/definitions/selectors"} if key == "per-file-ignores" else {"type": "string"}
        names = {"propertyNames": {"$ref": "#/definitions/selector"}} if key == "severity" else {}
        return {"type": "object", "additionalProperties": dict(inner), **names}
    if declared.startswith("Mapping"):
        return {"type": "object", "additionalProperties": _one_or_many({"type": "string"})}
    if declared.startswith("tuple"):
        return _one_or_many({"type": "string"})
    return {"type": _PLAIN[declared], **({"minimum": 0} if declared in ("int", "float") else {})}


def _one_or_many(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _selector(catalogue: Catalogue) -> dict[str, Any]:
    """Codes and names for completion, and the beginnings of codes, in any case of letters."""
    words = [word for registered in catalogue.rules for word in (registered.code, registered.name)]
    beginnings = {registered.code[:size] for registered in catalogue.rules for size in range(1, len(registered.code) + 1)}
    cases = "|".join(sorted({word for beginning in beginnings for word in (beginning, beginning.lower())}))
    return {"anyOf": [{"enum": [*words, ALL]}, {"pattern": f"^({cases})$", "type": "string"}]}
