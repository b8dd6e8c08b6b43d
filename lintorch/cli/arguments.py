"""The options of every command, parsed into one frozen value."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from lintorch import __version__
from lintorch.settings import UsageError, nearest

COMMANDS = ("check", "verify", "explain", "rules", "config", "clean", "lsp")
# Of the formats in lintorch.report.formats; a test keeps the two in step, so that --help need not import them.
FORMATS = ("text", "concise", "json", "github", "gitlab", "sarif", "junit", "html")
ISOLATION = ("none", "rlimits only", "no-userns", "full")
LEVELS = ("same-trace", "tested", "close", "undecided")
_LEVELS_HELP = """same-trace: the same operations ran; tested: equal results, bit for bit; close: equal but for rounding; undecided: no run could tell.
What was seen to differ is never allowed"""

_COMMANDS_HELP = """\
commands:
  check [PATH ...]                         find (the default: `lintorch PATH` is `lintorch check PATH`); with --fix, fix what verifies
  verify OLD NEW | --against GITREV PATH   do two versions of a file or folder compute the same?
  explain CODE                             the page of a rule, such as LT101 or returned-temporary
  rules                                    list the rules
  config [PATH]                            the settings in force there, and where each comes from; --schema for editors
  clean                                    remove the cache
  lsp                                      the language server, on standard input and output (docs/editors)

exit status: 0 nothing left to report; 1 findings left, or a rewrite was refuted; 2 wrong usage, an unreadable file or an internal error

suppress a finding on its line with  # noqa: LT101  or  # lintorch: ignore[LT101]
"""


@dataclass(frozen=True)
class Arguments:
    """What the command line says; None where it says nothing, so that the configuration decides."""

    command: str
    paths: tuple[str, ...] = ()
    fix: bool = False
    diff: bool = False
    witness: bool = False
    all: bool = False
    against: str | None = None
    allow: str | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    config: Path | None = None
    fail_on: str | None = None
    jobs: int | None = None
    min_isolation: str | None = None
    python: str | None = None
    stdin_filename: str | None = None
    statistics: bool = False
    exit_zero: bool = False
    quiet: bool = False
    include_generated: bool = False
    example: tuple[str, ...] = ()
    unused_ignores: bool = False
    force_exclude: bool = False
    baseline: Path | None = None
    write_baseline: Path | None = None
    diff_from: str | None = None
    add_ignore: bool = False
    watch: bool = False
    schema: bool = False
    format: str = "text"
    output_file: Path | None = None
    executor: str | None = None
    no_cache: bool = False
    cache_dir: Path | None = None


class _Parser(argparse.ArgumentParser):
    """argparse that raises UsageError in one line, with the nearest option where one was mistyped."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see `{self.prog} --help`)")

    def unknown(self, word: str) -> NoReturn:
        if not word.startswith("-"):
            raise UsageError(f"there is no place for {word!r} here (see `{self.prog} --help`)")
        options = [option for action in self._actions for option in action.option_strings if option.startswith("--")]
        raise UsageError(f"unknown option {word}{nearest(word.partition('=')[0], options)} (see `{self.prog} --help`)")


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """The arguments of a command line; raises UsageError, and SystemExit after --help and --version."""
    command, rest = (argv[0], argv[1:]) if argv and argv[0] in COMMANDS else ("check", argv)
    parser = _PARSERS[command]()
    # Options may stand between paths, which argparse's `nargs="*"` alone would not take.
    parsed, extra = parser.parse_known_intermixed_args(list(rest))
    if extra:
        parser.unknown(extra[0])
    known = {field.name for field in fields(Arguments)}
    given: dict[str, Any] = {name: _settled(value) for name, value in vars(parsed).items() if name in known and value is not None}
    return Arguments(command=command, **given)


def _settled(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _codes(text: str) -> list[str]:
    return [code.strip() for code in text.split(",") if code.strip()]


def _jobs(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes")
    return int(text)


def _parser(command: str, description: str, usage: str, epilog: str | None = None) -> _Parser:
    parser = _Parser(
        prog="lintorch" if command == "check" else f"lintorch {command}", description=description, usage=usage, epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"lintorch {__version__}")
    return parser


def _check_parser() -> _Parser:
    description = "Find redundant intermediates and retained autograd graphs in PyTorch code; rewrite only what running both versions allows."
    parser = _parser("check", description, "lintorch [check] [options] [PATH ...]", _COMMANDS_HELP)
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders (default: the current folder); - reads standard input")
    _add_fixing(parser)
    _add_selection(parser)
    _add_adopting(parser)
    _add_input(parser)
    _add_running(parser, "write fixes")
    _add_output(parser, FORMATS)
    return parser


def _add_fixing(parser: _Parser) -> None:
    group = parser.add_argument_group("fixing")
    group.add_argument("--fix", action="store_true", help="run the code before and after each fix, and write what the verdict allows")
    group.add_argument("--diff", action="store_true", help="show what --fix would write, and write nothing")
    told = "run each retention finding for some steps, with its fix and without, and show what is kept alive; withdraw it where nothing is"
    group.add_argument("--witness", action="store_true", help=told)


def _add_selection(parser: _Parser) -> None:
    group = parser.add_argument_group("which rules (codes, beginnings of codes such as LT1, or names; separated by commas)")
    group.add_argument("--select", type=_codes, action="extend", metavar="CODES", help="only these, opt-in rules included")
    group.add_argument("--extend-select", type=_codes, action="extend", metavar="CODES", help="these besides")
    group.add_argument("--ignore", type=_codes, action="extend", metavar="CODES", help="not these")


def _add_adopting(parser: _Parser) -> None:
    group = parser.add_argument_group("taking it up in code that is there already")
    group.add_argument("--baseline", type=Path, metavar="FILE", help="report and fix only what this file does not know")
    group.add_argument("--write-baseline", type=Path, metavar="FILE", help="put today's findings there")
    group.add_argument("--diff-from", metavar="GITREV", help="report and fix only lines that differ from a git revision; REV... is where the branch left it")
    group.add_argument("--add-ignore", action="store_true", help="write `# lintorch: ignore[...]` behind today's findings (with --diff: show it)")
    group.add_argument("--unused-ignores", action="store_true", help="also report comments that silence nothing")
    group.add_argument("--watch", action="store_true", help="check again whenever a file changes, until interrupted")


def _add_input(parser: _Parser) -> None:
    group = parser.add_argument_group("which files")
    group.add_argument("--exclude", type=_codes, action="extend", metavar="GLOB", help="leave out matching files and folders")
    group.add_argument("--force-exclude", action="store_true", help="leave them out even where they are named here, as hooks name what is committed")
    group.add_argument("--include-generated", action="store_true", default=None, help="also files that say they are generated")
    group.add_argument("--stdin-filename", metavar="FILE", help="the name that standard input (-) stands for")


def _add_running(parser: _Parser, allowed: str) -> None:
    group = parser.add_argument_group("running both versions")
    group.add_argument("--allow", choices=LEVELS, help=f"{allowed} with this verdict or a better one (default: tested); {_LEVELS_HELP}")
    group.add_argument("--example", action="append", metavar="TEXT", help="how to build and call a module: 'Net(10, 20), torch.randn(4, 10)'")
    told = "refuse to run code in processes confined less than this (default: 'rlimits only', which limits time and memory; `none` not even that)"
    group.add_argument("--min-isolation", choices=ISOLATION, help=told)
    group.add_argument("--python", metavar="INTERPRETER", help="the interpreter that has torch and the project's packages")


def _add_output(parser: _Parser, formats: Sequence[str]) -> None:
    group = parser.add_argument_group("output and configuration")
    group.add_argument("--format", choices=formats, help="(default: text)")
    group.add_argument("--output-file", type=Path, metavar="FILE", help="write the report there")
    group.add_argument("--statistics", action="store_true", help="count findings by rule instead of showing them")
    group.add_argument("--quiet", "-q", action="store_true", help="findings and errors only, no summary and no progress")
    group.add_argument("--fail-on", choices=("error", "warning", "info"), help="the least severity that gives exit status 1 (default: warning)")
    group.add_argument("--exit-zero", action="store_true", help="exit with 0 even where findings are left")
    group.add_argument("--config", type=Path, metavar="FILE", help="this configuration file, not the nearest pyproject.toml")
    _add_work(parser)


def _add_work(parser: _Parser) -> None:
    group = parser.add_argument_group("how the work is done")
    group.add_argument("--jobs", "-j", type=_jobs, metavar="N", help="processes (default, or 0: one for each core)")
    group.add_argument("--executor", metavar="WHERE", help="'dask' for a cluster of --jobs processes here, 'dask:ADDRESS' for one that runs at ADDRESS")
    _add_cache(group)


def _add_cache(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--no-cache", action="store_true", help="judge every file and run every version anew, and keep nothing of it")
    group.add_argument("--cache-dir", type=Path, metavar="DIR", help="the folder of the cache (default: $LINTORCH_CACHE_DIR, else the user's)")


def _verify_parser() -> _Parser:
    parser = _parser(
        "verify", "Run two versions of the modules of a file or folder and say whether they compute the same.",
        "lintorch verify [options] OLD NEW\n       lintorch verify [options] --against GITREV PATH",
    )  # fmt: skip
    parser.add_argument("paths", nargs="*", metavar="PATH", help="the old and the new version; with --against the new one alone")
    parser.add_argument("--against", metavar="GITREV", help="the old version is that of a git revision")
    parser.add_argument("--all", action="store_true", help="also run what did not change")
    _add_running(parser, "exit with 0")
    group = parser.add_argument_group("output and configuration")
    group.add_argument("--format", choices=("text", "json", "html"), help="(default: text)")
    group.add_argument("--output-file", type=Path, metavar="FILE", help="write the report there")
    group.add_argument("--config", type=Path, metavar="FILE", help="this configuration file, not the nearest pyproject.toml")
    group.add_argument("--quiet", "-q", action="store_true", help="verdicts and errors only, no summary and no progress")
    _add_cache(group)
    return parser


def _explain_parser() -> _Parser:
    parser = _parser("explain", "Show the page of a rule.", "lintorch explain CODE")
    parser.add_argument("paths", nargs=1, metavar="CODE", help="a code such as LT101, or a name such as returned-temporary")
    return parser


def _rules_parser() -> _Parser:
    parser = _parser("rules", "List the rules.", "lintorch rules [--format text|json]")
    parser.add_argument("--format", choices=("text", "json"), help="(default: text)")
    return parser


def _config_parser() -> _Parser:
    parser = _parser("config", "Show the settings in force for a file or folder, and where each comes from.", "lintorch config [options] [PATH]")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="a file or folder (default: the current folder)")
    parser.add_argument("--schema", action="store_true", help="a JSON schema for pyproject.toml that knows [tool.lintorch], for editors")
    parser.add_argument("--format", choices=("text", "json"), help="(default: text)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="this configuration file, not the nearest pyproject.toml")
    return parser


def _clean_parser() -> _Parser:
    parser = _parser("clean", "Remove what earlier runs kept in the cache.", "lintorch clean [--cache-dir DIR]")
    parser.add_argument("--cache-dir", type=Path, metavar="DIR", help="the folder of the cache (default: $LINTORCH_CACHE_DIR, else the user's)")
    return parser


def _lsp_parser() -> _Parser:
    return _parser("lsp", "Speak the Language Server Protocol on standard input and output.", "lintorch lsp")


_PARSERS = {
    "check": _check_parser,
    "verify": _verify_parser,
    "explain": _explain_parser,
    "rules": _rules_parser,
    "config": _config_parser,
    "clean": _clean_parser,
    "lsp": _lsp_parser,
}
