"""Pages of runs made by hand, read by an HTML parser that allows no error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from xml.etree.ElementTree import Element

import html5lib

from lintorch.catalogue import load_catalogue
from lintorch.engine.result import Diagnostic, FileResult, Hunk, Patch, PlacedEdit, Rewrite, Run, Witnessed, fingerprinted
from lintorch.report import html
from lintorch.source.text import Position, Source
from lintorch.verify.figures import Figures, Gradient
from lintorch.verify.pairs import Compared
from lintorch.verify.verdict import Change, Retained, Status, Verdict
from tests.report.runs import BROKEN, FIX, FIXED, LEFT, LOSS, REFUSED, REFUTED, RUN, TESTED, finding

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}$x_1$"
SERIES = ((0, 0), (1, 4096), (2, 8192), (3, 2048))
GRADIENTS = (Gradient("weight", "float32[2, 3]", (0.5, 0.5), True), Gradient(EVIL, "float32[2]", (None, 2.0), False))
FIGURES = Figures((SERIES, SERIES[:3]), (SERIES, SERIES), GRADIENTS, left_out=3)
GROWS = Retained(3, (21.0, 0.0), (0.0, 0.0), (84, 0), (64, 64), (70, 20), levels=(((21, 4096), (42, 8192)), ((0, 4096), (0, 4096))))
SHOWN = replace(TESTED, figures=FIGURES, retained=GROWS, notes=(f"built through {EVIL}",))

_TEXT = f"def f(x):\n    y = x  # {EVIL}\n    return y\n"
_PATCH = Patch(f"return {EVIL}", (PlacedEdit(Position(2, 5), Position(3, 13), "return x"),), (Hunk(2, _TEXT.partition("\n")[2], "    return x\n"),))
_LINE = _TEXT.splitlines()[1]


def evil(code: str, **how) -> Diagnostic:
    given = {"path": f"{EVIL}.py", "symbol": EVIL, "line_text": _LINE, "rule": "a-rule", "message": f"`y` {EVIL}", "evidence": (EVIL,), **how}
    return replace(finding(code, 2), **given)


HOSTILE = Run(
    (
        FileResult(
            f"{EVIL}.py",
            fingerprinted([evil("LT101", fix=_PATCH), evil("LT201", witness=Witnessed(GROWS)), evil("LT101", rewrite=1, verdict=SHOWN), evil(f"X{EVIL}")]),
            (Rewrite(1, f"{EVIL}.py", EVIL, _PATCH, SHOWN, True),),
            failures=(f"{EVIL}: broke",),
            original=Source.from_bytes(f"{EVIL}.py", _TEXT.encode()),
        ),
    ),
    ((EVIL, EVIL),),
    fixing=True,
)
PICTURED = Run(
    (
        FileResult(
            "pkg/net.py", fingerprinted([LEFT, replace(LOSS, witness=Witnessed(GROWS)), FIXED, REFUSED]),
            (Rewrite(1, "pkg/net.py", "Net", FIX, SHOWN, True), Rewrite(2, "pkg/net.py", "Other", FIX, replace(REFUTED, figures=FIGURES), False)),
        ),
        BROKEN,
    ),
    fixing=True, written=True,
)  # fmt: skip
COMPARED = [
    Compared("a.py", EVIL, SHOWN, Change(RUN.files[0].original.path, EVIL, _TEXT, _TEXT.replace("y", "z"))),
    Compared("a.py", "gone", Verdict(Status.UNDECIDED, "the new version has no `gone`")),
    Compared("b.py", "f", Verdict(Status.REFUTED, EVIL)),
]


def check_page(run: Run) -> str:
    return html.render(run, load_catalogue())


def pages() -> Iterator[tuple[str, str]]:
    """Every kind of page by name."""
    yield "all", check_page(RUN)
    yield "hostile", check_page(HOSTILE)
    yield "pictured", check_page(PICTURED)
    yield "nothing", check_page(Run(()))
    yield "compared", html.render_comparison(COMPARED, [f"{EVIL}: broke"])


def parsed(text: str) -> Element:
    """The document, by a parser that raises on any error in it."""
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    assert isinstance(document, Element)
    return document


def name(element: Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def told(element: Element) -> str:
    """All text inside."""
    return "".join(element.itertext())


def all_named(document: Element, *names: str) -> list[Element]:
    """The elements with these names, in the order of the page."""
    return [element for element in document.iter() if name(element) in names]
