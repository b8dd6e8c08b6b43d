"""Rule packs made for a test and installed beside the built-in one."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from lintorch.catalogue import load_catalogue

_NAMES = (f"acme_rules_{number}" for number in itertools.count())

RULE = "from lintorch.rule import Rule, Scope\n\n\ndef check(function):\n    yield from ()\n\n\nrule = Rule({code!r}, check, Scope.CLASS)\n"
PAGE = textwrap.dedent("""\
    # {code} {name}

    A sentence.

    ## Why it matters

    It does.

    ## Examples

    ```python bad
    x = 1  # error: [{code}]
    ```

    ## Must stay silent

    ```python good
    x = 1
    ```

    ## Fix safety

    None.
    """)


def write_pack(site: Path, files: Mapping[str, str]) -> Path:
    """A folder that, put on the path, holds a pack of these files as pip would have installed it; the pack's own folder."""
    package = next(_NAMES)
    (site / package).mkdir(parents=True)
    (site / package / "__init__.py").touch()
    for name, text in files.items():
        (site / package / name).write_text(text)
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[lintorch.rules]\nacme = {package}\n")
    return site / package


@contextmanager
def installed(site: Path, files: Mapping[str, str]) -> Iterator[Path]:
    """The pack installed for as long as the context lasts."""
    with pytest.MonkeyPatch.context() as patch:
        package = write_pack(site, files)
        patch.syspath_prepend(str(site))
        load_catalogue.cache_clear()
        yield package
    load_catalogue.cache_clear()
