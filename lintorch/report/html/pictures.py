"""What was measured, drawn by matplotlib as SVG that takes its colours from the page, so that it fits light and dark."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lintorch.report.html.view import Picture
from lintorch.verify.figures import Series
from lintorch.verify.verdict import Levels, Retained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that stand for the page's own, and are replaced by them once drawn.
_INK, _LINE, _BEFORE, _AFTER = "#010101", "#020202", "#030303", "#040404"
_VARIABLES = {_INK: "var(--ink-soft)", _LINE: "var(--line)", _BEFORE: "var(--before)", _AFTER: "var(--after)"}
_SIZE = (4.6, 2.5)
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "bytes"))
_STYLE: Any = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _LINE,
    "xtick.color": _INK, "ytick.color": _INK, "grid.color": _LINE, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.linewidth": 0.6, "legend.frameon": False, "text.parse_math": False,
}  # fmt: skip
IDS = "picture-"  # what every id in a drawing begins with, until the page gives each drawing ids of its own


def timeline(series: tuple[Series, Series], title: str) -> Picture:
    """Live bytes over the operations of a run, before and after."""
    peaks = [max(size for _, size in one) for one in series]
    scale, unit = _unit(max(peaks))
    figure, axes = _axes("operations done", f"live {unit}")
    lines = [([place for place, _ in one], [size / scale for _, size in one]) for one in series]
    _draw(axes, lines, drawstyle="steps-post")
    operations = [one[-1][0] for one in series]
    said = f"peak {_amount(peaks[0])} → {_amount(peaks[1])}, {_changed(operations[0], operations[1], 'operations')}"
    return Picture(_svg(figure, title, said), f"{title}: {said}.")


def witness(retained: Retained, about: str) -> tuple[Picture, ...]:
    """Live bytes and graph nodes over the steps of a run, before and after the fix; nothing where levels were not kept."""
    if not all(retained.levels):
        return ()
    most = max(size for levels in retained.levels for _, size in levels)
    # Where what stays is the same, what falls is the peak within a step.
    before, after = retained.peak_bytes
    peaks = (before, after) if before != after and _ends(retained.levels[0]) == _ends(retained.levels[1]) else None
    scale, unit = _unit(max((most, *(peaks or ()))))
    nodes = _levels(retained.levels, 0, 1, "graph nodes", f"Graph nodes alive after each step of {about}", lambda number: f"{number:,}")
    return _levels(retained.levels, 1, scale, f"live {unit}", f"Bytes alive after each step of {about}", _amount, peaks), nodes


def _ends(levels: Levels) -> tuple[int, int]:
    return levels[0][1], levels[-1][1]


def _levels(levels: tuple[Levels, Levels], place: int, scale: float, label: str, title: str, amount: Any, peaks: tuple[int, int] | None = None) -> Picture:
    figure, axes = _axes("step", label)
    lines = [(list(range(1, len(one) + 1)), [level[place] / scale for level in one]) for one in levels]
    ends = [f"{amount(one[0][place])} after step 1, {amount(one[-1][place])} after step {len(one)}" for one in levels]
    said = f"before the fix {ends[0]}; with it {ends[1]}"
    if peaks is not None:
        lines = [(across, [peak / scale] * len(up)) for (across, up), peak in zip(lines, peaks, strict=True)]
        title = title.replace("Bytes alive after each step", "Most bytes alive within the steps")
        said = f"before the fix {amount(peaks[0])}, with it {amount(peaks[1])}; after each step the same"
    _draw(axes, lines, marked=True)
    return Picture(_svg(figure, title, said), f"{title}: {said}.")


def _unit(most: float) -> tuple[float, str]:
    return next(((scale, name) for scale, name in _UNITS if most >= scale), (1, "bytes"))


def _amount(size: float) -> str:
    scale, name = _unit(size)
    return f"{size / scale:,.1f} {name}" if scale > 1 else f"{size:,.0f} {name}"


def _changed(before: int, after: int, noun: str) -> str:
    return f"{before:,} {noun}" if before == after else f"{before:,} → {after:,} {noun}"


def _axes(across: str, up: str) -> tuple[Figure, Axes]:
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.grid(axis="x", visible=False)
    return figure, axes


def _draw(axes: Axes, lines: Sequence[tuple[list[int], list[float]]], drawstyle: str = "default", marked: bool = False) -> None:
    """Both versions, told apart by line and mark too, not by colour alone."""
    looks = (("before", _BEFORE, "--", "o", 3.2), ("after", _AFTER, "-", "s", 1.5))  # the broad one is still seen where the other covers it
    for (across, up), (label, color, dash, mark, width) in zip(lines, looks, strict=True):
        axes.plot(across, up, color=color, linestyle=dash, label=label, linewidth=width, drawstyle=drawstyle, marker=mark if marked else "", markersize=4)
    axes.set_ylim(0, (max(value for _, up in lines for value in up) or 1) * 1.08)
    axes.figure.legend(loc="outside upper right", ncols=2, frameon=False, labelcolor=_INK)


def _svg(figure: Figure, title: str, said: str) -> str:
    """The drawing as an element of a page: named and described."""
    from markupsafe import escape

    from lintorch.report.escape import visible

    drawn = _drawn(figure)
    body = drawn[drawn.index(">", drawn.index("<svg")) + 1 :]
    body = re.sub(r'(\bid="|xlink:href="#|href="#|url\(#)', lambda found: found.group() + IDS, body)
    body = re.sub("|".join(_VARIABLES), lambda found: _VARIABLES[found.group()], body)
    width, height = (72 * side for side in _SIZE)
    head = f'<svg role="img" viewBox="0 0 {width:g} {height:g}" aria-labelledby="{IDS}title" aria-describedby="{IDS}said" xmlns:xlink="http://www.w3.org/1999/xlink">'
    named = f'<title id="{IDS}title">{escape(visible(title))}</title><desc id="{IDS}said">{escape(visible(said))}</desc>'
    return head + named + body.strip()


def _drawn(figure: Figure) -> str:
    import matplotlib

    target = io.StringIO()
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": "lintorch"}):
        figure.savefig(target, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return re.sub(r"<style.*?</style>", "", _without_prolog(target.getvalue()), flags=re.DOTALL)


@functools.cache
def _prolog() -> re.Pattern[str]:
    return re.compile(r"^.*?(?=<svg)", re.DOTALL)


def _without_prolog(text: str) -> str:
    return _prolog().sub("", text, count=1)
