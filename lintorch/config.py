"""Settings from a project's files: [tool.lintorch] in the nearest pyproject.toml, line lengths from the neighbouring tools."""

from __future__ import annotations

import configparser
import functools
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from lintorch.settings import Settings, UsageError, nearest
from lintorch.there import exists, is_file, is_folder

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CHOICES = {
    "allow": ("same-trace", "tested", "close", "undecided"),
    "fail_on": ("error", "warning", "info"),
    "min_isolation": ("none", "rlimits only", "no-userns", "full"),
    "severity": ("error", "warning", "info"),
    "single_use_style": ("nested", "rebind"),
}


class Configuration:
    """What the configuration files say for each folder; every file is read once."""

    def __init__(
        self, explicit: Path | None = None, overlay: Callable[[Settings], Settings] = lambda settings: settings, flake8_length: int | None = None
    ) -> None:
        """`explicit` is used for every folder in place of the nearest pyproject.toml; `overlay` puts the command line on top.

        `flake8_length` is what a running flake8 was told, which need not be what its files say.
        """
        self._explicit, self._overlay, self._flake8_length = explicit, overlay, flake8_length
        self._by_folder: dict[Path, Settings] = {}
        self._distinct: list[Settings] = []

    def settings_for(self, path: Path) -> Settings:
        """The settings for a file or folder; raises UsageError for a configuration file that cannot be used."""
        folder = path if is_folder(path) else path.parent
        return self._for_folder(Path(folder.absolute()))

    @property
    def distinct(self) -> tuple[Settings, ...]:
        """The different settings given out so far."""
        return tuple(self._distinct)

    def _for_folder(self, folder: Path) -> Settings:
        if folder not in self._by_folder:
            self._by_folder[folder] = self._read(folder)
        return self._by_folder[folder]

    def _read(self, folder: Path) -> Settings:
        file = self.file(folder)
        given = read_configuration(file) if file else {}
        length = given.get("line_length") or neighbours_line_length(folder, self._flake8_length)[0] or Settings.line_length
        given = {**given, "python": _from(file, given.get("python"))}
        settings = Settings(**{**given, "line_length": length, "root": file.absolute().parent if file else Path.cwd()})
        return self._share(self._overlay(settings))

    def origins(self, path: Path) -> dict[str, str]:
        """Where each setting for a file or folder comes from, by the name of its field: a file, a neighbouring tool, or `default`."""
        folder = (path if is_folder(path) else path.parent).absolute()
        file = self.file(folder)
        given = read_configuration(file) if file else {}
        _, neighbour = neighbours_line_length(folder, self._flake8_length)
        default = {"line_length": neighbour} if neighbour else {}
        names = (field.name for field in keys().values())
        return {name: str(file) if name in given else default.get(name, "default") for name in names}

    def file(self, folder: Path) -> Path | None:
        """The configuration file that is in force for a folder."""
        return self._explicit or nearest_configuration(folder)

    def _share(self, settings: Settings) -> Settings:
        """One object for equal settings, so that files can be grouped by identity."""
        known = next((known for known in self._distinct if known == settings), None)
        if known is None:
            self._distinct.append(settings)
        return known or settings


def _from(file: Path | None, python: str | None) -> str | None:
    """An interpreter as a configuration file names it: a path is one from there."""
    return str(file.absolute().parent / python) if file and python and "/" in python else python


def nearest_configuration(folder: Path) -> Path | None:
    """The nearest pyproject.toml upward that has a [tool.lintorch] table."""
    for place in (folder, *folder.parents):
        if _table(place / "pyproject.toml", "lintorch") is not None:
            return place / "pyproject.toml"
    return None


def read_configuration(file: Path) -> Mapping[str, Any]:
    """What [tool.lintorch] sets, as arguments of Settings; raises UsageError naming the key that is unknown or has a wrong type."""
    if is_folder(file):
        raise UsageError(f"{file}: is a folder; name the configuration file in it, such as {file / 'pyproject.toml'}")
    if not is_file(file):
        raise UsageError(f"{file}: there is no such configuration file")
    table = _table(file, "lintorch") or {}
    return dict(_setting(file, key, value) for key, value in table.items())


def keys() -> dict[str, Field[Any]]:
    """The keys of [tool.lintorch], each with the field of Settings that it sets."""
    return {field.name.replace("_", "-"): field for field in fields(Settings) if field.name not in ("root", "illustrated")}


def editor_settings(given: Mapping[str, object]) -> Mapping[str, Any]:
    """What an editor sets for its workspace, as arguments of Settings: the keys of [tool.lintorch], in camel case or with hyphens; raises UsageError."""
    return dict(_setting(Path("the editor's settings"), re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", key), value) for key, value in given.items())


def _setting(file: Path, key: str, value: object) -> tuple[str, Any]:
    known = keys()
    if key not in known:
        raise UsageError(f"{file}: unknown key [tool.lintorch] {key}{nearest(key, known)}")
    name, wanted = known[key].name, str(known[key].type)
    return name, _checked_choice(file, key, name, _converted(f"{file}: [tool.lintorch] {key}", wanted, value))


def _checked_choice(file: Path, key: str, name: str, value: Any) -> Any:
    choices = CHOICES.get(name, ())
    given = value.items() if isinstance(value, dict) else ((None, value),)
    for inner, one in given if choices else ():
        if one not in choices:
            place = key if inner is None else f'{key}."{inner}"'
            raise UsageError(f"{file}: [tool.lintorch] {place} is one of {', '.join(choices)}, not {one!r}{nearest(str(one), choices)}")
    return value


def _converted(place: str, wanted: str, value: object) -> Any:
    """`value` as the type that the field of Settings declares; raises UsageError."""
    if wanted.startswith("Mapping") and isinstance(value, dict):
        inner = wanted.removeprefix("Mapping[str, ").removesuffix("]")
        return {name: _converted(f'{place}."{name}"', inner, item) for name, item in value.items()}
    if wanted.startswith("tuple") and isinstance(value, str):
        return (value,)
    if wanted.startswith("tuple") and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    simple: dict[str, type | tuple[type, ...]] = {"str": str, "str | None": str, "int": int, "float": (int, float), "bool": bool}
    if wanted in simple and isinstance(value, simple[wanted]) and (wanted == "bool" or not isinstance(value, bool)):
        if isinstance(value, int | float) and value < 0:
            raise UsageError(f"{place} must not be negative")
        return value
    raise UsageError(f"{place} must be {_in_words(wanted)}, not {value!r}")


def _in_words(wanted: str) -> str:
    words = {"str": "a string", "str | None": "a string", "int": "a whole number", "float": "a number", "bool": "true or false"}
    if wanted.startswith("Mapping"):
        return "a table of strings" if wanted == "Mapping[str, str]" else "a table of lists of strings"
    return words.get(wanted, "a list of strings")


def neighbours_line_length(folder: Path, flake8_length: int | None = None) -> tuple[int | None, str | None]:
    """The line length that ruff, black or flake8 (in this order) is set to for `folder`, and where; None where none is."""
    places = tuple(_places(folder))
    tools: dict[str, Callable[[Path], int | None]] = {"ruff": _ruff, "black": _black, "flake8": (lambda _: flake8_length) if flake8_length else _flake8}
    for name, tool in tools.items():
        for place in places:
            length = tool(place)
            if length is not None:
                return length, f"{name}'s in {place}"
    return None, None


def _places(folder: Path) -> Iterator[Path]:
    """`folder` and those above it, up to the root of the repository."""
    for place in (folder, *folder.parents):
        yield place
        if exists(place / ".git"):
            return


def _ruff(folder: Path) -> int | None:
    for name in (".ruff.toml", "ruff.toml"):
        if is_file(folder / name):
            return _whole(_foreign(folder / name).get("line-length"))
    return _whole((_foreign_table(folder, "ruff") or {}).get("line-length"))


def _black(folder: Path) -> int | None:
    return _whole((_foreign_table(folder, "black") or {}).get("line-length"))


def _flake8(folder: Path) -> int | None:
    for name in ("setup.cfg", "tox.ini", ".flake8"):
        value = _ini(folder / name).get("flake8", {})
        given = value.get("max-line-length", value.get("max_line_length", ""))
        if given.strip().isdigit():
            return int(given)
    return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _table(file: Path, tool: str) -> Mapping[str, Any] | None:
    """The [tool.<tool>] table of a TOML file, None where there is none; raises UsageError."""
    table = _toml(file).get("tool", {})
    found = table.get(tool) if isinstance(table, dict) else None
    if found is not None and not isinstance(found, dict):
        raise UsageError(f"{file}: tool.{tool} must be a table, not {found!r}")
    return found


def _foreign_table(folder: Path, tool: str) -> Mapping[str, Any] | None:
    table = _foreign(folder / "pyproject.toml").get("tool", {})
    found = table.get(tool) if isinstance(table, dict) else None
    return found if isinstance(found, dict) else None


def _foreign(file: Path) -> Mapping[str, Any]:
    """Another tool's file: where it is broken, that tool will say so."""
    try:
        return _toml(file)
    except UsageError:
        return {}


def _toml(file: Path) -> Mapping[str, Any]:
    """A TOML file, empty where there is none; raises UsageError where it cannot be read or is not TOML."""
    stamp = _stamp(file)
    return _parsed_toml(file, stamp) if stamp else {}


def _stamp(file: Path) -> tuple[int, int] | None:
    """What tells one state of a file from another, so that a long-lived server never answers from an old one; None where there is no file."""
    try:
        status = file.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size) if is_file(file) else None


@functools.cache
def _parsed_toml(file: Path, _stamp: tuple[int, int]) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); check its permissions") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: is not valid TOML ({error}); correct it or name another file with --config") from None


def _ini(file: Path) -> Mapping[str, Mapping[str, str]]:
    stamp = _stamp(file)
    return _parsed_ini(file, stamp) if stamp else {}


@functools.cache
def _parsed_ini(file: Path, _stamp: tuple[int, int]) -> Mapping[str, Mapping[str, str]]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return {}
    return {name: dict(parser[name]) for name in parser.sections()}
