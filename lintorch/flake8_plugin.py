"""The flake8 plugin: what the command line reports, from the tree that flake8 has already parsed."""

from __future__ import annotations

import ast
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

from lintorch import __version__
from lintorch.catalogue import load_catalogue
from lintorch.config import Configuration
from lintorch.engine.check import Analysis, Checker
from lintorch.engine.comments import BESIDE_FLAKE8
from lintorch.garbage import undisturbed
from lintorch.settings import Settings, UsageError
from lintorch.source.generated import is_generated
from lintorch.source.text import Source, SourceError

# pycodestyle's default: a line length that nobody set.
_UNSET_LENGTH = 79


class OptionManager(Protocol):
    """What flake8 hands to plugins that have options."""

    def add_option(self, *names: str, **how: Any) -> None:
        """Register one option."""


class Plugin:
    """Yields `(line, column, "LT101 message", type)` with flake8's columns, which begin at 0. `# noqa` is left to flake8."""

    name = "lintorch"
    version = __version__

    # flake8 makes one Plugin a file and keeps nothing between them, so what all files share lives on the class.
    _select: ClassVar[tuple[str, ...]] = ()
    _line_length: ClassVar[int | None] = None
    _shared: ClassVar[tuple[Configuration, Checker] | None] = None

    def __init__(self, tree: ast.Module, filename: str, lines: Sequence[str]) -> None:
        """flake8 passes what the parameters are called after."""
        self._tree, self._filename, self._lines = tree, filename, lines

    @staticmethod
    def add_options(manager: OptionManager) -> None:
        """Register --lintorch-select with flake8."""
        manager.add_option(
            "--lintorch-select", default="", comma_separated_list=True, parse_from_config=True, metavar="CODES",
            help="opt-in rules of lintorch to report too: codes, beginnings of codes such as LT1, or names",
        )  # fmt: skip

    @classmethod
    def parse_options(cls, options: Namespace) -> None:
        """Take over flake8's options; an unknown code ends flake8 with one line."""
        cls._select = tuple(options.lintorch_select)
        cls._line_length = options.max_line_length if options.max_line_length != _UNSET_LENGTH else None
        cls._shared = None
        try:
            load_catalogue().require(cls._select, "lintorch-select: ")
        except UsageError as error:
            raise SystemExit(f"lintorch: {error}") from None

    def run(self) -> Iterator[tuple[int, int, str, type[Any]]]:
        """The findings of one file, and LT000 for what kept lintorch from looking for more."""
        try:
            analysis = self._analysis()
        except SourceError:
            return  # flake8 itself reports what does not parse
        except Exception as error:  # noqa: BLE001 - flake8 would end with a traceback
            yield 1, 0, f"LT000 this file could not be checked ({' '.join(str(error).split())})", type(self)
            return
        for judged in analysis.judged:
            line, column = analysis.source.position(judged.finding.span.start)
            yield line, column - 1, f"{judged.finding.code} {judged.finding.message}", type(self)
        yield from ((1, 0, f"LT000 {failure}", type(self)) for failure in analysis.failures)

    def _analysis(self) -> Analysis:
        config, checker = self._tools()
        path, text = Path(self._filename), "".join(self._lines)
        settings = config.settings_for(path)
        # flake8 has decoded the file and made its line ends newlines; offsets are only ever used in this text.
        source = Source(path, text.encode(errors="surrogatepass"), text, "utf-8")
        if not settings.include_generated and is_generated(source):
            return Analysis(source)
        with undisturbed():
            return checker.analyse(source, settings, self._tree, comments=BESIDE_FLAKE8)

    @classmethod
    def _tools(cls) -> tuple[Configuration, Checker]:
        if cls._shared is None:
            cls._shared = Configuration(overlay=cls._overlay, flake8_length=cls._line_length), Checker(load_catalogue())
        return cls._shared

    @classmethod
    def _overlay(cls, settings: Settings) -> Settings:
        return replace(settings, extend_select=(*settings.extend_select, *cls._select))
