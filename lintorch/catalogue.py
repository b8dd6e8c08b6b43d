"""The rules there are: packs found through entry points, each rule with its page, and which of them a run wants."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from lintorch.page import Page, PageError, parse_page
from lintorch.settings import Settings, UsageError, nearest

if TYPE_CHECKING:
    from lintorch.rule import Rule

GROUP = "lintorch.rules"
ALL = "ALL"


@dataclass(frozen=True)
class RegisteredRule:
    """A rule of some pack under the name its file gives it; the page beside it is read when asked for."""

    rule: Rule
    name: str
    page_path: Path

    @property
    def code(self) -> str:
        """The rule's code."""
        return self.rule.code

    @functools.cached_property
    def page(self) -> Page:
        """The page that tells people about the rule; raises UsageError where it is missing or malformed."""
        try:
            page = parse_page(self.page_path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the page of {self.code} cannot be read ({error}); reinstall its rule pack") from None
        except PageError as error:
            raise UsageError(f"{self.page_path}:{error.line}: {error.reason}") from None
        if (page.code, page.name) != (self.code, self.name):
            raise UsageError(f"{self.page_path}:1: the page is titled {page.title}, its rule is {self.code} {self.name}")
        return page

    @property
    def fixable(self) -> bool:
        """Does the rule propose a fix? Derived from its examples, never declared."""
        return any(block.kind == "fixed" for block in self.page.blocks)


@dataclass(frozen=True)
class Catalogue:
    """Every registered rule, sorted by code."""

    rules: tuple[RegisteredRule, ...]

    def find(self, word: str) -> RegisteredRule:
        """The rule of that code or name; raises UsageError naming the nearest one."""
        for registered in self.rules:
            if word.upper() == registered.code or word.lower() == registered.name:
                return registered
        several = [registered.code for registered in self.rules if word and registered.code.startswith(word.upper())]
        if several:
            raise UsageError(f"{word} is the beginning of {', '.join(several)}; name one of them")
        raise UsageError(f"there is no rule {word!r}{self._nearest(word)} (`lintorch rules` lists them)")

    def select(self, settings: Settings) -> tuple[RegisteredRule, ...]:
        """The rules these settings switch on; raises UsageError, naming the key, for a code or name that fits no rule.

        The longest selector that fits a rule decides, so `--ignore LT1 --select LT101` keeps LT101; a draw ignores.
        """
        for key, selectors in _selectors(settings):
            self.require(selectors, f"[tool.lintorch] {key}: ")
        return tuple(registered for registered in self.rules if self._is_on(registered, settings))

    def require(self, selectors: Iterable[str], where: str = "") -> None:
        """Raise UsageError, which begins with where they stand, for the first selector that fits no rule."""
        for selector in selectors:
            if not any(fit(selector, registered) is not None for registered in self.rules):
                raise UsageError(f"{where}unknown rule code or name {selector!r}{self._nearest(selector)} (`lintorch rules` lists them)")

    def _is_on(self, registered: RegisteredRule, settings: Settings) -> bool:
        chosen = best_fit((*settings.select, *settings.extend_select), registered)
        if chosen is None and not settings.select and registered.rule.default:
            chosen = 0
        refused = best_fit(settings.ignore, registered)
        return chosen is not None and (refused is None or chosen > refused)

    def _nearest(self, word: str) -> str:
        return nearest(word, [known for registered in self.rules for known in (registered.code, registered.name)])


def _selectors(settings: Settings) -> Iterator[tuple[str, Iterable[str]]]:
    """The keys under which settings name rules, each with what it names."""
    yield "select", settings.select
    yield "extend-select", settings.extend_select
    yield "ignore", settings.ignore
    yield "severity", settings.severity
    for pattern, codes in settings.per_file_ignores.items():
        yield f'per-file-ignores."{pattern}"', codes


def fit(selector: str, registered: RegisteredRule) -> int | None:
    """How closely a selector (a code, the beginning of one, a name, or ALL) fits a rule; None where it does not."""
    if selector == ALL:
        return 0
    if selector.lower() == registered.name:
        return len(registered.code)
    return len(selector) if selector and registered.code.startswith(selector.upper()) else None


def best_fit(selectors: Iterable[str], registered: RegisteredRule) -> int | None:
    """The closest fit among selectors, None where none fits."""
    return max((close for selector in selectors if (close := fit(selector, registered)) is not None), default=None)


@functools.cache
def load_catalogue() -> Catalogue:
    """Import every rule pack there is; raises UsageError where there is none, one is broken, or two rules share a code."""
    packs = {entry.value: entry for entry in importlib.metadata.entry_points(group=GROUP)}
    if not packs:
        raise UsageError("no rule pack is installed, so there is nothing to check; in a checkout run `pip install -e .` first")
    rules = [registered for entry in packs.values() for registered in _pack(entry)]
    _refuse_duplicates(rules)
    return Catalogue(tuple(sorted(rules, key=lambda registered: registered.code)))


def _pack(entry: importlib.metadata.EntryPoint) -> Iterator[RegisteredRule]:
    package = _imported(entry.value)
    for found in pkgutil.iter_modules(package.__path__):
        if not found.name.startswith("_"):
            yield _registered(f"{entry.value}.{found.name}")


def _registered(module_name: str) -> RegisteredRule:
    from lintorch.rule import Rule  # late: a look at the packs' names alone costs nothing

    module = _imported(module_name)
    rule = getattr(module, "rule", None)
    if not isinstance(rule, Rule):
        raise UsageError(f"the rule module {module_name} has no `rule = Rule(...)`; update or uninstall its rule pack")
    name = module_name.rpartition(".")[2].replace("_", "-")
    return RegisteredRule(rule, name, Path(module.__file__ or module_name).with_suffix(".md"))


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # a foreign pack may fail in any way; the user gets one line
        raise UsageError(f"the rule pack {name} cannot be imported ({type(error).__name__}: {error}); update or uninstall it") from error


def _refuse_duplicates(rules: Iterable[RegisteredRule]) -> None:
    taken: dict[str, RegisteredRule] = {}
    for registered in rules:
        for key in (registered.code, registered.name):
            other = taken.setdefault(key, registered)
            if other is not registered:
                raise UsageError(f"two rules are called {key} ({other.page_path} and {registered.page_path}); uninstall one of their packs")
