"""The template at work: everything put into it is text, shown and never obeyed."""

from __future__ import annotations

import itertools
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from lintorch import __version__
from lintorch.report.escape import visible
from lintorch.report.html.pictures import IDS
from lintorch.report.html.view import PageView, Picture


def page(view: PageView) -> str:
    """The finished page."""
    return _environment().get_template("page.html.jinja").render(page=view, version=__version__, style=Markup(_packaged("page.css"))) + "\n"


def _environment() -> Environment:
    environment = Environment(
        autoescape=True, loader=FunctionLoader(_packaged), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip
    numbers = itertools.count(1)

    def drawing(picture: Picture) -> Markup:
        """Our own drawing, whose words were escaped when it was made, with ids that no other one has."""
        return Markup(picture.svg.replace(IDS, f"{IDS}{next(numbers)}-"))

    environment.filters.update(drawing=drawing, prose=_prose)
    return environment


def _packaged(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _prose(text: str) -> Markup:
    """Our own sentence, what stands between backticks as code."""
    parts = [escape(visible(part)) for part in text.split("`")]
    if len(parts) % 2 == 0:
        return escape(visible(text))
    return Markup("").join(Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts))


def _shown(value: object) -> object:
    """Plain text from the tree under check, with what would act on a reader written out; the template then escapes it for HTML."""
    return visible(value) if type(value) is str else value
