"""The pictures of the page on speed; they follow the reader's light or dark mode, each on a ground of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.packages import DOCS

IMAGES = DOCS / "images"
INK, GROUND, LINE, OURS, OTHER = "#1f2328", "#fffffe", "#d0d7de", "#00796b", "#8a94a0"
COLORS = ("#8a94a0", "#b3460a", OURS, "#5b3aa8")
# What each colour turns into where the reader's system is dark.
DARK = {INK: "#e6edf3", GROUND: "#161b22", LINE: "#30363d", OURS: "#4db6ac", OTHER: "#768390", "#b3460a": "#f0883e", "#5b3aa8": "#b392f0"}
MARKERS = ("o", "s", "D", "^")


def bars(name: Path, rates: Mapping[str, Mapping[str, float]], ours: Sequence[str], label: str) -> None:
    """One bar for each contender and package, on a logarithmic scale, quickest first."""
    packages = list(dict.fromkeys(package for each in rates.values() for package in each))
    ordered = sorted(rates, key=lambda contender: max(rates[contender].values()), reverse=True)
    with _style():
        drawn, thick = _figure(8, 1.1 + 0.45 * len(ordered)), 0.8 / len(packages)
        axes = drawn.add_subplot()
        for place, contender in enumerate(ordered):
            for number, package in enumerate(packages):
                if package in rates[contender]:
                    value, at = rates[contender][package], place + 0.4 - thick * (number + 0.5)
                    shade = 1 if number == 0 else 0.55
                    axes.barh(at, value, thick * 0.92, color=OURS if contender in ours else OTHER, alpha=shade, label=package)
                    axes.annotate(
                        f"{value:,.2g}" if value < 10 else f"{value:,.0f}", (value, at), (4, 0), textcoords="offset points", va="center", fontsize=8, color=INK
                    )
        axes.set(xscale="log", xlabel=f"{label} ({', '.join(_shades(packages))})", yticks=range(len(ordered)), yticklabels=ordered)
        axes.margins(x=0.12)
        _plain(axes.xaxis)
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        _save(drawn, name, f"Bars: {label}, " + "; ".join(f"{one} {max(rates[one].values()):.2g}" for one in reversed(ordered)))


def _shades(packages: Sequence[str]) -> list[str]:
    return [f"{package}: {'upper bar' if number == 0 else 'lower bar'}" for number, package in enumerate(packages)] if len(packages) > 1 else list(packages)


def curves(name: Path, lines: Sequence[int], panels: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """A panel for each quantity, with a curve for each command over lines, both axes logarithmic."""
    with _style():
        drawn = _figure(8, 3.6)
        for place, (label, series) in enumerate(panels.items(), 1):
            axes = drawn.add_subplot(1, len(panels), place)
            for number, (command, values) in enumerate(series.items()):
                axes.plot(lines, values, color=COLORS[number], marker=MARKERS[number], markersize=5, linewidth=1.8, label=command)
            axes.set(xscale="log", yscale="log", xlabel="lines", title=label)
            _plain(axes.xaxis, (1,))
            _plain(axes.yaxis, (1, 2, 5) if max(map(max, series.values())) < 100 * min(map(min, series.values())) else (1,))
            axes.grid(color=LINE, linewidth=0.6)
        drawn.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
        _save(drawn, name, f"Curves over lines: {', '.join(panels)}, for {', '.join(next(iter(panels.values())))}")


def _style() -> Any:
    import matplotlib

    look: dict[str, Any] = {"axes.edgecolor": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "text.color": INK, "axes.facecolor": GROUND}
    plain: dict[str, Any] = {
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "speed",
    }
    settings: Any = {**look, **plain, "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"]}
    return matplotlib.rc_context(settings)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor=GROUND)


def _plain(axis: Any, digits: Sequence[int] = (1,)) -> None:
    """Numbers written out, at these digits of each power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=digits))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))


def _save(drawn: Any, name: Path, description: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    place = IMAGES / name
    drawn.savefig(place, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    place.write_text(adaptive(place.read_text(encoding="utf-8"), description), encoding="utf-8")


def adaptive(svg: str, description: str) -> str:
    """The picture with its colours as variables that a dark system sets anew, and with words for those who do not see it."""
    named = {color: f"--c{number}" for number, color in enumerate(DARK)}
    for color, variable in named.items():
        svg = re.sub(re.escape(color), f"var({variable})", svg, flags=re.IGNORECASE)
    light = "".join(f"{variable}:{color};" for color, variable in named.items())
    dark = "".join(f"{variable}:{DARK[color]};" for color, variable in named.items())
    style = f"<style>:root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"
    return re.sub(r"(<svg [^>]*>)", lambda tag: f"{tag[1]}\n <title>{description}</title>\n {style}", svg, count=1)
